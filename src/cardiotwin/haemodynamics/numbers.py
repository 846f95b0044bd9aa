"""What clinicians read in a beat of intraventricular flow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.geometry.regions import cell_sizes, linear_functions
from cardiotwin.haemodynamics.domain import Nodes


def kinetic_energy(
    points: Nodes, cells: Integer[np.ndarray, "cells 4"], velocity: Nodes, density: float
) -> float:
    """Return the integral of half rho |u|^2 of a linear velocity, J, exactly.

    The mass matrix of a tetrahedron is its volume over 20 times (1 + delta_ij).
    """
    corners = velocity[cells]
    squares = (corners**2).sum(axis=(1, 2)) + (corners.sum(axis=1) ** 2).sum(axis=1)
    return float(density / 2 * (cell_sizes(points, cells) / 20) @ squares)


def gradients(
    points: Nodes, cells: Integer[np.ndarray, "cells 4"], velocity: Nodes
) -> Float[np.ndarray, "cells 3 3"]:
    """Return d u_i / d x_j of a linear velocity in every cell, 1/s."""
    slopes = linear_functions(points, cells)[1]
    return np.asarray(np.einsum("iac,jac->cij", velocity.T[:, cells.T], slopes, optimize=True))


def vorticity(
    points: Nodes, cells: Integer[np.ndarray, "cells 4"], velocity: Nodes
) -> Float[np.ndarray, "cells 3"]:
    """Return the curl of a linear velocity in every cell, 1/s."""
    slope = gradients(points, cells, velocity)
    turned = slope.transpose(0, 2, 1) - slope  # [j, i] - [i, j]
    return np.stack([turned[:, 1, 2], turned[:, 2, 0], turned[:, 0, 1]], axis=1)


def dissipation(
    points: Nodes, cells: Integer[np.ndarray, "cells 4"], velocity: Nodes, viscosity: float
) -> float:
    """Return the heat that viscosity makes, W: the integral of 2 mu D : D."""
    slope = gradients(points, cells, velocity)
    strain = (slope + slope.transpose(0, 2, 1)) / 2
    return float(2 * viscosity * cell_sizes(points, cells) @ (strain**2).sum(axis=(1, 2)))


@dataclass(frozen=True, kw_only=True)
class Filling:
    """The two waves of filling.

    Parameters
    ----------
    early, late
        Peak inflow of the E and the A wave, m^3/s.
    early_time, late_time
        When they peak, s.
    """

    early: float
    late: float
    early_time: float
    late_time: float

    @property
    def ratio(self) -> float:
        """Return E over A, of flow rates through one window as of velocities."""
        return self.early / self.late


def filling(times: Sequence[float], inflow: Sequence[float], end_systole: float) -> Filling | None:
    """Return the E and A waves: the inflow's highest peaks of each half of diastole.

    None where a half has no peak of its own, as when the waves merge.

    Parameters
    ----------
    times
        Of one beat from end-diastole on, s.
    inflow
        Through the mitral valve, m^3/s.
    end_systole
        When diastole begins, s.
    """
    t, q = np.asarray(times), np.asarray(inflow)
    rises = (q[1:-1] > q[:-2]) & (q[1:-1] >= q[2:])
    peaks = 1 + np.flatnonzero(rises & (t[1:-1] > end_systole) & (q[1:-1] > 0.05 * q.max()))
    middle = (end_systole + t[-1]) / 2
    halves = [peaks[t[peaks] < middle], peaks[t[peaks] >= middle]]
    if any(len(half) == 0 for half in halves):
        return None
    early, late = (half[np.argmax(q[half])] for half in halves)
    return Filling(
        early=float(q[early]),
        late=float(q[late]),
        early_time=float(t[early]),
        late_time=float(t[late]),
    )


__all__ = ["Filling", "dissipation", "filling", "gradients", "kinetic_energy", "vorticity"]
