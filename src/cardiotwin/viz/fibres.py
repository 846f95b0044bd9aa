"""`fibres.png`: the wall from two sides with lines that follow its fibres."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from scipy.spatial import cKDTree

from cardiotwin.geometry.biventricular.part import has_right
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import cell_volumes
from cardiotwin.viz import theme
from cardiotwin.viz.layers import Camera, Layer
from cardiotwin.viz.scene import render, tubes
from cardiotwin.viz.wall import axes, surface

N_LINES = 900
STEP = 0.8e-3  # m
N_STEPS = 14  # to either side
TUBE = 0.32e-3  # m
N_NEAR = 12  # cells whose fibres are averaged
OUTSIDE = -0.08  # barycentric coordinate: the straight cell misses the curved wall by this much


def draw_fibres(mesh: TetMesh, path: Path) -> Path:
    """Write the picture: lines along `f0`, coloured by helix angle, in a translucent wall."""
    helix = helix_angles(mesh)
    limit = float(np.ceil(np.quantile(np.abs(helix), 0.98) / 10) * 10)
    scale = Normalize(-limit, limit)
    lines, angles = follow_fibres(mesh, helix, np.random.default_rng(0))
    points, triangles, values = tubes(lines, angles, TUBE)
    bundle = Layer(
        points=points,
        triangles=triangles,
        colours=colormaps[theme.HELIX_MAP](scale(values))[:, :3],
        closed=True,
    )
    heart = axes(mesh)
    layers = [*shells(mesh), bundle]
    views = {
        "from the anterior wall": heart.anterior,
        "from the free wall": -heart.septal,
    }
    if has_right(mesh):
        views = {"from the anterior wall": heart.anterior, "from the right": heart.septal}
    with theme.figure(8.2, 4.6) as fig:
        for number, (title, side) in enumerate(views.items()):
            plot = fig.add_axes((0.01 + 0.44 * number, 0.02, 0.43, 0.86))
            plot.imshow(
                render(layers, standing(mesh, side, aspect=620 / 690), width=620, height=690)
            )
            plot.set_axis_off()
            plot.set_title(title, fontweight="normal")
        bar = fig.add_axes((0.905, 0.2, 0.018, 0.58))
        fig.colorbar(ScalarMappable(scale, theme.HELIX_MAP), cax=bar, extend="both")
        bar.set_title("helix\nangle", fontweight="normal", fontsize=9)
        bar.set_ylabel("degrees (+ endocardium, \N{MINUS SIGN} epicardium)")
        whose = "both ventricles" if has_right(mesh) else "the left ventricle"
        fig.suptitle(f"Fibres of {whose}", fontweight="bold", x=0.45, y=0.98)
        return theme.save(fig, path)


def helix_angles(mesh: TetMesh) -> Float[np.ndarray, " cells"]:
    """Return each cell's helix angle, degrees: from the circumference, + towards the base."""
    from cardiotwin.geometry.directions import directions_of  # noqa: PLC0415
    from cardiotwin.geometry.shapes import CENTROID  # noqa: PLC0415

    around, upwards, _ = (field[:, 0] for field in directions_of(mesh, CENTROID))
    f0 = mesh.cell_fields["f0"]
    along = np.einsum("ci,ci->c", f0, around)
    across = np.einsum("ci,ci->c", f0, upwards)
    return np.asarray(np.rad2deg(np.arctan2(across * np.sign(along + 1e-300), np.abs(along))))


def follow_fibres(
    mesh: TetMesh, values: Float[np.ndarray, " cells"], rng: np.random.Generator
) -> tuple[list[Float[np.ndarray, "_points 3"]], list[Float[np.ndarray, " _points"]]]:
    """Return lines along the fibres from random cells, and a cell field along them.

    A line ends where it leaves the wall.
    """
    middles = mesh.points[mesh.cells[:, :4]].mean(axis=1)
    tree = cKDTree(middles)
    f0 = np.asarray(mesh.cell_fields["f0"], dtype=np.float64)
    volumes = cell_volumes(mesh.points, mesh)
    seeds = rng.choice(len(middles), size=N_LINES, p=volumes / volumes.sum())
    halves = [
        _follow(mesh, middles[seeds], sign * f0[seeds], tree, f0=f0, values=values)
        for sign in (-1.0, 1.0)
    ]
    lines, along = [], []
    for (back, back_values), (ahead, ahead_values) in zip(*halves, strict=True):
        line = np.concatenate([back[:0:-1], ahead])
        if len(line) > 3:
            lines.append(line)
            along.append(np.concatenate([back_values[:0:-1], ahead_values]))
    return lines, along


