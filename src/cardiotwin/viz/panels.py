"""One slice of one phase: the image, what was drawn on it, and the model's section."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes as Plot
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from cardiotwin.imaging.examination import (
    Contours,
    ImageStack,
    LabelMap,
    Phase,
    Slice,
    Structure,
    View,
)
from cardiotwin.twin.twin import Twin
from cardiotwin.viz import theme
from cardiotwin.viz.planes import Window, picture, tissue, window_on
from cardiotwin.viz.wall import Axes, Surface, joined, section

SCALE_BAR = 20.0  # mm
DOT_STEP = 2.4e-3  # m between the dots of a drawn contour
LV = (Structure.LV_ENDOCARDIUM, Structure.LV_EPICARDIUM)
RV = (Structure.RV_ENDOCARDIUM, Structure.RV_EPICARDIUM)
SURFACES = {
    "lv_endocardium": theme.VERMILION,
    "rv_endocardium": theme.PURPLE,
    "epicardium": theme.SKY,
}
TINT = 0.45  # how strongly labels colour the black ground
DRAWN_LV, DRAWN_RV = theme.YELLOW, theme.GREEN


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What all panels of one phase share.

    Parameters
    ----------
    twin, phase
        Whose heart, when.
    heart
        Its directions.
    tip
        The epicardium's apex at end-diastole, from which heights are told, m.
    contours
        In the heart's frame (after slice-shift correction).
    moved
        By how much each slice was shifted to get there, m.
    images, labels
        As they were acquired.
    model, fitted
        Surfaces by name of the twin's state, and of the imaged mesh where that differs.
    """

    twin: Twin
    phase: Phase
    heart: Axes
    tip: Float[np.ndarray, "3"]
    contours: Contours
    moved: Mapping[int, Float[np.ndarray, "3"]]
    images: Sequence[ImageStack]
    labels: LabelMap | None
    model: Mapping[str, Surface]
    fitted: Mapping[str, Surface]


def draw_panel(
    plot: Plot, scene: Scene, key: int, middle: Float[np.ndarray, "3"], half: float
) -> bool:
    """Draw one slice; return whether an image lies behind."""
    plane = scene.contours.slices[key]
    window = window_on(plane, scene.heart, middle, half)
    plot.set_xlim(*window.extent[:2])
    plot.set_ylim(*window.extent[2:])
    plot.set_aspect("equal")
    plot.add_patch(_ground(window))
    name = _background(plot, scene, key, window)
    for surface_name, colour in SURFACES.items():
        fitted, model = scene.fitted.get(surface_name), scene.model.get(surface_name)
        _lines(plot, fitted, window, colour, linestyle=(0, (2, 1.5)), linewidth=0.9)
        _lines(plot, model, window, colour, linestyle="solid", linewidth=1.3)
    for curve in scene.contours.curves:
        if curve.slice_id == key and curve.structure in LV + RV:
            flat = window.flat(spaced(curve.points, DOT_STEP))
            colour = DRAWN_LV if curve.structure in LV else DRAWN_RV
            plot.plot(*flat.T, ".", markersize=2.6, markeredgewidth=0, color=colour)
    _words(plot, 0.03, 0.97, _caption(scene, plane, name), va="top", transform=plot.transAxes)
    return bool(name)


def spaced(points: Float[np.ndarray, "points 3"], step: float) -> Float[np.ndarray, "some 3"]:
    """Return those of a curve's points that are at least `step` apart along it."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    reached = np.searchsorted(along, np.arange(0, along[-1] + step / 2, step))
    return np.asarray(points[np.unique(reached.clip(max=len(points) - 1))])


def _ground(window: Window) -> Rectangle:
    left, right, bottom, top = window.extent
    return Rectangle((left, bottom), right - left, top - bottom, color="black", zorder=-10)


def _background(plot: Plot, scene: Scene, key: int, window: Window) -> str:
    """Draw what was acquired; return the image's name, empty where labels or nothing is shown."""
    acquired = window.grid() - scene.moved.get(key, np.zeros(3))
    found = picture(scene.images, acquired, scene.phase, scene.twin.times)
    if found is not None:
        image, name = found
        low, high = np.nanquantile(image, [0.01, 0.995])
        plot.imshow(
            image,
            cmap="gray",
            vmin=low,
            vmax=max(high, low + 1e-9),
            extent=window.extent,
            interpolation="bilinear",
        )
        return name or "image"
    if scene.labels is not None and scene.contours.slices[key].view is View.SHORT_AXIS:
        values = tissue(scene.labels, acquired)
        colours = np.zeros((*values.shape, 4))
        for value, colour in theme.TISSUE_COLOURS.items():
            colours[values == value] = to_rgba(colour, TINT)
        plot.imshow(colours, extent=window.extent, interpolation="nearest")
    return ""


def _lines(plot: Plot, shape: Surface | None, window: Window, colour: str, **style: Any) -> None:
    if shape is None:
        return
    pieces = section(shape.points, shape.triangles, window.centre, window.normal)
    if len(pieces):
        chains = joined(window.flat(pieces))
        plot.add_collection(LineCollection(chains, colors=colour, **style))


def _caption(scene: Scene, plane: Slice, name: str) -> str:
    if plane.view is View.LONG_AXIS:
        return f"long axis, {name[:26]}" if name else "long axis"
    heart = scene.heart
    apex = scene.tip
    height = float((plane.origin - apex) @ plane.normal / (heart.apex_to_base @ plane.normal))
    return f"{height * 1e3:.0f} mm from the apex"


def _words(plot: Plot, x: float, y: float, words: str, **style: Any) -> None:
    """Write in white with a dark rim, legible on any image."""
    rim = withStroke(linewidth=1.6, foreground="black")
    plot.text(x, y, words, **{"color": "white", "fontsize": 7.5, "path_effects": [rim], **style})


def draw_marks(plot: Plot, half: float, view: View) -> None:
    """Draw the scale bar and, on a short-axis panel, where anterior, septum, ... are."""
    edge = half * 1e3
    x, y = 0.92 * edge - SCALE_BAR, -0.9 * edge
    plot.plot([x, x + SCALE_BAR], [y, y], color="white", linewidth=2.2, solid_capstyle="butt")
    centred = {"ha": "center", "fontsize": 7}
    _words(plot, x + SCALE_BAR / 2, y + 0.04 * edge, f"{SCALE_BAR:g} mm", va="bottom", **centred)
    if view is View.SHORT_AXIS:
        for letter, a, b in (("A", 0, 0.76), ("I", 0, -0.9), ("S", -0.92, 0), ("L", 0.92, 0)):
            _words(plot, a * edge, b * edge, letter, va="center", **centred)


__all__ = [
    "DRAWN_LV",
    "DRAWN_RV",
    "LV",
    "RV",
    "SURFACES",
    "TINT",
    "Scene",
    "draw_marks",
    "draw_panel",
    "spaced",
]
