"""The conductance of the wall's vessels from a measured map of blood flow.

A factor by cell changes everything from the artery to the last compartment. Its logarithm has a
normal prior, the map normal errors: Gauss-Newton finds the mode, with gradients by one adjoint
solution per value of the map; Laplace's approximation there gives uncertainty, and the evidence
by which the prior's own numbers are chosen (MacKay 1992, Neural Comput 4:415-447).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError
from cardiotwin.perfusion.darcy.fed_wall import FedWall
from cardiotwin.perfusion.darcy.measured_map import MeasuredMap
from cardiotwin.perfusion.darcy.prior import LogConductance

Cells = Float[np.ndarray, " cells"]

ITERATIONS = 40
CLOSE = 1e-5  # of the misfit, that a step changes
SHORTEST = 1e-3  # of a step
LARGEST = 20.0  # of the logarithm: a factor beyond is none


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
    drawn = fit.parameters + normal @ root.T
    return model.flows(np.exp(drawn @ fit.prior.basis.T))


__all__ = ["MapFit", "fit_map", "flow_draws"]
