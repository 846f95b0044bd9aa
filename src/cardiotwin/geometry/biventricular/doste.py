"""Fibres of both ventricles by their own angles: Doste's rule, without outflow tracts.

Doste et al. (2019), Int J Num Meth Biomed Eng 35:e3185, as Piersanti et al. (2021), CMAME
373:113468, write it: one function from -2 in the LV to 1 in the RV tells the ventricles apart and
gives the transmural direction. Our hearts end below the valves, so nothing of the outflow tracts'
angles is left. Where the ventricles meet, the epicardium's angles here fade into each other as
harmonic functions do, so that no fibre turns at once anywhere inside the wall.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.biventricular.harmonics import (
    harmonics,
    is_left,
    values_at,
    ventricular_axes,
)
from cardiotwin.geometry.fibres import FibreAngles, turned
from cardiotwin.geometry.mesh import TetMesh

Scalars = Float[np.ndarray, "cells q"]
Vectors = Float[np.ndarray, "cells q 3"]


def right_angles() -> FibreAngles:
    """Return the RV's angles of Doste et al. (2019): 90 degrees inside, -25 outside."""
    return FibreAngles(endo=float(np.pi / 2), epi=float(np.deg2rad(-25)))


@dataclass(frozen=True, kw_only=True)
class Doste:
    """Angles of each ventricle, linear in depth; in the septum they meet at zero.

    Parameters
    ----------
    left, right
        Angles of the ventricles at their two surfaces, each seen from its own outside.
    """

    left: FibreAngles = field(default_factory=FibreAngles)
    right: FibreAngles = field(default_factory=right_angles)

    def axes(
        self, mesh: TetMesh, reference: Float[np.ndarray, "q 3"]
    ) -> tuple[Vectors, Vectors, Vectors]:
        """Return f0, s0, n0 at reference points of each cell: orthonormal, n0 = f0 x s0."""
        angles = (
            (getattr(self.left, name), getattr(self.right, name))
            for name in ("endo", "epi", "sheet_endo", "sheet_epi")
        )
        endo, epi, sheet_endo, sheet_epi = angles
        law = _Law(mesh, reference)
        helix, sheet = law.angle(endo, epi), law.angle(sheet_endo, sheet_epi)
        return turned(ventricular_axes(mesh, reference), helix, sheet)


class _Law:
    """How angles on the surfaces go on into the wall."""

    def __init__(self, mesh: TetMesh, reference: Float[np.ndarray, "q 3"]) -> None:
        found = harmonics(mesh)
        left, right = (values_at(mesh, part, reference) for part in (found.left, found.right))
        self.is_left = is_left(mesh, reference)
        # From one on an endocardium to zero on the epicardium and where the ventricles meet.
        self.inner = np.maximum(np.where(self.is_left, left - right / 2, right - 2 * left), 0)
        self.outer = [
            values_at(mesh, part, reference) for part in (found.left_outer, found.right_outer)
        ]

    def angle(self, endo: tuple[float, float], epi: tuple[float, float]) -> Scalars:
        """Return an angle, rad, of values by ventricle on the endo- and the epicardium.

        Beyond the line where the ventricles meet, what is outwards of the one is inwards of the
        other, and an angle of the other counts the other way.
        """
        outside = epi[0] * self.outer[0] - epi[1] * self.outer[1]
        return np.asarray(
            np.where(self.is_left, endo[0] * self.inner + outside, endo[1] * self.inner - outside)
        )


__all__ = ["Doste", "right_angles"]
