"""A smooth field of the wall's motion fitted to what is read of it at places as they are now.

Gauss-Newton steps of the posterior: what was read, given as residuals and their slopes, the
field's own smoothness, and that the wall keeps its volume.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from jaxtyping import Float, Integer
from scipy.linalg import solve_triangular

from cardiotwin.errors import ConvergenceError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.measurement.kept_volume import KeptVolume, kept_volume
from cardiotwin.measurement.motion import Smoothness, material_terms
from cardiotwin.units import MM

STEPS = 30
SETTLED = 0.06  # of the step in standard deviations, squared, by unknown: a quarter of one
STUCK = 0.5  # the same, where no step betters the field: slopes are those of flat cells
SHORTEST = 0.1  # of a step
ROUNDS = 6  # of finding the material that is at a place now
FARTHEST = 5 * MM  # of one round


@dataclass(frozen=True, kw_only=True, eq=False)
class Wall:
    """The wall at the R wave and the fields on it.

    Parameters
    ----------
    mesh, smoothness
        As `motion_from_stripes` takes them.
    volume
        That it keeps its volume.
    """

    mesh: TetMesh
    smoothness: Smoothness
    volume: KeptVolume

    @cached_property
    def precision(self) -> Float[np.ndarray, " unknowns"]:
        """Return the prior precision of the coefficients, 1/m^2."""
        return np.asarray(np.repeat(self.smoothness.spread(), 3) ** -2.0)


def wall_of(mesh: TetMesh, smoothness: Smoothness) -> Wall:
    """Return a mesh with the fields on it."""
    return Wall(mesh=mesh, smoothness=smoothness, volume=kept_volume(mesh, smoothness))


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """What is at the pixels now.

    Parameters
    ----------
    basis
        The field's terms there.
    back
        How far it has moved, m.
    gradient
        Of its deformation, by pixel.
    cell
        Of the mesh, in which it is.
    beyond
        How far outside the mesh it is, barycentric.
    """

    basis: Float[np.ndarray, "n terms"]
    back: Float[np.ndarray, "n 3"]
    gradient: Float[np.ndarray, "n 3 3"]
    cell: Integer[np.ndarray, " n"]
    beyond: Float[np.ndarray, " n"]

    def chosen(self, kept: Integer[np.ndarray, " m"]) -> "Material":
        """Return what is at some of them."""
        return Material(**{one.name: getattr(self, one.name)[kept] for one in fields(self)})


Read = Callable[[Material], tuple[Float[np.ndarray, "m unknowns"], Float[np.ndarray, " m"], float]]
"""From what is at the places: slopes of the readings, their residuals, both in noises, and twice
the negative logarithm of their likelihood, but for a constant."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Linear:
    """What was read, about a field.

    Parameters
    ----------
    field, material
        About which.
    rows, told
        What the coefficients do to the readings, and what is left of these, in noises.
    volume_rows, volume_left
        The same of the wall's volume.
    likelihood, cost
        Twice the negative logarithm of the readings' likelihood and of the posterior, but for a
        constant.
    """

    field: Float[np.ndarray, "terms 3"]
    material: Material
    rows: Float[np.ndarray, "m unknowns"]
    told: Float[np.ndarray, " m"]
    volume_rows: Float[np.ndarray, "cells unknowns"]
    volume_left: Float[np.ndarray, " cells"]
    likelihood: float
    cost: float

    @cached_property
    def square(self) -> Float[np.ndarray, "unknowns unknowns"]:
        """Return what the readings tell of the coefficients: their Fisher information, 1/m^2."""
        return np.asarray(self.rows.T @ self.rows)

    @cached_property
    def kept(self) -> Float[np.ndarray, "unknowns unknowns"]:
        """Return what the wall's volume tells of them, 1/m^2."""
        return np.asarray(self.volume_rows.T @ self.volume_rows)

    def evidence(self, wall: Wall) -> float:
        """Return minus twice the logarithm of the readings' likelihood by `wall`'s smoothness.

        By Laplace's approximation, but for a constant (Bishop 2006, sec. 4.4.1).
        """
        at, prior = self.field.ravel(), wall.precision
        slope = self.rows.T @ self.told + self.volume_rows.T @ self.volume_left - prior * at
        root = np.linalg.cholesky(self.square + self.known(wall))
        half = solve_triangular(root, slope, lower=True)
        cost = self.likelihood + float(self.volume_left @ self.volume_left + prior @ at**2)
        determinant = 2 * float(np.log(np.diag(root)).sum()) - float(np.log(prior).sum())
        return cost - float(half @ half) + determinant

    def known(self, wall: Wall) -> Float[np.ndarray, "unknowns unknowns"]:
        """Return what is known without them, 1/m^2."""
        return np.asarray(self.kept + np.diag(wall.precision))