def _follow(
    mesh: TetMesh,
    start: Float[np.ndarray, "lines 3"],
    direction: Float[np.ndarray, "lines 3"],
    tree: cKDTree,
    *,
    f0: Float[np.ndarray, "cells 3"],
    values: Float[np.ndarray, " cells"],
) -> list[tuple[Float[np.ndarray, "_points 3"], Float[np.ndarray, " _points"]]]:
    """Return the lines from starts in directions, and the cell field along them."""
    corners = mesh.points[mesh.cells[:, :4]]
    to_shares = np.linalg.inv(corners[:, 1:] - corners[:, :1])
    where, heading = start.copy(), direction.copy()
    alive = np.ones(len(start), dtype=bool)
    tracks, fields, ends = [], [], np.zeros(len(start), dtype=int)
    for _ in range(N_STEPS + 1):
        distance, near = tree.query(where, k=N_NEAR)
        shares = np.einsum("lnk,lnkj->lnj", where[:, None] - corners[near, 0], to_shares[near])
        least = np.minimum(shares.min(axis=2), 1 - shares.sum(axis=2))
        alive &= least.max(axis=1) > OUTSIDE
        ends += alive
        weight = np.exp(-((distance / distance[:, 3:4]) ** 2))
        weight /= weight.sum(axis=1, keepdims=True)
        tracks.append(where.copy())
        fields.append((weight * values[near]).sum(axis=1))
        nearby = f0[near]
        # A fibre has no sense of direction: neighbours are turned to go the line's way.
        nearby = nearby * np.sign(np.einsum("lnk,lk->ln", nearby, heading))[:, :, None]
        heading = np.einsum("ln,lnk->lk", weight, nearby)
        heading /= np.linalg.norm(heading, axis=1, keepdims=True) + 1e-300
        where = where + STEP * heading
    track, field = np.stack(tracks, axis=1), np.stack(fields, axis=1)
    return [(track[k, :n], field[k, :n]) for k, n in enumerate(ends)]


def shells(mesh: TetMesh) -> list[Layer]:
    """Return the epicardium as glass and the cavities as solid ground."""
    parts = []
    for name, colour, opacity in (
        ("lv_endocardium", "#f1e6df", 1.0),
        ("rv_endocardium", "#dfe8f1", 1.0),
        ("epicardium", "#c98f7a", 0.2),
    ):
        if name not in mesh.facets:
            continue
        shell = surface(mesh, mesh.points, name)
        colours = np.tile(to_rgb(colour), (len(shell.points), 1))
        parts.append(
            Layer(points=shell.points, triangles=shell.triangles, colours=colours, opacity=opacity)
        )
    return parts


def standing(
    mesh: TetMesh,
    side: Float[np.ndarray, "3"],
    *,
    above: float = 0.28,
    extent: float = 1.22,
    aspect: float = 1.0,
    shown: Sequence[Float[np.ndarray, "nodes 3"]] = (),
) -> Camera:
    """Return a camera that sees the heart apex down from a side and a little from above.

    `shown` are the node positions that must all be in the picture (the mesh's own otherwise),
    whose width over its height is `aspect`.
    """
    heart = axes(mesh)
    side = side - heart.apex_to_base * (side @ heart.apex_to_base)
    towards = side / np.linalg.norm(side) + above * heart.apex_to_base
    towards /= np.linalg.norm(towards)
    up = heart.apex_to_base - towards * (heart.apex_to_base @ towards)
    up /= np.linalg.norm(up)
    right = np.cross(up, towards)
    points = np.concatenate(shown or [mesh.points])
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    seen = (points - middle) @ np.stack([right, up]).T
    low, high = seen.min(axis=0), seen.max(axis=0)
    focus = middle + (low + high) / 2 @ np.stack([right, up])
    return Camera(
        focus=np.asarray(focus),
        towards_viewer=np.asarray(towards),
        up=np.asarray(up),
        height=extent * float(max((high - low)[0] / aspect, (high - low)[1])),
    )


__all__ = ["draw_fibres", "follow_fibres", "helix_angles", "standing"]
