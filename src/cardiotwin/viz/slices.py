"""`slices.png`: what was drawn and what the model makes of it, slice by slice over the image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cardiotwin.imaging.examination import Contours, ImageStack, LabelMap, Phase, Tissue, View
from cardiotwin.twin.twin import Twin
from cardiotwin.viz import theme
from cardiotwin.viz.panels import (
    DRAWN_LV,
    DRAWN_RV,
    LV,
    RV,
    SURFACES,
    TINT,
    Scene,
    draw_marks,
    draw_panel,
)
from cardiotwin.viz.planes import shifts
from cardiotwin.viz.wall import axes, surface

MARGIN = 16e-3  # m round the left ventricle
MOST_PANELS = 15
SIDE = 2.05  # inches a panel


def draw_slices(
    twin: Twin,
    phase: Phase,
    contours: Contours,
    path: Path,
    *,
    images: Sequence[ImageStack] = (),
    labels: LabelMap | None = None,
    drawn: Contours | None = None,
) -> Path | None:
    """Write the picture of one phase; return None where no left ventricle was drawn.

    `contours` are in the heart's frame; `drawn` are the same before slice-shift correction, from
    which the images' own shifts follow (without them images are shown unshifted).
    """
    scene = _scene(twin, phase, contours, images=images, labels=labels, drawn=drawn)
    chosen = _chosen(scene)
    if not chosen:
        return None
    middle, half = _field(scene)
    n_columns = min(max(len(chosen), 3), 5 if len(chosen) > 8 else 4)
    n_rows = -(-len(chosen) // n_columns)
    width = SIDE * n_columns + 0.1
    with theme.figure(width, SIDE * n_rows) as fig:
        grid = fig.subplots(n_rows, n_columns, squeeze=False)
        for plot in grid.flat:
            plot.set_axis_off()
        shown = [
            draw_panel(plot, scene, key, middle, half)
            for plot, key in zip(grid.flat, chosen, strict=False)
        ]
        draw_marks(grid.flat[0], half, scene.contours.slices[chosen[0]].view)
        entries = _entries(scene, tinted=not all(shown) and labels is not None)
        legend_rows = -(-len(entries) // int(width / 1.95))
        per_row = -(-len(entries) // legend_rows)
        foot = 0.16 + 0.22 * legend_rows
        height = SIDE * n_rows + 0.38 + foot
        fig.set_figheight(height)
        fig.subplots_adjust(0.01, foot / height, 0.99, 1 - 0.38 / height, 0.03, 0.03)
        fig.legend(handles=entries, loc="lower center", ncols=per_row)
        fig.suptitle(
            f"{theme.spoken(phase.value).capitalize()}: drawn contours and the model",
            fontweight="bold",
            y=1 - 0.08 / height,
            va="top",
        )
        return theme.save(fig, path)


def _scene(
    twin: Twin,
    phase: Phase,
    contours: Contours,
    *,
    images: Sequence[ImageStack],
    labels: LabelMap | None,
    drawn: Contours | None,
) -> Scene:
    measured = twin.measured_points[phase]
    state = twin.states.get(phase.value)
    predicted = measured if state is None else twin.mesh.points + state.displacement
    apart = bool(np.abs(predicted - measured).max() > 0.5e-3)
    heart = axes(twin.mesh)
    shown = [name for name in SURFACES if name in twin.mesh.facets]
    outer = twin.mesh.points[np.unique(twin.mesh.facets["epicardium"])]
    return Scene(
        twin=twin,
        phase=phase,
        heart=heart,
        tip=outer[np.argmin(outer @ heart.apex_to_base)],
        contours=contours,
        moved=shifts(contours, drawn),
        images=images,
        labels=labels,
        model={name: surface(twin.mesh, predicted, name) for name in shown},
        fitted={name: surface(twin.mesh, measured, name) for name in shown} if apart else {},
    )


def _chosen(scene: Scene) -> list[int]:
    """Return the slices to show: short axis from base to apex, then long axis."""
    with_lv = {curve.slice_id for which in LV for curve in scene.contours.of(which)} - {-1}
    slices = scene.contours.slices

    def height(key: int) -> float:
        return float(slices[key].origin @ scene.heart.apex_to_base)

    def of(view: View) -> list[int]:
        return sorted(
            (key for key in with_lv if slices[key].view is view), key=lambda k: -height(k)
        )

    short, long = of(View.SHORT_AXIS), of(View.LONG_AXIS)[:4]
    room = MOST_PANELS - len(long)
    if len(short) > room:
        short = [short[int(k)] for k in np.linspace(0, len(short) - 1, room).round()]
    return short + long


def _field(scene: Scene) -> tuple[Float[np.ndarray, "3"], float]:
    """Return the middle and half the size, m, of the square that every panel shows."""
    points = np.concatenate(
        [curve.points for which in LV for curve in scene.contours.of(which)]
        + [shape.points for shape in scene.model.values()]
    )
    middle = np.asarray((points.min(axis=0) + points.max(axis=0)) / 2)
    axis = scene.heart.apex_to_base
    across = points - middle
    across = across - (across @ axis)[:, None] * axis
    half = float(np.linalg.norm(across, axis=1).max())
    if any(plane.view is View.LONG_AXIS for plane in scene.contours.slices.values()):
        half = max(half, 0.9 * float(np.abs((points - middle) @ axis).max()))
    return middle, half + MARGIN


def _entries(scene: Scene, *, tinted: bool) -> list[Line2D | Patch]:
    """Return what the legend explains."""

    def dots(colour: str, label: str) -> Line2D:
        rim: dict[str, Any] = {"markeredgecolor": theme.GREY, "markeredgewidth": 0.4}
        return Line2D([], [], color=colour, marker="o", ls="", ms=4, label=label, **rim)

    def line(colour: str, label: str, style: Any = "-") -> Line2D:
        return Line2D([], [], color=colour, linestyle=style, label=label)

    entries: list[Line2D | Patch] = [dots(DRAWN_LV, "drawn, left ventricle")]
    if any(scene.contours.of(which) for which in RV):
        entries.append(dots(DRAWN_RV, "drawn, right ventricle"))
    words = dict.fromkeys(("lv_endocardium", "epicardium"), "")
    if "rv_endocardium" in scene.model:
        words = {"lv_endocardium": "LV ", "rv_endocardium": "RV ", "epicardium": ""}
    entries += [
        line(SURFACES[name], f"model, {side}{name.removeprefix('lv_').removeprefix('rv_')}")
        for name, side in words.items()
    ]
    if scene.fitted:
        entries.append(line(theme.GREY, "mesh fitted to this phase", "--"))
    if tinted:
        entries += [
            Patch(color=_on_black(theme.TISSUE_COLOURS[value]), label=label)
            for value, label in (
                (Tissue.LV_CAVITY, "label: cavity"),
                (Tissue.MYOCARDIUM, "label: wall"),
                (Tissue.RV_CAVITY, "label: RV"),
            )
        ]
    return entries


def _on_black(colour: str) -> tuple[float, float, float]:
    red, green, blue = to_rgb(colour)
    return TINT * red, TINT * green, TINT * blue


__all__ = ["draw_slices"]
