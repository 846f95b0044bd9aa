"""Motion of the wall as images tell it: a smooth field on material coordinates, with covariance.

Displacement is a sum of smooth functions of the wall's own coordinates, whose coefficients are
normal: Bayesian linear regression (Bishop 2006, Pattern Recognition and Machine Learning, sec.
3.3). Cut open, the ventricle is a disc with the apex in its middle: on it they are Zernike's
polynomials (1934, Physica 1:689-704), smooth at the apex too, and Legendre's through the wall.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from numpy.polynomial.legendre import legvander
from scipy.special import eval_jacobi

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.measurement.left_out import spread_without
from cardiotwin.measurement.tracers import locate, relocate
from cardiotwin.units import MM

OUTSIDE = 0.05, 0.25  # of the height and of the wall: what is this far off the mesh moves on
STARTS = 5  # cells about a place, in which it is sought


@dataclass(frozen=True, kw_only=True)
class Smoothness:
    """How fine the field may be.

    Parameters
    ----------
    heights
        Degree along the long axis, of the apicobasal coordinate's square; one less for every two
        turns.
    turns
        Fourier terms round it.
    layers
        Degree through the wall.
    order
        Of the finest terms that are kept: degree along, turns and twice the degree through the
        wall together.
    largest
        Prior standard deviation of the largest terms of its deformation, m.
    fall
        Power by which finer terms are believed to be smaller.
    uneven
        By how much terms of two and more turns are smaller than those of an even ventricle.
    shift
        Prior standard deviation of the wall's shift as a whole, m: images of one plane, which
        tell how large the other terms are, tell nothing of that across it.
    """

    heights: int = 5
    turns: int = 4
    layers: int = 2
    order: int = 30
    largest: float = 15 * MM
    fall: float = 1.0
    uneven: float = 1.0
    shift: float = 15 * MM

    def __post_init__(self) -> None:
        """Refuse what no image resolves."""
        for name, least, most in (
            ("heights", 0, 8),
            ("turns", 0, 12),
            ("layers", 0, 4),
            ("order", 0, 30),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                msg = (
                    f"Smoothness.{name} must be between {least} and {most}, found {value}. "
                    "Five terms along and four round the ventricle follow a healthy beat."
                )
                raise InputError(msg)
        if not (
            0 < self.largest < np.inf and 0 <= self.fall < np.inf and 0 < self.uneven < np.inf
        ):
            msg = (
                "Smoothness.largest, uneven, shift must be positive, fall not negative, found "
                f"{self.largest:g} m, {self.uneven:g}, {self.shift:g} m and {self.fall:g}."
            )
            raise InputError(msg)

    def basis(
        self,
        apicobasal: Float[np.ndarray, " n"],
        rotational: Float[np.ndarray, " n"],
        transmural: Float[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n terms"]:
        """Return the terms at places of the wall; angles in rad."""
        through = legvander(2 * transmural - 1, self.layers)
        flat = []
        for degree, turn in self._orders():
            fall = apicobasal**turn * eval_jacobi(degree, 0, turn, 2 * apicobasal**2 - 1)
            flat += [fall * np.cos(turn * rotational)]
            flat += [fall * np.sin(turn * rotational)] if turn else []
        terms = np.einsum("na,nt->nat", np.stack(flat, axis=1), through)
        return np.asarray(terms[:, self._order() <= self.order])

    def spread(self) -> Float[np.ndarray, " terms"]:
        """Return the prior standard deviation of each term's coefficient, m."""
        order = self._order()
        uneven = [
            self.uneven if turn > 1 else 1.0
            for _, turn in self._orders()
            for _ in range(2 if turn else 1)
        ]
        spread = self.largest * np.array(uneven)[:, None] / (1.0 + order) ** self.fall
        spread[0, 0] = self.shift
        return np.asarray(spread[order <= self.order])

    def _order(self) -> Integer[np.ndarray, "flat layers"]:
        """Return how fine terms are, on the disc and through the wall."""
        # What moves outwards evenly has one turn in the world's directions: it is of order 0.
        flat = [
            degree + max(turn - 1, 0)
            for degree, turn in self._orders()
            for _ in range(2 if turn else 1)
        ]
        return np.asarray(np.array(flat)[:, None] + 2 * np.arange(self.layers + 1))

    def _orders(self) -> list[tuple[int, int]]:
        """Return degree along the long axis and turns of the terms on the disc."""
        return [
            (degree, turn)
            for turn in range(self.turns + 1)
            for degree in range(max(self.heights - turn // 2, 0) + 1)
        ]


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """Displacement of the wall's nodes from end-diastole, by frame, with covariance.

    Parameters
    ----------
    times
        After the R wave, s.
    basis
        Of the nodes.
    coefficients
        By frame, term and direction of the world, m.
    covariance
        By frame, of the coefficients with the direction running fastest, m^2.
    source
        Where it is from, in words.
    smoothness
        What was believed of each frame before it was read; none: `Smoothness()`.
    """

    times: Float[np.ndarray, " frames"]
    basis: Float[np.ndarray, "nodes terms"]
    coefficients: Float[np.ndarray, "frames terms 3"]
    covariance: Float[np.ndarray, "frames unknowns unknowns"]
    source: str
    smoothness: tuple[Smoothness, ...] = ()

    @property
    def displacement(self) -> Float[np.ndarray, "frames nodes 3"]:
        """Return the displacement of the nodes, m."""
        return np.asarray(np.einsum("nk,fkc->fnc", self.basis, self.coefficients))

    @property
    def sd(self) -> Float[np.ndarray, "frames nodes 3"]:
        """Return its standard deviation by node and direction, m."""
        shape = len(self.times), self.basis.shape[1], 3
        whole = self.covariance.reshape(shape[0], shape[1], 3, shape[1], 3)
        own = np.einsum("fkclc->fklc", whole)
        variance = np.einsum("nk,fklc,nl->fnc", self.basis, own, self.basis, optimize=True)
        return np.asarray(np.sqrt(np.maximum(variance, 0)))

    def draws(
        self, count: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "draws frames nodes 3"]:
        """Return displacements that are as likely as these, m."""
        found = []
        for mean, covariance in zip(self.coefficients, self.covariance, strict=True):
            values, vectors = np.linalg.eigh(covariance)
            root = vectors * np.sqrt(np.maximum(values, 0))
            step = rng.standard_normal((count, len(values))) @ root.T
            found.append(np.einsum("nk,dkc->dnc", self.basis, mean + step.reshape(count, -1, 3)))
        return np.stack(found, axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings:
    """Displacements read at places of the wall in one frame.

    Parameters
    ----------
    basis
        Of the places.
    displacement
        m.
    root
        Square root of the precision: rows are directions over their standard deviation, 1/m.
    independent
        How many of them are independent; more share one error.
    group
        Slice of each, whose errors may be common; None: of no slices.
    """

    basis: Float[np.ndarray, "n terms"]
    displacement: Float[np.ndarray, "n 3"]
    root: Float[np.ndarray, "n 3 3"]
    independent: float
    group: Integer[np.ndarray, " n"] | None = None


def regress(
    readings: Readings, smoothness: Smoothness
) -> tuple[Float[np.ndarray, "terms 3"], Float[np.ndarray, "unknowns unknowns"]]:
    """Return the coefficients' mean and covariance.

    Where the field cannot follow the readings, what it misses is counted as an error that all
    readings within the reach of one term share, and how much it hangs on each slice besides.
    """
    n, terms = readings.basis.shape
    spread = np.repeat(smoothness.spread(), 3)
    share = min(readings.independent / n, 1.0)
    rows = np.einsum("nij,nk->nikj", readings.root, readings.basis).reshape(3 * n, 3 * terms)
    told = np.einsum("nij,nj->ni", readings.root, readings.displacement).ravel()

    def solved(weight: float) -> tuple[np.ndarray, np.ndarray]:
        covariance = np.linalg.inv(weight * rows.T @ rows + np.diag(spread**-2))
        return weight * covariance @ (rows.T @ told), covariance

    mean, covariance = solved(share)
    excess = max(float(np.mean((told - rows @ mean) ** 2)) - 1.0, 0.0)
    if excess > 0:
        share /= 1 + excess * max(share * n / terms, 1.0)
        mean, covariance = solved(share)
    if readings.group is not None:
        group, left = np.repeat(readings.group, 3), told - rows @ mean
        parts = [(rows[one], left[one]) for one in (group == k for k in np.unique(group))]
        square = share * np.stack([own.T @ own for own, _ in parts])
        slope = share * np.stack([own.T @ its for own, its in parts])
        covariance = covariance + spread_without(square, slope, np.linalg.inv(covariance))
    return mean.reshape(terms, 3), covariance


def node_basis(mesh: TetMesh, smoothness: Smoothness) -> Float[np.ndarray, "nodes terms"]:
    """Return the terms at a mesh's nodes."""
    fields: Mapping[str, np.ndarray] = mesh.point_fields
    return smoothness.basis(
        fields["apicobasal"].astype(float),
        fields["rotational"].astype(float),
        fields["transmural"].astype(float),
    )


def material_terms(
    mesh: TetMesh,
    place: Float[np.ndarray, "n 3"],
    smoothness: Smoothness,
    cell: Integer[np.ndarray, " n"] | None = None,
) -> tuple[Float[np.ndarray, "n terms"], Float[np.ndarray, " n"], Integer[np.ndarray, " n"]]:
    """Return the terms at places of the mesh's own placement, how far beyond it, their cells.

    `cell` are those where most of them probably are.
    """
    if cell is None:
        found = locate(mesh, mesh.points, place, starts=STARTS)
    else:
        found = relocate(mesh, mesh.points, place, cell, starts=STARTS)
    weights, nodes = found.tracers.weights, found.tracers.nodes

    def at(values: Float[np.ndarray, " nodes"]) -> Float[np.ndarray, " n"]:
        return np.asarray(np.einsum("mn,mn->m", weights, values[nodes]))

    height, angle, through = (
        mesh.point_fields[name].astype(float)
        for name in ("apicobasal", "rotational", "transmural")
    )
    # On the disc, where the apex, which has no angle, is a place like any other.
    east, north = at(height * np.cos(angle)), at(height * np.sin(angle))
    basis = smoothness.basis(
        np.clip(np.hypot(east, north), 0, 1 + OUTSIDE[0]),
        np.arctan2(north, east),
        np.clip(at(through), -OUTSIDE[1], 1 + OUTSIDE[1]),
    )
    return basis, found.beyond, found.cell


__all__ = ["Motion", "Readings", "Smoothness", "material_terms", "node_basis", "regress"]
