"""Where a ventricle's blood comes from and goes, how long it stays, and how it shears the wall."""

from pathlib import Path
from typing import Any

import numpy as np
import pyvista as pv
from jaxtyping import Float, Integer
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap, Normalize
from matplotlib.patches import Patch
from matplotlib.tri import Triangulation

from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.geometry.cavity.template import ENDOCARDIUM
from cardiotwin.haemodynamics.heart import Moment
from cardiotwin.haemodynamics.particles import KINDS
from cardiotwin.units import MM
from cardiotwin.viz import theme
from cardiotwin.viz.flow import long_axis, upright
from cardiotwin.viz.layers import Layer
from cardiotwin.viz.scene import render

COLOURS = (theme.GREEN, theme.YELLOW, theme.BLUE, theme.VERMILION)  # of `KINDS`
WORDS = ("direct flow", "retained inflow", "delayed ejection", "residual volume")
SEEN = 0.98  # share of the wall whose shear the colours hold
SCENE = (620, 900)  # pixels


def draw_blood_paths(
    moment: Moment,
    cavity: MovingCavity,
    file: Path,
    *,
    kind: Integer[np.ndarray, " cells"],
    beats: Integer[np.ndarray, " cells"],
    washes: int,
    shear: Float[np.ndarray, " triangles"],
) -> None:
    """Draw the parts of the blood and its residence in the long axis, and the wall's mean shear.

    Parameters
    ----------
    moment, cavity
        At end-diastole.
    file
        PNG.
    kind
        Of the blood in each cell, by `KINDS`.
    beats
        After how many it has left, from 1 on; more than `washes`: it is still there.
    washes
        Beats for which it was followed.
    shear
        Of the endocardium's triangles, mean over the beat, Pa.
    """
    with theme.figure(12.0, 5.2) as figure:
        figure.set_layout_engine("constrained")
        left, middle, right = figure.subplots(1, 3)
        fields = {"kind": kind, "beats": np.minimum(beats, washes + 1)}
        mesh, cut = _cut(moment, cavity, fields)
        parts = ListedColormap(COLOURS)
        _paint(left, mesh, cut["kind"], parts, Normalize(-0.5, len(KINDS) - 0.5))
        handles = [Patch(color=c, label=w) for c, w in zip(COLOURS, WORDS, strict=True)]
        left.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)
        left.set_title("Blood at end-diastole by its path")
        steps = BoundaryNorm(np.arange(washes + 2) + 0.5, 256)
        shown = _paint(middle, mesh, cut["beats"], theme.MAGNITUDE_MAP, steps)
        bar = figure.colorbar(shown, ax=middle, shrink=0.7, ticks=np.arange(washes + 1) + 1)
        bar.ax.set_yticklabels([*map(str, range(1, washes + 1)), f">{washes}"])
        bar.set_label("leaves in beat")
        middle.set_title("How long it stays")
        _wall(right, moment, cavity, shear)
        theme.save(figure, file)


def _cut(
    moment: Moment, cavity: MovingCavity, fields: dict[str, np.ndarray]
) -> tuple[Triangulation, dict[str, np.ndarray]]:
    """Return the cells that the plane through both windows and the apex cuts, laid flat, mm."""
    apex, across, up = long_axis(moment, cavity)
    grid: Any = pv.UnstructuredGrid({pv.CellType.TETRA: cavity.region.cells}, moment.points)
    for name, values in fields.items():
        grid.cell_data[name] = values
    cut = grid.slice(normal=np.cross(across, up), origin=apex).triangulate()
    x, y = ((cut.points - apex) @ np.stack([across, up]).T / MM).T
    mesh = Triangulation(x - x.min(), y - y.min(), cut.faces.reshape(-1, 4)[:, 1:])
    return mesh, {name: np.asarray(cut.cell_data[name]) for name in fields}


def _paint(
    plot: Axes, mesh: Triangulation, values: np.ndarray, colours: Colormap | str, scale: Normalize
) -> Any:
    plot.set_aspect("equal")
    plot.set_xlabel("mm")
    plot.set_ylabel("mm")
    return plot.tripcolor(mesh, facecolors=values.astype(float), cmap=colours, norm=scale)


def _wall(
    plot: Axes, moment: Moment, cavity: MovingCavity, shear: Float[np.ndarray, " triangles"]
) -> None:
    """Draw the endocardium from outside, as the cuts beside it lie."""
    triangles = cavity.region.facets[ENDOCARDIUM]
    corners = np.repeat(shear, 3)
    nodes = triangles.ravel()
    n = len(moment.points)
    nodal = np.bincount(nodes, corners, minlength=n) / np.maximum(
        np.bincount(nodes, minlength=n), 1
    )
    scale = Normalize(0, float(np.quantile(shear, SEEN)))
    colour = ScalarMappable(scale, theme.MAGNITUDE_MAP)
    _, across, up = long_axis(moment, cavity)
    camera = upright(moment.points[np.unique(nodes)], across, up, room=1.05)
    wall = Layer(points=moment.points, triangles=triangles, colours=colour.to_rgba(nodal)[:, :3])
    plot.imshow(render([wall], camera, width=SCENE[0], height=SCENE[1]))
    plot.set_axis_off()
    plot.figure.colorbar(colour, ax=plot, label="Pa", shrink=0.7, extend="max")
    plot.set_title("Wall shear stress, mean of the beat")


__all__ = ["draw_blood_paths"]
