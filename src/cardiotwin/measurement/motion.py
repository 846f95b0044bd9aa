"""Motion of the wall as images tell it: a smooth field on material coordinates, with covariance.

Displacement is a sum of smooth functions of the wall's own coordinates (Legendre polynomials along
the long axis, Fourier terms round it, linear through the wall), whose coefficients are normal:
Bayesian linear regression (Bishop 2006, Pattern Recognition and Machine Learning, sec. 3.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.polynomial.legendre import legvander

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.units import MM

NEAR_APEX = 0.2  # apicobasal, below which what turns with the angle fades to nothing


@dataclass(frozen=True, kw_only=True)
class Smoothness:
    """How fine the field may be.

    Parameters
    ----------
    heights
        Degree along the long axis.
    turns
        Fourier terms round it.
    layers
        Degree through the wall.
    largest
        Prior standard deviation of the wall's motion as a whole, m.
    fall
        Power by which finer terms are believed to be smaller.
    """

    heights: int = 5
    turns: int = 4
    layers: int = 2
    largest: float = 15 * MM
    fall: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what no image resolves."""
        for name, least, most in (("heights", 0, 8), ("turns", 0, 12), ("layers", 0, 2)):
            value = getattr(self, name)
            if not least <= value <= most:
                msg = (
                    f"Smoothness.{name} must be between {least} and {most}, found {value}. "
                    "Five terms along and four round the ventricle follow a healthy beat."
                )
                raise InputError(msg)
        if not (0 < self.largest < np.inf and 0 <= self.fall < np.inf):
            msg = (
                "Smoothness.largest must be positive and fall not negative, found "
                f"{self.largest:g} m and {self.fall:g}."
            )
            raise InputError(msg)

    def basis(
        self,
        apicobasal: Float[np.ndarray, " n"],
        rotational: Float[np.ndarray, " n"],
        transmural: Float[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n terms"]:
        """Return the terms at places of the wall; angles in rad."""
        along = legvander(2 * apicobasal - 1, self.heights)
        through = legvander(2 * transmural - 1, self.layers)
        fade = np.clip(apicobasal / NEAR_APEX, 0, 1)
        round_it = [np.ones_like(rotational)]
        for turn in range(1, self.turns + 1):
            round_it += [fade * np.cos(turn * rotational), fade * np.sin(turn * rotational)]
        terms = np.einsum("na,nr,nt->nart", along, np.stack(round_it, axis=1), through)
        return np.asarray(terms.reshape(len(apicobasal), -1))

    def spread(self) -> Float[np.ndarray, " terms"]:
        """Return the prior standard deviation of each term's coefficient, m."""
        turn = np.concatenate([[0], np.repeat(np.arange(1, self.turns + 1), 2)])
        order = (
            np.arange(self.heights + 1)[:, None, None]
            + turn[None, :, None]
            + 2 * np.arange(self.layers + 1)[None, None, :]
        )
        return np.asarray(self.largest / (1.0 + order.ravel()) ** self.fall)


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
    """

    times: Float[np.ndarray, " frames"]
    basis: Float[np.ndarray, "nodes terms"]
    coefficients: Float[np.ndarray, "frames terms 3"]
    covariance: Float[np.ndarray, "frames unknowns unknowns"]
    source: str

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
    """

    basis: Float[np.ndarray, "n terms"]
    displacement: Float[np.ndarray, "n 3"]
    root: Float[np.ndarray, "n 3 3"]
    independent: float


def regress(
    readings: Readings, smoothness: Smoothness
) -> tuple[Float[np.ndarray, "terms 3"], Float[np.ndarray, "unknowns unknowns"]]:
    """Return the coefficients' mean and covariance.

    Where the field cannot follow the readings, what it misses is counted as an error that all
    readings within the reach of one term share.
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
        mean, covariance = solved(share / (1 + excess * max(share * n / terms, 1.0)))
    return mean.reshape(terms, 3), covariance


def node_basis(mesh: TetMesh, smoothness: Smoothness) -> Float[np.ndarray, "nodes terms"]:
    """Return the terms at a mesh's nodes."""
    fields: Mapping[str, np.ndarray] = mesh.point_fields
    return smoothness.basis(
        fields["apicobasal"].astype(float),
        fields["rotational"].astype(float),
        fields["transmural"].astype(float),
    )


__all__ = ["Motion", "Readings", "Smoothness", "node_basis", "regress"]
