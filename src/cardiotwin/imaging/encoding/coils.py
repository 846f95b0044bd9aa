"""Receive coils as circular loops round the chest: their sensitivities and the noise they share.

By reciprocity a loop receives with the field that a unit current in it would make; the tissue's
thermal noise in two loops correlates as their electric fields overlap in the body (Roemer et al.
1990, MRM 16:192-225). Field and vector potential of a loop: Jackson (1999), Classical
Electrodynamics, eq. 5.37; Simpson et al. (2001), NASA TM-2001-210939. Constant factors are left
out: maps and covariances are scaled by whoever uses them.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from scipy.special import ellipe, ellipk

from cardiotwin.errors import InputError
from cardiotwin.units import MM

_THIN = 1e-3  # of the radius: the wire, inside which a field line has no end


@dataclass(frozen=True, kw_only=True, eq=False)
class CoilArray:
    """Circular loops of one radius.

    Parameters
    ----------
    centres
        World positions, m.
    normals
        Unit axes.
    radius
        m.
    """

    centres: Float[np.ndarray, "coils 3"]
    normals: Float[np.ndarray, "axes 3"]
    radius: float = 60 * MM

    def __post_init__(self) -> None:
        """Refuse what is no array of loops."""
        if self.centres.shape != self.normals.shape or not len(self.centres):
            msg = (
                "CoilArray needs one normal per centre, found "
                f"{len(self.normals)} normals and {len(self.centres)} centres. Give one each."
            )
            raise InputError(msg)
        if not self.radius > 0:
            msg = f"CoilArray.radius must be positive, found {self.radius:g} m. Give it in m."
            raise InputError(msg)


def torso_array(
    n_coils: int,
    heart: Float[np.ndarray, "3"],
    *,
    half_width: float = 180 * MM,
    half_depth: float = 130 * MM,
    radius: float = 60 * MM,
) -> CoilArray:
    """Return loops on an elliptic cylinder about the heart, in two staggered rows.

    Half of them lie in front and half behind, as a body array and a spine array do; half axes
    are those of an adult's chest, m.
    """
    angle = 2 * np.pi * (np.arange(n_coils) + 0.5) / n_coils
    row = np.where(np.arange(n_coils) % 2, -0.6, 0.6) * radius
    outwards = np.stack([half_width * np.cos(angle), half_depth * np.sin(angle), row], axis=1)
    slope = outwards * np.array([half_width**-2, half_depth**-2, 0.0])
    normals = -slope / np.linalg.norm(slope, axis=1, keepdims=True)
    return CoilArray(centres=heart + outwards, normals=normals, radius=radius)


def receive_sensitivity(
    coils: CoilArray, points: Float[np.ndarray, "*grid 3"]
) -> Complex[np.ndarray, " coils *grid"]:
    """Return each loop's sensitivity to a spin that turns about the world's third axis.

    It is the field's circular part Bx - i By, in units of the field at the loop's own centre.
    """
    fields = []
    for centre, normal in zip(coils.centres, coils.normals, strict=True):
        along, away, axis = _cylindrical(points, centre, normal)
        axial, radial = _loop_field(along, away, coils.radius)
        field = axial[..., None] * normal + radial[..., None] * axis
        fields.append(field[..., 0] - 1j * field[..., 1])
    return np.asarray(np.stack(fields))


def noise_covariance(
    coils: CoilArray, body: Float[np.ndarray, "points 3"], *, own_share: float = 0.2
) -> Float[np.ndarray, "coils coils"]:
    """Return the covariance of the loops' noise, 1 on average on the diagonal.

    Parameters
    ----------
    coils
        The loops.
    body
        Points that fill the body evenly, m.
    own_share
        Share of each channel's own noise (loop and amplifier), which nothing else receives;
        a fifth is usual for loops of this size at 1.5 T (our choice).
    """
    potentials = []
    for centre, normal in zip(coils.centres, coils.normals, strict=True):
        along, away, axis = _cylindrical(body, centre, normal)
        around = np.cross(normal, axis)
        potentials.append(_loop_potential(along, away, coils.radius)[..., None] * around)
    flat = np.stack(potentials).reshape(len(potentials), -1)
    shared = flat @ flat.T
    shared *= len(shared) / np.trace(shared)
    return np.asarray((1 - own_share) * shared + own_share * np.eye(len(shared)))


def elliptic_body(
    heart: Float[np.ndarray, "3"],
    *,
    half_width: float = 170 * MM,
    half_depth: float = 120 * MM,
    half_length: float = 150 * MM,
    step: float = 20 * MM,
) -> Float[np.ndarray, "points 3"]:
    """Return points that fill the chest, an elliptic cylinder about the heart, evenly, m."""
    axes = [np.arange(-half, half + step / 2, step) for half in (half_width, half_depth)]
    height = np.arange(-half_length, half_length + step / 2, step)
    grid = np.stack(np.meshgrid(*axes, height, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = (grid[:, 0] / half_width) ** 2 + (grid[:, 1] / half_depth) ** 2 <= 1
    return np.asarray(heart + grid[inside])


def _cylindrical(
    points: Float[np.ndarray, "*grid 3"],
    centre: Float[np.ndarray, "3"],
    normal: Float[np.ndarray, "3"],
) -> tuple[Float[np.ndarray, "*grid"], Float[np.ndarray, "*grid"], Float[np.ndarray, "*grid 3"]]:
    """Return height, distance from the axis and the unit vector away from it."""
    apart = points - centre
    along = apart @ normal
    across = apart - along[..., None] * normal
    away = np.linalg.norm(across, axis=-1)
    return along, away, across / np.maximum(away, np.finfo(float).tiny)[..., None]


def _loop_field(
    z: Float[np.ndarray, "*grid"], rho: Float[np.ndarray, "*grid"], a: float
) -> tuple[Float[np.ndarray, "*grid"], Float[np.ndarray, "*grid"]]:
    """Return axial and radial field, 1 at the centre (Simpson et al. 2001, eqs. 5 and 7)."""
    near = np.maximum((a - rho) ** 2 + z**2, (_THIN * a) ** 2)
    far = (a + rho) ** 2 + z**2
    first, second = ellipk(1 - near / far), ellipe(1 - near / far)
    scale = a / (np.pi * np.sqrt(far))
    axial = scale * (first + (a**2 - rho**2 - z**2) / near * second)
    off = np.maximum(rho, _THIN**2 * a)  # on the axis the bracket vanishes with its square
    radial = scale * z / off * ((a**2 + rho**2 + z**2) / near * second - first)
    return axial, np.where(rho > off * 0.5, radial, 0.0)


def _loop_potential(
    z: Float[np.ndarray, "*grid"], rho: Float[np.ndarray, "*grid"], a: float
) -> Float[np.ndarray, "*grid"]:
    """Return the azimuthal vector potential of the same current (Jackson 1999, eq. 5.37)."""
    far = (a + rho) ** 2 + z**2
    near = np.maximum((a - rho) ** 2 + z**2, (_THIN * a) ** 2)
    m = np.maximum(1 - near / far, np.finfo(float).tiny)
    bracket = ((2 - m) * ellipk(m) - 2 * ellipe(m)) / m
    small = np.pi * m / 16  # its limit, where the bracket is a difference of equals
    return np.asarray(2 * a**2 / (np.pi * np.sqrt(far)) * np.where(m < 1e-6, small, bracket))


__all__ = [
    "CoilArray",
    "elliptic_body",
    "noise_covariance",
    "receive_sensitivity",
    "torso_array",
]
