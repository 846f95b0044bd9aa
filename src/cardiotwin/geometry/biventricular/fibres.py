"""Rule-based fibres of both ventricles: angles of histology between three Laplace solutions.

Bayer, Blake, Plank & Trayanova (2012), Ann Biomed Eng 40:2243-2254, with its algorithm's names:
`axis`, `orient` and `bislerp`. Here the transmural axis is kept where it and the longitudinal one
are not at right angles (the paper keeps the longitudinal one): it is regular at the apex. The
inner frames have the depth's angle as the outer one has, so that angles are linear in depth, as in
`geometry.fibres`; the paper's inner frames keep the endocardium's, and so the depth counts twice
(endo + (epi - endo) depth^2, which is half the endocardium's angle, not zero, in mid-wall).
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation

from cardiotwin.geometry.fibres import PARALLEL, FibreAngles
from cardiotwin.geometry.laplace import gradient, harmonic, stiffness
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import tetrahedron_shapes

APEX = 0.05  # of the height: epicardium this low is the apex
SLIGHT = 1e-6  # of the usual slope: a flatter solution has no direction
Vectors = Float[np.ndarray, "n 3"]
Frames = Float[np.ndarray, "n 3 3"]
Values = Float[np.ndarray, " n"]

WALLS = ("lv_endocardium", "rv_endocardium", "epicardium")


def biventricular_fibres(
    mesh: TetMesh, angles: FibreAngles, reference: Float[np.ndarray, "q 3"]
) -> tuple[
    Float[np.ndarray, "cells q 3"],
    Float[np.ndarray, "cells q 3"],
    Float[np.ndarray, "cells q 3"],
]:
    """Return f0, s0, n0 at reference points of each cell: orthonormal, n0 = f0 x s0.

    The mesh's point field ``apicobasal`` tells the apex. Across the septum the helix angle runs
    from `endo` to minus `endo`, seen from the LV: to `endo` as the RV sees it.
    """
    depths, height = _solutions(mesh)
    shape = (len(mesh.cells), len(reference))
    values = tetrahedron_shapes(reference)[0]

    def at(field: Float[np.ndarray, " nodes"]) -> Values:
        return np.asarray(np.clip((field[mesh.cells] @ values.T).ravel(), 0, 1))

    def slope(field: Float[np.ndarray, " nodes"]) -> Vectors:
        return np.asarray(gradient(mesh, field, reference).reshape(-1, 3))

    up = slope(height)
    lv, rv, outside = (at(depths[name]) for name in WALLS)
    across = rv / np.maximum(lv + rv, np.finfo(np.float64).tiny)
    walled = (
        angles.endo * (1 - outside) + angles.epi * outside,
        angles.sheet_endo * (1 - outside) + angles.sheet_epi * outside,
    )
    septal = walled[0] * (1 - 2 * across), walled[1] * (1 - 2 * across)
    left = _oriented(_axis(up, -slope(depths[WALLS[0]])), *septal)
    right = _oriented(_axis(up, slope(depths[WALLS[1]])), *septal)
    outer = _oriented(_axis(up, slope(depths[WALLS[2]])), *walled)
    inner = _bislerp(left, right, across)
    frames = _bislerp(inner, outer, outside).reshape(*shape, 3, 3)
    f0, s0 = frames[..., 0], frames[..., 2]
    return f0, s0, np.cross(f0, s0)


def _solutions(
    mesh: TetMesh,
) -> tuple[Mapping[str, Float[np.ndarray, " nodes"]], Float[np.ndarray, " nodes"]]:
    """Return by wall the harmonic function that is one there and zero on the two others.

    They sum to one. The last function grows from the apex, zero, to the base, one.
    """
    matrix = stiffness(mesh)
    on = [_on(mesh, name) for name in WALLS]
    fixed = on[0] | on[1] | on[2]
    left, right = (harmonic(matrix, fixed, wall.astype(np.float64)) for wall in on[:2])
    apex, base = (mesh.point_fields["apicobasal"] < APEX) & on[2], _on(mesh, "base")
    height = harmonic(matrix, apex | base, base.astype(np.float64))
    return dict(zip(WALLS, (left, right, 1 - left - right), strict=True)), height


def _on(mesh: TetMesh, surface: str) -> Bool[np.ndarray, " nodes"]:
    found = np.zeros(len(mesh.points), dtype=bool)
    found[mesh.facets[surface]] = True
    return found


def _axis(up: Vectors, through: Vectors) -> Frames:
    """Return frames whose columns are circumferential, longitudinal and transmural."""
    transmural = _unit(through)
    across = np.cross(_unit(up), transmural)
    lost = np.linalg.norm(across, axis=1) < PARALLEL
    # On the apex's own line no direction is upwards; any one across the wall will do.
    across[lost] = np.cross(
        np.eye(3)[np.argmin(np.abs(transmural[lost]), axis=1)], transmural[lost]
    )
    circumferential = _unit(across)
    return np.stack([circumferential, np.cross(transmural, circumferential), transmural], axis=-1)


def _unit(vectors: Vectors) -> Vectors:
    """Return unit vectors; where there is hardly a direction, the third axis's."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    none = lengths[:, 0] <= SLIGHT * np.median(lengths)
    found = np.asarray(vectors / np.maximum(lengths, np.finfo(np.float64).tiny))
    found[none] = (0.0, 0.0, 1.0)
    return found


def _oriented(frames: Frames, helix: Values, sheet: Values) -> Frames:
    """Return frames turned by the helix angle about the third and the sheet angle about the first.

    The first column is then the fibre and the third the sheet.
    """
    circumferential, longitudinal, transmural = np.moveaxis(frames, -1, 0)
    cos, sin = np.cos(helix)[:, None], np.sin(helix)[:, None]
    fibre = cos * circumferential + sin * longitudinal
    beside = cos * longitudinal - sin * circumferential
    cos, sin = np.cos(sheet)[:, None], np.sin(sheet)[:, None]
    return np.stack(
        [fibre, cos * beside - sin * transmural, cos * transmural + sin * beside], axis=-1
    )


def _bislerp(first: Frames, second: Frames, share: Values) -> Frames:
    """Return frames between two, turned from the first by a share of the way to the second.

    Axes have no sign: of the four frames that the first can be, the nearest one turns.
    """
    start, end = (Rotation.from_matrix(frames) for frames in (first, second))
    quarters = Rotation.from_quat([[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    turned = [start * quarter for quarter in quarters]
    alike = np.stack(
        [np.abs(np.sum(frames.as_quat() * end.as_quat(), axis=1)) for frames in turned]
    )
    nearest = np.argmax(alike, axis=0)
    quats = np.stack([frames.as_quat() for frames in turned])
    start = Rotation.from_quat(quats[nearest, np.arange(len(share))])
    way = (start.inv() * end).as_rotvec()
    return np.asarray((start * Rotation.from_rotvec(share[:, None] * way)).as_matrix())


__all__ = ["biventricular_fibres"]