def fit_field(
    wall: Wall,
    place: Float[np.ndarray, "n 3"],
    read: Read,
    field: Float[np.ndarray, "terms 3"],
    back: Float[np.ndarray, "n 3"],
    *,
    settled: float = SETTLED,
) -> tuple[Linear, Float[np.ndarray, " unknowns"]]:
    """Return what was read about the best field, and the step that would still be taken.

    This is small beside the field's uncertainty, and a part of it.

    Parameters
    ----------
    wall, place
        Of what, and where it is read, m.
    read
        What is read of the material there.
    field
        To start from.
    back
        How far, nearly, what is at the places has moved, m: from there its material is sought.
    settled
        Mean square of the step, in standard deviations, from which on none is taken.

    Raises
    ------
    ConvergenceError
        If the field does not settle.
    """
    now = about(wall, place, read, field, material_of(wall, place, field, back))
    steps: list[float] = []
    while True:
        slope = now.rows.T @ now.told + now.volume_rows.T @ now.volume_left
        slope -= wall.precision * now.field.ravel()
        step = np.linalg.solve(now.square + now.known(wall), slope)
        steps.append(float(slope @ step))
        if steps[-1] < settled * len(step):
            return now, step
        new = _better(wall, place, read, now, step) if len(steps) < STEPS else None
        if new is None and steps[-1] < STUCK * len(step):
            return now, step
        if new is None:
            msg = (
                f"The field of the wall's motion did not settle in {len(steps)} steps, found "
                f"{np.sqrt(steps[-1] / len(step)):.2g} standard deviations by unknown to go. "
                "Give a purer wall, or a coarser field."
            )
            raise ConvergenceError(msg, tuple(steps))
        now = new


def _better(
    wall: Wall,
    place: Float[np.ndarray, "n 3"],
    read: Read,
    now: Linear,
    step: Float[np.ndarray, " unknowns"],
) -> Linear | None:
    """Return a better field along a step, if there is one."""
    length = 1.0
    while length > SHORTEST:
        field = now.field + length * step.reshape(now.field.shape)
        new = about(wall, place, read, field, now.material)
        if new.cost < now.cost:
            return new
        length /= 2
    return None


def about(
    wall: Wall,
    place: Float[np.ndarray, "n 3"],
    read: Read,
    field: Float[np.ndarray, "terms 3"],
    near: Material,
) -> Linear:
    """Return what is read about a field; material is sought near where it was."""
    material = material_of(wall, place, field, near.back, near.cell)
    rows, told, likelihood = read(material)
    left = wall.volume.left(field)
    return Linear(
        field=field,
        material=material,
        rows=rows,
        told=told,
        volume_rows=wall.volume.rows(field),
        volume_left=left,
        likelihood=likelihood,
        cost=likelihood + float(left @ left + wall.precision @ field.ravel() ** 2),
    )


def material_of(
    wall: Wall,
    place: Float[np.ndarray, "n 3"],
    field: Float[np.ndarray, "terms 3"],
    back: Float[np.ndarray, "n 3"],
    cell: Integer[np.ndarray, " n"] | None = None,
) -> Material:
    """Return what a field brought to places: X + u(X) = x by Newton's iteration."""
    gradient = wall.volume.gradient(field)
    found = material_terms(wall.mesh, place - back, wall.smoothness, cell)
    for _ in range(ROUNDS - 1):
        basis, _, inside = found
        missed = (back - basis @ field)[..., None]
        back = back - np.clip(
            np.linalg.solve(gradient[inside], missed)[..., 0], -FARTHEST, FARTHEST
        )
        found = material_terms(wall.mesh, place - back, wall.smoothness, inside)
    basis, beyond, inside = found
    return Material(basis=basis, back=back, gradient=gradient[inside], cell=inside, beyond=beyond)


__all__ = ["Linear", "Material", "Read", "Wall", "about", "fit_field", "material_of", "wall_of"]
