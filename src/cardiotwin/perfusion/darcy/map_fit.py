"""The conductance of the wall's vessels from a measured map of blood flow.

A factor by cell changes everything from the artery to the last compartment. Its logarithm has a
normal prior, the map normal errors: Gauss-Newton finds the mode, with gradients by one adjoint
solution per value of the map; Laplace's approximation there gives uncertainty, and the evidence
by which the prior's own numbers are chosen (MacKay 1992, Neural Comput 4:415-447).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.perfusion.darcy.bed import DENSITY, Bed
from cardiotwin.perfusion.darcy.factors import Factors
from cardiotwin.perfusion.darcy.feeding import Feeding
from cardiotwin.perfusion.darcy.measured_map import MeasuredMap
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.prior import LogConductance
from cardiotwin.perfusion.darcy.steady import feeding_by_well, system_matrix

Cells = Float[np.ndarray, " cells"]

ITERATIONS = 40
CLOSE = 1e-8  # of the misfit, that a step changes
SHORTEST = 1e-3  # of a step
LARGEST = 20.0  # of the logarithm: a factor beyond is none


class FedWall:
    """Blood flow by cell, and of a map's values, as a function of the conductance's factor.

    Parameters
    ----------
    wall, bed, feeding
        The wall; its arteries must have no resistance of their own, which the factor includes.
    aortic_pressure
        Pa.
    """

    def __init__(
        self, wall: PorousWall, bed: Bed, feeding: Feeding, aortic_pressure: float
    ) -> None:
        narrow = [one.name for one in feeding.arteries if one.resistance or one.separation]
        if narrow or bed.n_compartments < 2:
            msg = (
                "A map is fitted with arteries without resistance and two compartments or more, "
                f"found {', '.join(narrow) or 'no such artery'} and {bed.n_compartments}. The "
                "factor of the conductance takes a stenosis in."
            )
            raise InputError(msg)
        self.wall, self.bed, self.feeding = wall, bed, feeding
        self.aortic_pressure = aortic_pressure
        self._stiffness = wall.permeabilities(bed)
        self._exchange = np.array(bed.exchange)[:, None]
        even = np.full(len(wall.mesh.cells), bed.venous_conductance)
        self._drain = wall.lumped(even)

    def solve(self, factor: Cells) -> tuple[Factors, Float[np.ndarray, "compartments wells"]]:
        """Return the system's factors and the pressures, Pa."""
        fed = replace(self.feeding, conductance=self.feeding.conductance * factor)
        into = feeding_by_well(self.wall, fed).sum(axis=0)
        joints = self.wall.lumped(self._exchange * factor)
        factors = Factors(system_matrix(self._stiffness, joints, self._drain, feeding=into))
        given = np.zeros((self.bed.n_compartments, self.wall.n_wells))
        given[0] = into * self.aortic_pressure
        given[-1] += self._drain * self.bed.venous_pressure
        return factors, factors.solve(given.ravel()).reshape(given.shape)

    def mbf(self, factor: Cells) -> Cells:
        """Return the blood flow by cell, m^3/(s kg)."""
        factors, pressure = self.solve(factor)
        factors.destroy()
        return self._mbf(factor, pressure)

    def _mbf(self, factor: Cells, pressure: Float[np.ndarray, "compartments wells"]) -> Cells:
        fall = self.wall.to_cells(pressure[-2] - pressure[-1])
        return np.asarray(self._exchange[-1] * factor * fall / DENSITY)

    def values(self, factor: Cells, weights: Any) -> Float[np.ndarray, " values"]:
        """Return the map's values, m^3/(s kg)."""
        return np.asarray(weights @ self.mbf(factor))

    def linearise(
        self, factor: Cells, weights: Any
    ) -> tuple[Float[np.ndarray, " values"], Float[np.ndarray, "values cells"]]:
        """Return the map's values and their derivatives by the logarithm of each cell's factor.

        One adjoint solution for each value; the system is symmetric.
        """
        factors, pressure = self.solve(factor)
        shares, volume = self.wall.shares, self.wall.cell_volume
        mbf = self._mbf(factor, pressure)
        slopes = np.asarray(weights.todense()) * mbf
        lift = self._exchange[-1] * factor / DENSITY / volume
        drop = pressure[:-1] - pressure[1:]
        entering = self.aortic_pressure - pressure[0]
        for row in range(len(slopes)):
            seen = np.zeros_like(pressure)
            seen[-2] = shares @ (np.asarray(weights[[row]].todense()).ravel() * lift)
            seen[-1] = -seen[-2]
            adjoint = factors.solve(seen.ravel()).reshape(pressure.shape)
            joints = shares.T @ ((adjoint[:-1] - adjoint[1:]) * drop).T
            source = shares.T @ (adjoint[0] * entering)
            slopes[row] += factor * (
                self.feeding.conductance * source - joints @ self._exchange.ravel()
            )
        factors.destroy()
        return np.asarray(weights @ mbf), slopes


