"""`views.png`: the contours that strain was read from, in the six image planes."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes as Plot

from cardiotwin.geometry.biventricular.part import left_ventricle
from cardiotwin.imaging.examination import Phase
from cardiotwin.measurement.contours import RAYS, SAMPLES
from cardiotwin.measurement.image import long_outlines, slice_outlines
from cardiotwin.measurement.material import long_marks, slice_marks
from cardiotwin.measurement.views import LAYERS, SLICES, VIEWS, Plane, plan_views
from cardiotwin.twin.twin import Twin
from cardiotwin.units import MM
from cardiotwin.viz import theme

TOP = np.deg2rad(120)  # turns segment 1, 30 degrees before the anterior insertion, upwards
EDGES = (0, 2)  # of the three layers, the two that an image shows
STYLES = {
    "end-diastole": {"color": theme.GREY, "linewidth": 1.2},
    "end-systole, material": {"color": theme.VERMILION, "linewidth": 1.5},
    "end-systole, fixed plane": {
        "color": theme.BLUE,
        "linewidth": 1.3,
        "linestyle": (0, (4, 1.5)),
    },
    "imaged end-systole, fixed plane": {
        "color": theme.BLACK,
        "linewidth": 1.1,
        "linestyle": (0, (1, 1.5)),
    },
}
Drawn = Float[np.ndarray, "planes layers points 2"]


def draw_views(twin: Twin, path: Path) -> Path | None:
    """Write the picture; return None for a twin that does not beat."""
    if twin.function is None:
        return None
    function, mesh = twin.function, twin.mesh
    name = function.states[function.end_systole]
    moved = mesh.points + twin.states[name].displacement
    frames = [mesh.points, moved]
    if function.measured is not None:
        frames.append(twin.measured_points[Phase.END_SYSTOLE])
    views = plan_views(left_ventricle(mesh))
    rings = slice_outlines(mesh, np.stack(frames), views)
    lines = long_outlines(mesh, np.stack(frames), views)
    tissue_rings = _flat(slice_marks(mesh, views).at(moved), views.slices, RAYS)
    tissue_lines = _flat(long_marks(mesh, views).at(moved), views.views, 2 * SAMPLES + 1)
    with theme.figure(9.2, 6.6) as fig:
        plots = fig.subplots(2, 3)
        for k, title in enumerate((*SLICES, *VIEWS)):
            plot, closed = plots.flat[k], k < len(SLICES)
            still, tissue = (rings, tissue_rings) if closed else (lines, tissue_lines)
            row = k % len(SLICES)
            curves = [still[0, row], tissue[row], *still[1:, row]]
            for curve, (label, style) in zip(curves, STYLES.items(), strict=False):
                _curves(plot, curve, closed=closed, label=label, style=style)
            plot.set_title(f"{title} slice" if closed else title.replace("_", "-"))
            plot.set_aspect("equal")
            plot.set_xlabel("mm")
        for row, label in zip(plots, ("mm, anterior on top", "mm, to the base"), strict=True):
            row[0].set_ylabel(label)
        handles, labels = plots.flat[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="lower center", ncols=len(labels))
        fig.subplots_adjust(0.07, 0.12, 0.985, 0.95, 0.22, 0.3)
        return theme.save(fig, path)


def _flat(
    marks: Float[np.ndarray, "marks 3"], planes: tuple[Plane, ...], per_contour: int
) -> Drawn:
    """Return marked points seen along the planes' normals, m."""
    shaped = marks.reshape(len(planes), len(LAYERS), per_contour, 3)
    return np.stack([plane.flat(points) for plane, points in zip(planes, shaped, strict=True)])


def _curves(
    plot: Plot,
    contour: Float[np.ndarray, "layers points 2"],
    *,
    closed: bool,
    label: str,
    style: dict[str, object],
) -> None:
    for layer in EDGES:
        x, y = contour[layer].T / MM
        if closed:
            x, y = (np.cos(TOP) * x - np.sin(TOP) * y, np.sin(TOP) * x + np.cos(TOP) * y)
            x, y = np.append(x, x[0]), np.append(y, y[0])
        plot.plot(x, y, label=label if layer == EDGES[0] else None, **style)  # type: ignore[arg-type]


__all__ = ["draw_views"]
