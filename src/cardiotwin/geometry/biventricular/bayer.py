"""Rule-based fibres of both ventricles: angles of histology between three Laplace solutions.

Bayer, Blake, Plank & Trayanova (2012), Ann Biomed Eng 40:2243-2254, with its algorithm's names:
`axis`, `orient` and `bislerp`. Here the transmural axis is kept where it and the longitudinal one
are not at right angles (the paper keeps the longitudinal one): it is regular at the apex. The
inner frames have the depth's angle as the outer one has, so that angles are linear in depth, as in
`geometry.fibres`; the paper's inner frames keep the endocardium's, and so the depth counts twice
(endo + (epi - endo) depth^2, which is half the endocardium's angle, not zero, in mid-wall).
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from cardiotwin.geometry.biventricular.harmonics import harmonics, values_at
from cardiotwin.geometry.fibres import FibreAngles, turned, wall_axes
from cardiotwin.geometry.laplace import gradient
from cardiotwin.geometry.mesh import TetMesh

Nodal = Float[np.ndarray, " nodes"]
Frames = Float[np.ndarray, "n 3 3"]
Values = Float[np.ndarray, " n"]
Scalars = Float[np.ndarray, "cells q"]
Vectors = Float[np.ndarray, "cells q 3"]


@dataclass(frozen=True, kw_only=True)
class Bayer:
    """The same angles in both ventricles.

    Across the septum the helix angle runs from `endo` to minus `endo`, seen from the LV: to
    `endo` as the RV sees it.

    Parameters
    ----------
    angles
        At the endocardium and the epicardium of both.
    """

    angles: FibreAngles = field(default_factory=FibreAngles)

    def axes(
        self, mesh: TetMesh, reference: Float[np.ndarray, "q 3"]
    ) -> tuple[Vectors, Vectors, Vectors]:
        """Return f0, s0, n0 at reference points of each cell: orthonormal, n0 = f0 x s0."""
        found, angles = harmonics(mesh), self.angles
        lv, rv, outside = (
            values_at(mesh, part, reference) for part in (found.left, found.right, found.outer)
        )
        across = rv / np.maximum(lv + rv, np.finfo(np.float64).tiny)
        helix = angles.endo * (1 - outside) + angles.epi * outside
        sheet = angles.sheet_endo * (1 - outside) + angles.sheet_epi * outside
        septal = helix * (1 - 2 * across), sheet * (1 - 2 * across)
        up = gradient(mesh, found.height, reference)

        def frames(
            function: Float[np.ndarray, " nodes"], helix: Scalars, sheet: Scalars
        ) -> Frames:
            f0, s0, n0 = turned(wall_axes(up, gradient(mesh, function, reference)), helix, sheet)
            return np.stack([f0, -n0, s0], axis=-1).reshape(-1, 3, 3)

        left, right = frames(-found.left, *septal), frames(found.right, *septal)
        inner = _bislerp(left, right, across.ravel())
        mixed = _bislerp(inner, frames(found.outer, helix, sheet), outside.ravel())
        f0, _, s0 = np.moveaxis(mixed.reshape(*across.shape, 3, 3), -1, 0)
        return f0, s0, np.cross(f0, s0)


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


__all__ = ["Bayer"]
