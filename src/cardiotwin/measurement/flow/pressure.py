"""Relative pressure everywhere in a lumen, at rest or moving, from the velocity alone.

The momentum balance grad p = -rho Du/Dt - mu curl omega is tested with gradients (the pressure's
Poisson equation in its weak form, whose boundary terms are natural ones), so no value of the
pressure is needed on the boundary; its level stays unknown. Linear elements for both fields; the
velocity is without sources, so that friction is the boundary's vorticity alone. A cell at the
boundary tells it for its middle; with the mean slope round its inner corner it is drawn out to
the boundary.

Krittian et al. (2012), Med Image Anal 16:1029-1037 (finite elements for the pressure's Poisson
equation); Bertoglio et al. (2018), IJNMBE 34:e2925 (estimators compared).
"""

import numpy as np
from jaxtyping import Float, Integer
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import splu

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import cell_sizes
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.imaging.phase_contrast import VoxelGrid
from cardiotwin.measurement.flow.lumen import Lumen, elements, sampling, shape_gradients

Field = Float[np.ndarray, "frames nodes 3"]
Cells = Integer[np.ndarray, "cells 4"]


def relative_pressure(
    lumen: Lumen,
    velocity: Float[np.ndarray, "*fields frames nodes 3"],
    *,
    period: float,
    fluid: Fluid,
) -> Float[np.ndarray, "*fields frames nodes"]:
    """Return the pressure at the nodes, Pa, of mean zero over the lumen in each frame.

    Parameters
    ----------
    lumen
        With one position per frame, or one for all.
    velocity
        Of the blood at the nodes, m/s, over a beat that repeats; of several fields at once too.
    period
        s.
    fluid
        The blood.

    Raises
    ------
    InputError
        If the frames of velocity and positions do not match.
    """
    fields = velocity.reshape(-1, *velocity.shape[-3:])
    n_frames, n_places = fields.shape[1], len(lumen.positions)
    if n_places not in {1, n_frames}:
        msg = (
            f"{n_frames} frames of velocity need as many positions of the lumen or one, found "
            f"{n_places}. Give both over the same beat."
        )
        raise InputError(msg)
    rates = np.stack([periodic_rate(each, period) for each in fields])
    moving = periodic_rate(lumen.positions, period) if n_places > 1 else np.zeros(3)
    sides, found = _sides(lumen.cells), np.zeros(fields.shape[:3])
    balance = None
    for t in range(n_frames):
        if balance is None or n_places > 1:
            balance = _Balance(lumen.positions[t], lumen.cells, sides, fluid)
        carried = fields[:, t] - (moving[t] if n_places > 1 else moving)
        for row, *each in zip(found, fields[:, t], rates[:, t], carried, strict=True):
            row[t] = balance.pressure(*each)
    return found.reshape(velocity.shape[:-1])


def pressure_at(
    lumen: Lumen,
    pressure: Float[np.ndarray, "frames nodes"],
    places: Float[np.ndarray, "frames 3"],
) -> Float[np.ndarray, " frames"]:
    """Return the pressure at one place by frame, Pa.

    Raises
    ------
    InputError
        If a place is not in the lumen.
    """
    found = []
    for t, (values, place) in enumerate(zip(pressure, places, strict=True)):
        placed = np.eye(4)
        placed[:3, :3] *= 1e-3
        placed[:3, 3] = place
        points = lumen.positions[t % len(lumen.positions)]
        row = sampling(points, lumen.cells, VoxelGrid(shape=(1, 1, 1), affine=placed))
        if row.nnz == 0:
            msg = f"The place {np.round(place * 1e3, 1)} mm of frame {t} lies outside the lumen."
            raise InputError(msg + " Give one inside.")
        found.append(float((row @ values)[0]))
    return np.array(found)


