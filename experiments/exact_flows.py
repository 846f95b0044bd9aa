"""Flows in closed form, and the motions of meshes that they are computed on."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.special import jv

from cardiotwin.fem.domain import quadrature_rule
from cardiotwin.geometry.regions import Region

Points = Float[np.ndarray, "points 3"]
Flow = tuple[Float[np.ndarray, "points dim"], Float[np.ndarray, " points"]]

A, D = np.pi / 4, np.pi / 2


def ethier_steinman(points: Points, time: float, kinematic_viscosity: float) -> Flow:
    """Return velocity and pressure of the unsteady flow of Ethier & Steinman at density 1.

    Ethier & Steinman (1994), Int J Num Meth Fluids 19:369-375, with a = pi/4 and d = pi/2.

    Examples
    --------
    >>> u, p = ethier_steinman(np.array([[0.3, -0.2, 0.7]]), 0.1, 0.04)
    >>> np.round([*u[0], p[0]], 10).tolist()
    [-2.1397951918, -1.1452592697, -0.2415385371, -2.9743415612]
    """
    ahead = np.roll(points, -1, axis=1)  # y, z, x
    after = np.roll(points, -2, axis=1)  # z, x, y
    decay = np.exp(-kinematic_viscosity * D**2 * time)
    first = np.exp(A * points) * np.sin(A * ahead + D * after)
    second = np.exp(A * after) * np.cos(A * points + D * ahead)
    velocity = -A * (first + second) * decay
    crossed = (
        2
        * np.sin(A * points + D * ahead)
        * np.cos(A * after + D * points)
        * np.exp(A * (ahead + after))
    )
    pressure = -(A**2) / 2 * (np.exp(2 * A * points) + crossed).sum(axis=1) * decay**2
    return velocity, pressure


def vortex(points: Float[np.ndarray, "points 2"], time: float, kinematic_viscosity: float) -> Flow:
    """Return velocity and pressure of the decaying vortices of Taylor, unit wavelength.

    As Fehn et al. (2021), J Comput Phys 430:110040, use it on moving meshes.
    """
    x, y = 2 * np.pi * points.T
    decay = np.exp(-4 * np.pi**2 * kinematic_viscosity * time)
    velocity = decay * np.stack([-np.sin(y), np.sin(x)], axis=1)
    return velocity, -(decay**2) * np.cos(x) * np.cos(y)


def swirling_mesh(
    points: Float[np.ndarray, "points dim"], time: float, amplitude: float = 0.08
) -> tuple[Float[np.ndarray, "points dim"], Float[np.ndarray, "points dim"]]:
    """Return where the points of a unit square (cube) are, and their velocity.

    The mesh motion of Fehn et al. (2021), period 4: component i moves with the sine of
    coordinate i + 1, so that the boundary moves too.
    """
    rate = 2 * np.pi / 4
    shape = np.sin(2 * np.pi * (np.roll(points, -1, axis=1) + 0.5))
    swing, speed = np.sin(rate * time), rate * np.cos(rate * time)
    return points + amplitude * swing * shape, amplitude * speed * shape


def womersley(
    radius: Float[np.ndarray, " points"],
    time: float,
    *,
    gradient: float,
    rate: float,
    pipe: float,
    density: float,
    viscosity: float,
) -> Float[np.ndarray, " points"]:
    """Return the axial velocity, m/s, under a pressure that falls by gradient cos(rate time).

    Womersley (1955), J Physiol 127:553-563.
    """
    wave = 1j**1.5 * pipe * np.sqrt(rate * density / viscosity)
    profile = 1 - jv(0, wave * radius / pipe) / jv(0, wave)
    return np.real(gradient / (1j * rate * density) * profile * np.exp(1j * rate * time))


def relative_errors(
    region: Region,
    points: Points,
    found: Flow,
    exact: Callable[[Points], Flow],
) -> tuple[float, float]:
    """Return the L2 errors of velocity and pressure over the exact fields' norms.

    Both pressures are compared without their means; the rule is of degree 4.
    """
    barycentric, weights = quadrature_rule(4)
    shapes = np.column_stack([1 - barycentric.sum(axis=1), barycentric])
    corners = points[region.cells]
    places = np.einsum("qn,cni->cqi", shapes, corners)
    volumes = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1]))
    measure = (volumes[:, None] * weights).ravel()
    truth = exact(places.reshape(-1, 3))
    told = [np.einsum("qn,cn...->cq...", shapes, f[region.cells]) for f in found]
    velocity = told[0].reshape(-1, 3)
    pressure = told[1].ravel() - measure @ told[1].ravel() / measure.sum()
    level = truth[1] - measure @ truth[1] / measure.sum()
    return (
        float(
            np.sqrt(measure @ ((velocity - truth[0]) ** 2).sum(axis=1))
            / np.sqrt(measure @ (truth[0] ** 2).sum(axis=1))
        ),
        float(np.sqrt(measure @ (pressure - level) ** 2) / np.sqrt(measure @ level**2)),
    )


__all__ = ["ethier_steinman", "relative_errors", "swirling_mesh", "vortex", "womersley"]
