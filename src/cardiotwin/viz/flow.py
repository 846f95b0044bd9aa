"""Blood in the cavity: its velocity on the long-axis plane through both valves."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyvista as pv
from jaxtyping import Float
from matplotlib.axes import Axes

from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.haemodynamics.heart import Moment
from cardiotwin.units import MM
from cardiotwin.viz import theme

ARROWS = 900  # at most, in a panel


def draw_flow(moments: Mapping[str, Moment], cavity: MovingCavity, file: Path) -> None:
    """Draw the speed and the direction of the flow at some moments, by their names.

    The plane goes through the apex and the middles of both windows; up is from the apex to the
    base, and the aorta lies to the right.
    """
    with theme.figure(3.4 * len(moments), 4.6) as figure:
        figure.set_layout_engine("constrained")
        for axes, (name, moment) in zip(
            figure.subplots(1, len(moments), squeeze=False)[0], moments.items(), strict=True
        ):
            _panel(axes, name, moment, cavity)
        theme.save(figure, file)


def _panel(axes: Axes, name: str, moment: Moment, cavity: MovingCavity) -> None:
    cut, speeds, across, up = section(moment, cavity)
    places = np.stack([cut.points @ across, cut.points @ up], axis=1) / MM
    places -= places.min(axis=0)
    triangles = cut.faces.reshape(-1, 4)[:, 1:]
    size = np.linalg.norm(speeds, axis=1)
    filled = axes.tripcolor(
        places[:, 0],
        places[:, 1],
        size,
        triangles=triangles,
        shading="gouraud",
        cmap=theme.MAGNITUDE_MAP,
    )
    axes.figure.colorbar(filled, ax=axes, label="speed, m/s", shrink=0.75)
    every = max(len(places) // ARROWS, 1)
    some = slice(None, None, every)
    axes.quiver(
        places[some, 0],
        places[some, 1],
        speeds[some] @ across,
        speeds[some] @ up,
        color="white",
        width=0.004,
        scale=max(float(size.max()), 0.05) * 14,
    )
    axes.set_aspect("equal")
    axes.set_title(f"{name}, {moment.time % cavity.motion.period * 1e3:.0f} ms")
    axes.set_xlabel("mm")
    axes.set_ylabel("mm")


def section(
    moment: Moment, cavity: MovingCavity
) -> tuple[
    pv.PolyData, Float[np.ndarray, "points 3"], Float[np.ndarray, "3"], Float[np.ndarray, "3"]
]:
    """Return the cut through the cells, its velocities, and the picture's two axes."""
    cells = cavity.region.cells
    grid = pv.UnstructuredGrid({pv.CellType.TETRA: cells}, moment.points)
    grid.point_data["velocity"] = moment.velocity
    facets = cavity.region.facets
    mitral, aortic = (
        moment.points[np.unique(facets[name])].mean(axis=0) for name in ("mitral", "aortic")
    )
    apex = moment.points[cavity.apex]
    up = (mitral + aortic) / 2 - apex
    up /= np.linalg.norm(up)
    across = aortic - mitral
    across -= (across @ up) * up
    across /= np.linalg.norm(across)
    cut = grid.slice(normal=np.cross(across, up), origin=apex).triangulate()
    return cut, np.asarray(cut.point_data["velocity"]), across, up


__all__ = ["draw_flow", "section"]
