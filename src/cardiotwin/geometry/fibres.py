"""Rule-based fibres: the angles of histology on the gradients of Laplace solutions.

Bayer, Blake, Plank & Trayanova (2012), Ann Biomed Eng 40:2243-2254, for one ventricle. There the
two surfaces' frames share their transmural axis, and the spherical interpolation of the paper
(bislerp) is a rotation by the angle linear in depth.
"""

from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.geometry.laplace import gradient, harmonic, stiffness
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import tetrahedron_shapes

Axes = Float[np.ndarray, "cells q 3"]

Vectors = Float[np.ndarray, "*points 3"]

PARALLEL = 1e-6  # sine below which two directions make no plane
SLIGHT = 1e-6  # of the usual slope: a flatter solution has no direction


@runtime_checkable
class FibreRule(Protocol):
    """A rule for the fibres of a wall."""

    def axes(self, mesh: TetMesh, reference: Float[np.ndarray, "q 3"]) -> tuple[Axes, Axes, Axes]:
        """Return f0, s0, n0 at reference points of each cell: orthonormal, n0 = f0 x s0."""


@dataclass(frozen=True, kw_only=True)
class FibreAngles:
    """Angles of the fibres and the sheets at the two surfaces, rad.

    Parameters
    ----------
    endo, epi
        Helix angle: from the circumference towards the base, seen from the epicardium.
    sheet_endo, sheet_epi
        Sheet angle: from the transmural direction, turned about the fibre. Radial sheets are the
        assumption that favours no subject.

    Notes
    -----
    +-60 degrees is the round figure of Streeter et al. (1969), Circ Res 24:339-347.
    """

    endo: float = float(np.deg2rad(60))
    epi: float = float(np.deg2rad(-60))
    sheet_endo: float = 0.0
    sheet_epi: float = 0.0

    def __post_init__(self) -> None:
        for angle in fields(self):
            value = getattr(self, angle.name)
            if not abs(value) <= np.pi / 2 + 1e-9:
                msg = (
                    f"FibreAngles.{angle.name} must lie within +-pi/2 rad, found {value:g}. "
                    "Give it in radians: 60 degrees are 1.047."
                )
                raise InputError(msg)

    def axes(self, mesh: TetMesh, reference: Float[np.ndarray, "q 3"]) -> tuple[Axes, Axes, Axes]:
        """Return f0, s0, n0 of one ventricle (see `fibre_axes`)."""
        return fibre_axes(mesh, self, reference)


def fibre_axes(
    mesh: TetMesh, angles: FibreAngles, reference: Float[np.ndarray, "q 3"]
) -> tuple[Axes, Axes, Axes]:
    """Return f0, s0, n0 at reference points of each cell: orthonormal, n0 = f0 x s0.

    The depth that the angles follow is the wall's own (``transmural``), not the Laplace
    solution, which in a curved wall runs ahead of it.
    """
    axes = local_axes(mesh, reference)
    values = tetrahedron_shapes(reference)[0]
    depth = mesh.point_fields["transmural"][mesh.cells] @ values.T
    helix = angles.endo * (1 - depth) + angles.epi * depth
    sheet = angles.sheet_endo * (1 - depth) + angles.sheet_epi * depth
    return turned(axes, helix, sheet)


def local_axes(mesh: TetMesh, reference: Float[np.ndarray, "q 3"]) -> tuple[Axes, Axes, Axes]:
    """Return the circumferential, longitudinal and transmural unit vectors, right-handed.

    Longitudinal points to the base, transmural to the epicardium. The transmural axis is kept
    (the paper keeps the longitudinal one): it is regular at the apex, where the other is not.
    """
    matrix = stiffness(mesh)
    n_nodes = len(mesh.points)
    inner, outer, base = (
        np.isin(np.arange(n_nodes), mesh.facets[name])
        for name in ("lv_endocardium", "epicardium", "base")
    )
    depth = harmonic(matrix, inner | outer, outer.astype(np.float64))
    apex = mesh.point_fields["apicobasal"] == 0
    height = harmonic(matrix, apex | base, base.astype(np.float64))
    return wall_axes(gradient(mesh, height, reference), gradient(mesh, depth, reference))


def wall_axes(upwards: Vectors, through: Vectors) -> tuple[Vectors, Vectors, Vectors]:
    """Return circumferential, longitudinal and transmural unit vectors of two directions.

    Transmural is `through`; longitudinal is the part of `upwards` at a right angle to it.
    """
    transmural = _unit(through)
    across = np.cross(_unit(upwards), transmural)
    lost = np.linalg.norm(across, axis=-1) < PARALLEL
    # On the apex's own line no direction is upwards; any one across the wall will do.
    across[lost] = np.cross(
        np.eye(3)[np.argmin(np.abs(transmural[lost]), axis=-1)], transmural[lost]
    )
    circumferential = _unit(across)
    return circumferential, np.cross(transmural, circumferential), transmural


def turned(
    axes: tuple[Vectors, Vectors, Vectors],
    helix: Float[np.ndarray, "*points"],
    sheet: Float[np.ndarray, "*points"],
) -> tuple[Vectors, Vectors, Vectors]:
    """Return f0, s0, n0 at a helix and a sheet angle, rad, in a wall's axes."""
    circumferential, longitudinal, transmural = axes
    cos, sin = np.cos(helix)[..., None], np.sin(helix)[..., None]
    f0 = cos * circumferential + sin * longitudinal
    across = cos * longitudinal - sin * circumferential
    cos, sin = np.cos(sheet)[..., None], np.sin(sheet)[..., None]
    s0 = cos * transmural + sin * across
    return f0, s0, np.cross(f0, s0)


def _unit(vectors: Vectors) -> Vectors:
    """Return unit vectors; where there is hardly a direction, the third axis's."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    found = np.asarray(vectors / np.maximum(lengths, np.finfo(np.float64).tiny))
    found[lengths[..., 0] <= SLIGHT * np.median(lengths)] = (0.0, 0.0, 1.0)
    return found


__all__ = ["FibreAngles", "FibreRule", "fibre_axes", "local_axes", "turned", "wall_axes"]
