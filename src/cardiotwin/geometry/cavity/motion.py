"""A region whose nodes move periodically and smoothly: a Fourier series in time for each."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import Region, cell_sizes, triple

Nodes = Float[np.ndarray, "nodes 3"]
MOMENTS = 200  # of the beat at which the cells are looked at


@runtime_checkable
class Motion(Protocol):
    """Where nodes are at any time of a beat that repeats."""

    @property
    def period(self) -> float:
        """Return the period, s."""

    def positions(self, time: float) -> Nodes:
        """Return where the nodes are, m."""

    def velocity(self, time: float) -> Nodes:
        """Return the nodes' velocity, m/s."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PeriodicMotion:
    """Positions and velocities of nodes at any time of a beat, exact to the last bit.

    Parameters
    ----------
    coefficients
        Of 1, cos, sin, cos 2, sin 2, ... of 2 pi t / period, m.
    period
        s.
    """

    coefficients: Float[np.ndarray, "waves nodes 3"]
    period: float

    def positions(self, time: float) -> Nodes:
        """Return where the nodes are, m."""
        return self._combined(waves(np.array([time / self.period]), self._order)[0])

    def velocity(self, time: float) -> Nodes:
        """Return the nodes' velocity, m/s."""
        slopes = _slopes(np.array([time / self.period]), self._order)[0]
        return self._combined(slopes / self.period)

    @property
    def _order(self) -> int:
        return len(self.coefficients) // 2

    def _combined(self, weights: Float[np.ndarray, " waves"]) -> Nodes:
        flat = weights @ self.coefficients.reshape(len(weights), -1)
        return np.asarray(flat.reshape(-1, 3))


def fit_motion(
    positions: Float[np.ndarray, "frames nodes 3"], period: float, harmonics: int
) -> PeriodicMotion:
    """Return the smooth motion nearest to evenly spaced frames of a beat, by least squares.

    Raises
    ------
    InputError
        If the frames do not tell as many harmonics, or the period is none.
    """
    n_frames = len(positions)
    if not 1 <= harmonics <= (n_frames - 1) // 2:
        msg = (
            f"{n_frames} frames tell 1 to {(n_frames - 1) // 2} harmonics of a beat, found "
            f"{harmonics}. Give fewer, or more frames."
        )
        raise InputError(msg)
    if not period > 0:
        msg = f"The period of a beat must be positive, found {period:g} s. Give it in seconds."
        raise InputError(msg)
    design = waves(np.arange(n_frames) / n_frames, harmonics)
    found = np.linalg.lstsq(design, positions.reshape(n_frames, -1))[0]
    return PeriodicMotion(
        coefficients=found.reshape(len(found), *positions.shape[1:]), period=period
    )


def waves(phase: Float[np.ndarray, " times"], order: int) -> Float[np.ndarray, "times waves"]:
    """Return 1, cos, sin, cos 2, sin 2, ... of phases of a beat, by phase."""
    turns = 2 * np.pi * phase[:, None] * np.arange(1, order + 1)
    both = np.stack([np.cos(turns), np.sin(turns)], axis=2).reshape(len(phase), -1)
    return np.concatenate([np.ones((len(phase), 1)), both], axis=1)


def _slopes(phase: Float[np.ndarray, " times"], order: int) -> Float[np.ndarray, "times waves"]:
    """Return the derivatives of the waves by the phase."""
    numbers = 2 * np.pi * np.arange(1, order + 1)
    turns = phase[:, None] * numbers
    both = np.stack([-np.sin(turns) * numbers, np.cos(turns) * numbers], axis=2)
    return np.concatenate([np.zeros((len(phase), 1)), both.reshape(len(phase), -1)], axis=1)


def check_cells(region: Region, motion: Motion) -> float:
    """Return the smallest ratio of a cell's volume to its mean over the beat.

    Raises
    ------
    InputError
        If a cell is turned over at any of two hundred moments.
    """
    volumes = []
    for time in np.arange(MOMENTS) / MOMENTS * motion.period:
        found = cell_sizes(motion.positions(float(time)), region.cells)
        n_turned = int((found <= 0).sum())
        if n_turned:
            msg = (
                f"The wall's motion folds the cavity: {n_turned} of {len(found)} cells are turned "
                f"over {time * 1e3:.0f} ms after end-diastole. Look at the contours of that "
                "frame, or tell the motion by fewer harmonics."
            )
            raise InputError(msg)
        volumes.append(found)
    table = np.array(volumes)
    return float((table.min(axis=0) / table.mean(axis=0)).min())


def flux(points: Nodes, triangles: Integer[np.ndarray, "_ 3"], velocity: Nodes) -> float:
    """Return the flow of a linear field through triangles, m^3/s, exactly."""
    return float((area_vectors(points, triangles) * velocity[triangles].mean(axis=1)).sum())


def area_vectors(points: Nodes, triangles: Integer[np.ndarray, "_ 3"]) -> Float[np.ndarray, "_ 3"]:
    """Return each triangle's area times its normal, m^2."""
    a, b, c = points[triangles].transpose(1, 0, 2)
    return np.asarray(np.cross(b - a, c - a) / 2)


def volume_rate(points: Nodes, cells: Integer[np.ndarray, "cells 4"], velocity: Nodes) -> float:
    """Return how fast the cells' volume grows, m^3/s: the derivative of their determinants.

    By Reynolds' theorem this is the flux of the velocity through the boundary.
    """
    edges, rates = (
        [corner - first for corner in others]
        for first, *others in (x.T[:, cells.T].swapaxes(0, 1) for x in (points, velocity))
    )
    (a, b, c), (da, db, dc) = edges, rates
    return float((triple(da, b, c) + triple(a, db, c) + triple(a, b, dc)).sum() / 6)


__all__ = [
    "Motion",
    "PeriodicMotion",
    "area_vectors",
    "check_cells",
    "fit_motion",
    "flux",
    "volume_rate",
    "waves",
]