def periodic_rate(
    values: Float[np.ndarray, "frames nodes 3"], period: float
) -> Float[np.ndarray, "frames nodes 3"]:
    """Return the derivative by time of a beat that repeats, by its Fourier series."""
    n = len(values)
    waves = np.fft.rfftfreq(n, period / n) * 2j * np.pi
    if n % 2 == 0:
        waves[-1] = 0.0  # the highest wave's slope cannot be told
    spectrum = np.fft.rfft(values, axis=0) * waves[:, None, None]
    return np.asarray(np.fft.irfft(spectrum, n=n, axis=0))


class _Balance:
    """The momentum balance on a mesh, tested with gradients; its Laplacian is factorised."""

    def __init__(
        self,
        points: Float[np.ndarray, "nodes 3"],
        cells: Cells,
        sides: tuple[np.ndarray, np.ndarray],
        fluid: Fluid,
    ) -> None:
        self._cells, self._sides, self._fluid = cells, sides, fluid
        self._sizes, self._gradients = cell_sizes(points, cells), shape_gradients(points, cells)
        parts = elements(points, cells)
        self._mass = parts.mass
        places = (cells.ravel(), np.repeat(np.arange(len(cells)), 4))
        weights = np.repeat(self._sizes / 4, 4) / parts.mass[cells.ravel()]
        self._means = csr_matrix((weights, places), shape=(len(points), len(cells)))
        cell, corner = sides
        self._inner = cells[cell, corner]
        edge = np.zeros(len(points), dtype=bool)
        for k in range(4):
            edge[cells[cell, k][corner != k]] = True
        self._drawn = ~edge[self._inner]
        self._factors = splu(parts.stiffness[1:, 1:].tocsc())  # the first node is held

    def pressure(
        self,
        nodal: Float[np.ndarray, "nodes 3"],
        change: Float[np.ndarray, "nodes 3"],
        carried: Float[np.ndarray, "nodes 3"],
    ) -> Float[np.ndarray, " nodes"]:
        """Return the pressure of a velocity, its rate at the nodes, and how it passes them."""
        load = self._load(nodal, change, carried)
        pressure = np.concatenate([[0.0], self._factors.solve(load[1:])])
        return np.asarray(pressure - self._mass @ pressure / self._mass.sum())

    def _load(self, nodal: np.ndarray, change: np.ndarray, carried: np.ndarray) -> np.ndarray:
        """Return -int rho Du/Dt . grad q, less mu (n x omega) . grad q over the boundary."""
        cells, gradients = self._cells, self._gradients
        slope = np.einsum("cai,caj->cij", nodal[cells], gradients)
        inertia = change[cells].mean(axis=1)
        inertia += np.einsum("cij,cj->ci", slope, carried[cells].mean(axis=1))
        told = -self._fluid.density * np.einsum("c,ci,cai->ca", self._sizes, inertia, gradients)
        cell, corner = self._sides
        spin = np.stack(
            [
                slope[:, 2, 1] - slope[:, 1, 2],
                slope[:, 0, 2] - slope[:, 2, 0],
                slope[:, 1, 0] - slope[:, 0, 1],
            ],
            axis=1,
        )
        further = np.where(self._drawn[:, None], (self._means @ spin)[self._inner], spin[cell])
        at_side = 2 * spin[cell] - further
        outwards = -3 * self._sizes[cell, None] * gradients[cell, corner]  # area times normal
        turned = np.cross(outwards, at_side)
        friction = np.einsum("si,sai->sa", turned, gradients[cell])
        np.add.at(told, cell, -self._fluid.viscosity * friction)
        n = len(self._mass)
        return np.asarray(np.bincount(cells.ravel(), told.ravel(), minlength=n))


def _sides(cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells with a side on the boundary, and which corner lies opposite to it."""
    corner = np.repeat(np.arange(4), len(cells))
    sides = np.concatenate([np.delete(cells, k, axis=1) for k in range(4)])
    _, where, count = np.unique(
        np.sort(sides, axis=1), axis=0, return_index=True, return_counts=True
    )
    alone = where[count == 1]
    return alone % len(cells), corner[alone]


__all__ = ["periodic_rate", "pressure_at", "relative_pressure"]
