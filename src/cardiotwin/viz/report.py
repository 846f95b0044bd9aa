"""All pictures of a twin and the page that holds them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from cardiotwin.imaging.examination import Contours, ImageStack, LabelMap, Phase
from cardiotwin.twin.files import remove, write_bytes
from cardiotwin.twin.twin import Twin
from cardiotwin.viz.fibres import draw_fibres
from cardiotwin.viz.function import draw_function
from cardiotwin.viz.movie import draw_beat
from cardiotwin.viz.page import report_page
from cardiotwin.viz.parameters import draw_parameters
from cardiotwin.viz.pressure_volume import draw_pressure_volume
from cardiotwin.viz.segment_strain import draw_segment_strain
from cardiotwin.viz.segments import draw_segments
from cardiotwin.viz.slices import draw_slices
from cardiotwin.viz.strain import draw_strain
from cardiotwin.viz.views import draw_views

REPORT = "report.html"
SLICES = {Phase.END_DIASTOLE: "slices.png", Phase.END_SYSTOLE: "slices_end_systole.png"}


def write_pictures(
    twin: Twin,
    contours: Mapping[Phase, Contours],
    images: tuple[ImageStack, ...],
    labels: Mapping[Phase, LabelMap],
    folder: Path,
    *,
    drawn: Mapping[Phase, Contours] | None = None,
    truth: Mapping[str, float] | None = None,
) -> tuple[Path, ...]:
    """Write all pictures that a twin allows and the report; return their paths, report last.

    A picture that an earlier twin left here and this one does not allow is removed.

    Parameters
    ----------
    twin
        The twin; end-systole, posterior and fields may be missing.
    contours
        By phase, in the heart's frame: after slice-shift correction.
    images, labels
        As acquired, to lie behind the contours; may be empty.
    folder
        The run folder.
    drawn
        The contours before slice-shift correction: images and labels are moved with them.
    truth
        What is known of the heart, SI, by the names of parameters and measurements.
    """
    before = {} if drawn is None else drawn
    known = {} if truth is None else truth

    def slices(phase: Phase) -> Callable[[Path], Path | None]:
        def draw(path: Path) -> Path | None:
            if phase not in contours or phase not in twin.measured_points:
                return None
            return draw_slices(
                twin,
                phase,
                contours[phase],
                path,
                images=images,
                labels=labels.get(phase),
                drawn=before.get(phase),
            )

        return draw

    pictures: dict[str, Callable[[Path], Path | None]] = {
        name: slices(phase) for phase, name in SLICES.items()
    }
    pictures |= {
        "fibres.png": lambda path: draw_fibres(twin.mesh, path),
        "strain.png": lambda path: draw_strain(twin, path),
        "segments.png": lambda path: draw_segments(twin, path),
        "function.png": lambda path: draw_function(twin, path),
        "segments_strain.png": lambda path: draw_segment_strain(twin, path),
        "views.png": lambda path: draw_views(twin, path),
        "pressure_volume.png": lambda path: draw_pressure_volume(twin, path),
        "parameters.png": lambda path: draw_parameters(twin, path, known),
        "beat.mp4": lambda path: draw_beat(twin, path),
    }
    written = []
    for name, draw in pictures.items():
        path = draw(folder / name)
        if path is None:
            remove(folder / name)
        else:
            written.append(path)
    report = folder / REPORT
    write_bytes(report, report_page(twin, written, known).encode())
    return (*written, report)


__all__ = ["write_pictures"]
