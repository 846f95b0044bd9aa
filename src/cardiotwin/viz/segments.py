"""`segments.png`: bull's eyes of strain and wall thickness by AHA segment.

Cerqueira et al. (2002), Circulation 105:539-542: the apex in the middle, anterior on top, septum
on the left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes as Plot
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.patches import Wedge

from cardiotwin.geometry.biventricular.part import left_ventricle
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.imaging.examination import Phase
from cardiotwin.measurement.sectors import segment_means
from cardiotwin.measurement.views import N_SEGMENTS
from cardiotwin.twin.twin import Twin
from cardiotwin.units import KPA, MM
from cardiotwin.viz import theme
from cardiotwin.viz.wall import thickness

# (first segment, inner and outer radius, first wedge's start, wedge, degrees counter-clockwise)
RINGS = ((1, 0.75, 1.0, 60.0, 60.0), (7, 0.5, 0.75, 60.0, 60.0), (13, 0.25, 0.5, 45.0, 90.0))


@dataclass(frozen=True, kw_only=True, eq=False)
class Eye:
    """One bull's eye.

    Parameters
    ----------
    title, label
        Above it, and on its colour bar with the unit.
    values
        By segment, NaN where a segment has none.
    diverging
        Whether zero is the middle of the colours.
    digits
        Decimals of the numbers written into it.
    from_zero
        Whether the colours begin at 0 where they do not diverge.
    """

    title: str
    label: str
    values: Float[np.ndarray, " segments"]
    diverging: bool
    digits: int
    from_zero: bool = False


def draw_segments(twin: Twin, path: Path) -> Path:
    """Write the picture: what the twin has of circumferential strain, stress, thickness."""
    return draw_eyes([_eyes(twin)], path)


def draw_eyes(rows: Sequence[Sequence[Eye]], path: Path) -> Path:
    """Write bull's eyes in rows of one length."""
    n_columns = len(rows[0])
    with theme.figure(3.3 * n_columns, 3.9 * len(rows)) as fig:
        plots = fig.subplots(len(rows), n_columns, squeeze=False)
        for plot, eye in zip(plots.flat, chain(*rows), strict=True):
            scale, colours = _scale(eye)
            _bulls_eye(plot, eye, scale, colours)
            bar = fig.colorbar(
                ScalarMappable(scale, colours),
                ax=plot,
                orientation="horizontal",
                shrink=0.75,
                pad=0.07,
                aspect=24,
            )
            bar.set_label(eye.label)
            plot.set_title(eye.title)
        fig.subplots_adjust(0.03, 0.13 / len(rows), 0.97, 1 - 0.1 / len(rows), 0.14, 0.12)
        return theme.save(fig, path)


def segment_thickness(
    mesh: TetMesh, points: Float[np.ndarray, "nodes 3"]
) -> Float[np.ndarray, "17"]:
    """Return the mean wall thickness over each segment's epicardium, m."""
    mesh = left_ventricle(mesh)
    at_nodes = thickness(mesh, points)
    result = np.full(N_SEGMENTS, np.nan)
    outer = np.isin(mesh.cells, np.unique(mesh.facets["epicardium"])).sum(axis=1) >= 6
    for number in range(1, N_SEGMENTS + 1):
        nodes = np.unique(mesh.cells[outer & (mesh.cell_fields["aha_segment"] == number)])
        there = at_nodes[nodes]
        if np.isfinite(there).any():
            result[number - 1] = np.nanmean(there)
    return result


def _eyes(twin: Twin) -> list[Eye]:
    mesh = twin.mesh
    eyes = []
    strain = twin.state_fields.get("end_systole", {}).get("circumferential_strain")
    stress = twin.state_fields.get("end_diastole", {}).get("fibre_stress")
    if strain is not None:
        eyes.append(
            Eye(
                title="Circumferential strain, model",
                label="end-systole, Green-Lagrange, %",
                values=100 * segment_means(mesh, np.asarray(strain, dtype=np.float64)),
                diverging=True,
                digits=0,
            )
        )
    elif stress is not None:
        eyes.append(
            Eye(
                title="Fibre stress, model",
                label="end-diastole, Cauchy, kPa",
                values=segment_means(mesh, np.asarray(stress, dtype=np.float64)) / KPA,
                diverging=False,
                digits=1,
            )
        )
    eyes.append(
        Eye(
            title="Wall thickness, measured",
            label="end-diastole, mm",
            values=segment_thickness(mesh, mesh.points) / MM,
            diverging=False,
            digits=1,
        )
    )
    if Phase.END_SYSTOLE in twin.measured_points:
        end_systolic = segment_thickness(mesh, twin.measured_points[Phase.END_SYSTOLE]) / MM
        eyes.append(
            Eye(
                title="Wall thickening, measured",
                label="end-systole over end-diastole, %",
                values=100 * (end_systolic / eyes[-1].values - 1),
                diverging=True,
                digits=0,
            )
        )
    return eyes


def _scale(eye: Eye) -> tuple[Normalize, Colormap]:
    known = eye.values[np.isfinite(eye.values)]
    if eye.diverging:
        # Shortening and thickening are both the healthy direction: red in both.
        limit = max(10.0, float(np.ceil(np.abs(known).max(initial=0) / 10) * 10))
        name = theme.STRAIN_MAP if "strain" in eye.title else f"{theme.STRAIN_MAP}_r"
        return Normalize(-limit, limit), colormaps[name]
    low, high = float(known.min(initial=np.inf)), float(known.max(initial=-np.inf))
    low, high = (low, high) if low < high else (low - 1, low + 1)
    low = 0.0 if eye.from_zero else float(np.floor(low))
    return Normalize(low, np.ceil(high)), colormaps[theme.MAGNITUDE_MAP]


def _bulls_eye(plot: Plot, eye: Eye, scale: Normalize, colours: Colormap) -> None:
    def wedge(number: int, inner: float, outer: float, start: float, stop: float) -> None:
        value = eye.values[number - 1]
        colour = colours(scale(value)) if np.isfinite(value) else "white"
        plot.add_patch(
            Wedge(
                (0, 0),
                outer,
                start,
                stop,
                width=outer - inner,
                facecolor=colour,
                edgecolor="white",
                linewidth=1.5,
            )
        )
        middle = np.deg2rad((start + stop) / 2)
        radius = (inner + outer) / 2 if inner else 0.0
        x, y = radius * np.cos(middle), radius * np.sin(middle)
        dark = np.isfinite(value) and float(np.dot(colour[:3], (0.3, 0.59, 0.11))) < 0.5
        text = _number(value, eye.digits) if np.isfinite(value) else "n/a"
        plot.text(
            x,
            y,
            text,
            ha="center",
            va="center",
            fontsize=7,
            color="white" if dark else theme.BLACK,
        )

    for first, inner, outer, start, size in RINGS:
        for step in range(int(360 / size)):
            wedge(first + step, inner, outer, start + size * step, start + size * (step + 1))
    wedge(17, 0.0, 0.25, 0, 360)
    for words, x, y, turn in (
        ("anterior", 0, 1.1, 0),
        ("inferior", 0, -1.1, 0),
        ("septal", -1.1, 0, 90),
        ("lateral", 1.1, 0, 270),
    ):
        plot.text(x, y, words, ha="center", va="center", rotation=turn, fontsize=8)
    plot.set_xlim(-1.18, 1.18)
    plot.set_ylim(-1.18, 1.18)
    plot.set_aspect("equal")
    plot.set_axis_off()


def _number(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")


__all__ = ["Eye", "draw_eyes", "draw_segments", "segment_thickness"]
