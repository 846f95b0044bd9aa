"""Blood in the cavity: its motion on the long-axis plane through both valves."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvista as pv
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.tri import Triangulation

from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.haemodynamics.heart import Moment
from cardiotwin.haemodynamics.numbers import vorticity
from cardiotwin.units import MM
from cardiotwin.viz import theme
from cardiotwin.viz.layers import Camera

SPACING = 0.75 * MM  # of the grid on which streamlines are followed
STREAMS = 1.3  # of them, as matplotlib counts density
ARROWS = 26  # along the longer side of a panel
SEEN = 0.06  # of the fastest: slower blood has no arrow
WHIRL = 0.98  # share of the cut whose vorticity the colours hold


def draw_flow(moments: Mapping[str, Moment], cavity: MovingCavity, file: Path) -> None:
    """Draw speed and streamlines, and vorticity and arrows, at some moments by their names.

    The plane goes through the apex and the middles of both windows; up is from the apex to the
    base, and the aorta lies to the right. Vorticity is that across the plane, towards the reader.
    """
    with theme.figure(3.3 * len(moments), 8.2) as figure:
        figure.set_layout_engine("constrained")
        panels = figure.subplots(2, len(moments), squeeze=False)
        for (above, below), (name, moment) in zip(panels.T, moments.items(), strict=True):
            plane = _plane(moment, cavity)
            _speeds(above, plane)
            _whirls(below, plane)
            above.set_title(f"{name}, {moment.time % cavity.motion.period * 1e3:.0f} ms")
        for axes in panels.ravel():
            axes.set_aspect("equal")
            axes.set_xlabel("mm")
        for axes in panels[:, 0]:
            axes.set_ylabel("mm")
        theme.save(figure, file)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Plane:
    """A cut, laid flat.

    Parameters
    ----------
    blood
        The cavity's cells with their fields.
    mesh
        The cut's triangles, mm.
    cut
        Its nodes' fields.
    axes
        Directions of the picture's x and y.
    origin
        Where x and y are 0, m.
    """

    blood: pv.UnstructuredGrid
    mesh: Triangulation
    cut: pv.PolyData
    axes: Float[np.ndarray, "2 3"]
    origin: Float[np.ndarray, "3"]

    def even(self, spacing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the velocity on a grid, m/s, masked outside, and the grid's sides, mm."""
        sides = (self.mesh.x, self.mesh.y)
        x, y = (np.arange(side.min(), side.max() + spacing, spacing) for side in sides)
        flat = np.stack(np.meshgrid(x, y), axis=-1) * MM
        places = (self.origin + flat @ self.axes).reshape(-1, 3)
        found = pv.PolyData(places).sample(self.blood)
        inside = np.asarray(found["vtkValidPointMask"]).reshape(flat.shape[:2]) > 0
        speeds = np.asarray(found["velocity"]) @ self.axes.T
        outside = np.broadcast_to(~inside, (2, *inside.shape))
        return x, y, np.ma.array(speeds.T.reshape(2, *inside.shape), mask=outside)


def _plane(moment: Moment, cavity: MovingCavity) -> _Plane:
    cut, _, across, up = section(moment, cavity)
    axes = np.stack([across, up])
    flat = cut.points @ axes.T
    lowest = flat.min(axis=0)
    middle = np.asarray(cut.points).mean(axis=0)
    sides = ((flat - lowest) / MM).T
    return _Plane(
        blood=_blood(moment, cavity),
        mesh=Triangulation(sides[0], sides[1], cut.faces.reshape(-1, 4)[:, 1:]),
        cut=cut,
        axes=axes,
        origin=middle + (lowest - middle @ axes.T) @ axes,
    )


def _speeds(axes: Axes, plane: _Plane) -> None:
    """Draw the speed, with streamlines as wide as it."""
    size = np.linalg.norm(plane.cut.point_data["velocity"], axis=1)
    filled = axes.tripcolor(plane.mesh, size, shading="gouraud", cmap=theme.MAGNITUDE_MAP, vmin=0)
    axes.figure.colorbar(filled, ax=axes, label="speed, m/s", shrink=0.7)
    x, y, (u, v) = plane.even(SPACING / MM)
    share = np.ma.filled(np.ma.hypot(u, v), 0.0) / max(float(size.max()), 1e-9)
    width = 0.35 + 1.5 * share
    axes.streamplot(x, y, u, v, color="white", density=STREAMS, linewidth=width, arrowsize=0.7)


def _whirls(axes: Axes, plane: _Plane) -> None:
    """Draw the vorticity across the plane, with evenly spaced arrows of the velocity."""
    curl = np.asarray(plane.cut.point_data["vorticity"]) @ np.cross(*plane.axes)
    most = max(float(np.quantile(np.abs(curl), WHIRL)), 1.0)
    filled = axes.tripcolor(
        plane.mesh, curl, shading="gouraud", cmap=theme.SIGNED_MAP, vmin=-most, vmax=most
    )
    axes.figure.colorbar(filled, ax=axes, label="vorticity, 1/s", shrink=0.7, extend="both")
    longest = float(max(np.ptp(plane.mesh.x), np.ptp(plane.mesh.y)))
    x, y, (u, v) = plane.even(longest / ARROWS)
    size = np.ma.filled(np.ma.hypot(u, v), 0.0)
    seen = size > SEEN * size.max()
    # Fast blood has the longer arrow, though not in proportion: slow whirls stay in sight.
    length = np.sqrt(size[seen] / max(float(size.max()), 1e-9)) / size[seen]
    across, up = np.meshgrid(x, y)
    axes.quiver(
        across[seen],
        up[seen],
        length * u[seen],
        length * v[seen],
        angles="xy",
        scale_units="xy",
        scale=0.45 * ARROWS / longest,
        width=0.005,
        headwidth=3.5,
        color="black",
    )


def section(
    moment: Moment, cavity: MovingCavity
) -> tuple[
    pv.PolyData, Float[np.ndarray, "points 3"], Float[np.ndarray, "3"], Float[np.ndarray, "3"]
]:
    """Return the cut through the cells, its velocities, and the picture's two axes."""
    apex, across, up = long_axis(moment, cavity)
    cut = _blood(moment, cavity).slice(normal=np.cross(across, up), origin=apex).triangulate()
    return cut, np.asarray(cut.point_data["velocity"]), across, up


def long_axis(
    moment: Moment, cavity: MovingCavity
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """Return the apex, and the directions from the mitral to the aortic window and to the base."""
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
    return apex, across, up


def upright(
    points: Float[np.ndarray, "points 3"],
    across: Float[np.ndarray, "3"],
    up: Float[np.ndarray, "3"],
    *,
    room: float,
) -> Camera:
    """Return the camera that sees points as `long_axis` lays them, `room` times as high."""
    along, middle = points @ up, points.mean(axis=0)
    return Camera(
        focus=middle + up * ((along.max() + along.min()) / 2 - middle @ up),
        towards_viewer=np.cross(across, up),
        up=up,
        height=room * float(np.ptp(along)),
    )


def _blood(moment: Moment, cavity: MovingCavity) -> pv.UnstructuredGrid:
    """Return the cells with their nodes' velocity and vorticity."""
    cells = cavity.region.cells
    grid: Any = pv.UnstructuredGrid({pv.CellType.TETRA: cells}, moment.points)
    grid.point_data["velocity"] = moment.velocity
    grid.cell_data["vorticity"] = vorticity(moment.points, cells, moment.velocity)
    found: pv.UnstructuredGrid = grid.cell_data_to_point_data()
    return found


__all__ = ["draw_flow", "long_axis", "section", "upright"]
