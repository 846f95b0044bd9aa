"""A film of the blood in the cavity: a cut along the long axis inside the see-through wall."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.geometry.cavity.template import BASE, ENDOCARDIUM
from cardiotwin.haemodynamics.heart import Moment
from cardiotwin.units import ML, MM
from cardiotwin.viz import theme
from cardiotwin.viz.flow import long_axis, section, upright
from cardiotwin.viz.layers import Camera, Layer, Pixels
from cardiotwin.viz.movie import write_film
from cardiotwin.viz.scene import render

RATE = 10  # frames per second
SIZE = (560, 640)  # pixels
SCENE = (440, 560)  # pixels
ARROWS = 260  # at most
SEEN = 0.05  # of the colours' range: slower blood has no arrow
REACH = 12e-3  # s: an arrow is as long as its blood goes in this time
SHAFT = 0.25 * MM  # radius
HEAD = 2.5 * MM  # long
SIDES = 6


def draw_flow_film(moments: Sequence[Moment], cavity: MovingCavity, file: Path) -> Path:
    """Write the film of moments of a beat, evenly spaced, in order."""
    fastest = max(float(np.linalg.norm(m.velocity, axis=1).max()) for m in moments)
    scale = Normalize(0, 0.6 * fastest)
    _, across, up = long_axis(moments[0], cavity)
    everywhere = np.concatenate([m.points for m in moments[::4]])
    camera = upright(everywhere, across, up, room=1.08)
    file.parent.mkdir(parents=True, exist_ok=True)
    return write_film([_frame(m, cavity, camera, scale) for m in moments], file, rate=RATE)


def _frame(moment: Moment, cavity: MovingCavity, camera: Camera, scale: Normalize) -> Pixels:
    """Return the picture of a moment."""
    width, height = SCENE
    layers = [_wall(moment, cavity), *_cut(moment, cavity, scale)]
    with theme.figure(SIZE[0] / theme.DOTS_PER_INCH, SIZE[1] / theme.DOTS_PER_INCH) as figure:
        plot = figure.add_axes((0.02, 0.05, width / SIZE[0], height / SIZE[1]))
        plot.imshow(render(layers, camera, width=width, height=height))
        plot.set_axis_off()
        bar = figure.add_axes((0.83, 0.25, 0.03, 0.5))
        figure.colorbar(ScalarMappable(scale, theme.MAGNITUDE_MAP), cax=bar, extend="max")
        bar.set_ylabel("speed, m/s", fontsize=7)
        bar.tick_params(labelsize=7)
        text = (
            f"{moment.time % cavity.motion.period * 1e3:.0f} ms after end-diastole: "
            f"in {moment.inflow / ML:.0f}, out {moment.outflow / ML:.0f} mL/s"
        )
        figure.text(0.5, 0.955, text, ha="center", fontsize=8)
        return theme.pixels(figure)


def _wall(moment: Moment, cavity: MovingCavity) -> Layer:
    facets = cavity.region.facets
    return Layer(
        points=moment.points,
        triangles=np.concatenate([facets[ENDOCARDIUM], facets[BASE]]),
        colours=np.tile([0.85, 0.72, 0.70], (len(moment.points), 1)),
        opacity=0.22,
    )


def _cut(moment: Moment, cavity: MovingCavity, scale: Normalize) -> list[Layer]:
    cut, speeds, _, _ = section(moment, cavity)
    colours = colormaps[theme.MAGNITUDE_MAP]
    size = np.linalg.norm(speeds, axis=1)
    points = np.asarray(cut.points, dtype=np.float64)
    sheet = Layer(
        points=points,
        triangles=np.asarray(cut.faces.reshape(-1, 4)[:, 1:], dtype=np.int64),
        colours=np.asarray(colours(scale(size)))[:, :3],
    )
    some = np.flatnonzero(scale(size) > SEEN)
    some = some[:: max(len(some) // ARROWS, 1)]
    if len(some) == 0:
        return [sheet]
    ends, triangles = _arrows(points[some], REACH * speeds[some])
    arrows = Layer(points=ends, triangles=triangles, colours=np.ones_like(ends))
    return [sheet, arrows]


def _arrows(
    starts: Float[np.ndarray, "arrows 3"], vectors: Float[np.ndarray, "arrows 3"]
) -> tuple[Float[np.ndarray, "points 3"], Integer[np.ndarray, "triangles 3"]]:
    """Return arrows as pyramids on thin prisms, m: the head is as long as it may be, no longer."""
    length = np.linalg.norm(vectors, axis=1)[:, None]
    along = vectors / length
    aside = np.cross(along, np.eye(3)[np.abs(along).argmin(axis=1)])
    aside /= np.linalg.norm(aside, axis=1)[:, None]
    turns = 2 * np.pi * np.arange(SIDES) / SIDES
    circle = np.cos(turns)[:, None, None] * aside + np.sin(turns)[:, None, None] * np.cross(
        along, aside
    )
    neck = starts + np.maximum(length - HEAD, 0.4 * length) * along
    rings = [starts + SHAFT * circle, neck + SHAFT * circle, neck + 3 * SHAFT * circle]
    tip = (starts + vectors)[None]
    points = np.concatenate([*rings, tip])  # by the place in an arrow, then by the arrow
    k = np.arange(SIDES)
    on = (k + 1) % SIDES
    faces = [
        side
        for low, high in ((0, SIDES), (SIDES, 2 * SIDES))
        for side in (
            np.stack([low + k, low + on, high + on], axis=1),
            np.stack([low + k, high + on, high + k], axis=1),
        )
    ]
    faces.append(np.stack([2 * SIDES + k, 2 * SIDES + on, np.full(SIDES, 3 * SIDES)], axis=1))
    n = len(starts)
    triangles = np.concatenate(faces)[:, None] * n + np.arange(n)[None, :, None]
    return points.reshape(-1, 3), triangles.reshape(-1, 3)


__all__ = ["draw_flow_film"]