@dataclass(frozen=True, kw_only=True, eq=False)
class MapFit:
    """A wall's conductance given a map.

    Parameters
    ----------
    log_factor, log_factor_sd
        Of the conductance, by cell.
    mbf
        Blood flow by cell at the mode, m^3/(s kg).
    misfit
        Chi-squared of the map's values by their number.
    log_evidence
        Of the map given the prior.
    parameters, covariance
        Mode, and covariance by Laplace's approximation.
    prior
        What was believed before.
    """

    log_factor: Cells
    log_factor_sd: Cells
    mbf: Cells
    misfit: float
    log_evidence: float
    parameters: Float[np.ndarray, " parameters"]
    covariance: Float[np.ndarray, "parameters parameters"]
    prior: LogConductance


def fit_map(
    model: FedWall,
    measured: MeasuredMap,
    prior: LogConductance,
    start: Float[np.ndarray, " parameters"] | None = None,
) -> MapFit:
    """Return the mode and its uncertainty.

    Raises
    ------
    ConvergenceError
        If Gauss-Newton's method stops; it carries the misfits.
    """
    theta = np.zeros(len(prior.precision)) if start is None else start
    values, slopes = _at(model, measured, prior, theta)
    costs = [_cost(values, measured, theta, prior)]
    for _ in range(ITERATIONS):
        scaled = slopes / measured.sd[:, None]
        hessian = prior.precision + scaled.T @ scaled
        downhill = scaled.T @ ((measured.values - values) / measured.sd)
        step = np.linalg.solve(hessian, downhill - prior.precision @ theta)
        share, cost = 1.0, np.inf
        while not cost <= costs[-1] and share > SHORTEST:
            trial = theta + share * step
            if np.abs(prior.basis @ trial).max() < LARGEST:
                guess = model.values(np.exp(prior.basis @ trial), measured.weights)
                cost = _cost(guess, measured, trial, prior)
            share /= 2
        if not cost <= costs[-1]:
            break
        theta = theta + 2 * share * step
        values, slopes = _at(model, measured, prior, theta)
        costs.append(cost)
        if costs[-2] - cost <= CLOSE * (1 + cost):
            return _result(model, measured, prior, (theta, values, slopes))
    msg = (
        f"The fit of the map stopped after {len(costs) - 1} steps at a cost of {costs[-1]:.4g} "
        f"(start {costs[0]:.4g}). Give a narrower prior, or look at the map's errors."
    )
    raise ConvergenceError(msg, costs, theta)


def choose_prior(
    model: FedWall, measured: MeasuredMap, priors: Sequence[LogConductance]
) -> tuple[MapFit, list[float]]:
    """Return the fit whose prior the map itself makes likeliest, and every log evidence."""
    fits: list[MapFit] = []
    for prior in priors:
        warm = fits[-1].parameters if fits and _alike(fits[-1].prior, prior) else None
        fits.append(fit_map(model, measured, prior, warm))
    evidence = [fit.log_evidence for fit in fits]
    return fits[int(np.argmax(evidence))], evidence


def _alike(one: LogConductance, other: LogConductance) -> bool:
    return one.basis.shape == other.basis.shape


def _at(
    model: FedWall,
    measured: MeasuredMap,
    prior: LogConductance,
    theta: Float[np.ndarray, " parameters"],
) -> tuple[Float[np.ndarray, " values"], Float[np.ndarray, "values parameters"]]:
    values, by_cell = model.linearise(np.exp(prior.basis @ theta), measured.weights)
    return values, by_cell @ prior.basis


def _cost(
    values: Float[np.ndarray, " values"],
    measured: MeasuredMap,
    theta: Float[np.ndarray, " parameters"],
    prior: LogConductance,
) -> float:
    missed = (values - measured.values) / measured.sd
    return float(missed @ missed + theta @ prior.precision @ theta) / 2


def _result(
    model: FedWall,
    measured: MeasuredMap,
    prior: LogConductance,
    mode: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> MapFit:
    theta, values, slopes = mode
    scaled = slopes / measured.sd[:, None]
    hessian = prior.precision + scaled.T @ scaled
    covariance = np.linalg.inv(hessian)
    logs = [np.linalg.slogdet(matrix)[1] for matrix in (prior.precision, hessian)]
    spread = 2 * np.log(measured.sd).sum() + len(values) * np.log(2 * np.pi)
    evidence = -_cost(values, measured, theta, prior) + (logs[0] - logs[1] - spread) / 2
    factor = np.exp(prior.basis @ theta)
    log_sd = np.sqrt(np.einsum("cp,pq,cq->c", prior.basis, covariance, prior.basis, optimize=True))
    missed = (values - measured.values) / measured.sd
    return MapFit(
        log_factor=np.log(factor),
        log_factor_sd=log_sd,
        mbf=model.mbf(factor),
        misfit=float(missed @ missed) / len(values),
        log_evidence=float(evidence),
        parameters=theta,
        covariance=covariance,
        prior=prior,
    )


def flow_draws(
    model: FedWall, fit: MapFit, n_draws: int, rng: np.random.Generator
) -> Float[np.ndarray, "draws cells"]:
    """Return the blood flow by cell, m^3/(s kg), of draws of the parameters' posterior."""
    root = np.linalg.cholesky(fit.covariance)
    normal = rng.standard_normal((n_draws, len(fit.parameters)))
    return np.array(
        [
            model.mbf(np.exp(fit.prior.basis @ parameters))
            for parameters in fit.parameters + normal @ root.T
        ]
    )


__all__ = ["FedWall", "MapFit", "choose_prior", "fit_map", "flow_draws"]
