"""One posterior of a twin's parameters from all that was measured: mode, Laplace, draws, flags."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import chi2

from cardiotwin.errors import Flag
from cardiotwin.fitting.convergence import effective_size, split_rhat, tail_size
from cardiotwin.fitting.doubts import doubts
from cardiotwin.fitting.hamiltonian import Draws, Sampling, sample
from cardiotwin.fitting.modes import LocalMode, find_modes
from cardiotwin.fitting.observations import Measurement
from cardiotwin.fitting.priors import Prior
from cardiotwin.fitting.problem import Model, Problem, cost_of

WEIGHTY = 0.01  # share of the posterior from which a mode counts


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Whether the draws of one parameter have told enough.

    Parameters
    ----------
    rhat
        Rank-normalised; above 1.01 the chains disagree.
    effective, effective_tail
        Independent draws that tell bulk and tails as well.
    """

    rhat: float
    effective: float
    effective_tail: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """What the most probable heart says of one measurement.

    Parameters
    ----------
    measured, predicted, sd
        SI; the standard deviation holds noise and model error.
    conflict
        Squared distance from what all else predicts, in its own covariance (the studentised
        residual; of one number: squared standard deviations).
    probability
        That as large a conflict comes by chance.
    """

    measured: Float[np.ndarray, " n"]
    predicted: Float[np.ndarray, " n"]
    sd: Float[np.ndarray, " n"]
    conflict: float
    probability: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Posterior:
    """What is known of a twin.

    Parameters
    ----------
    names, units
        Of the parameters.
    modes
        The most probable first.
    mode, mean, sd, laplace_sd
        By parameter, SI: at the first mode, of the draws, and by Laplace.
    x
        Draws on the scale on which the prior is N(0, 1).
    samples
        Draws by parameter, SI, in the same order.
    diagnosis
        By parameter.
    fit
        By measurement.
    accepted
        Share of the sampler's proposals that were taken.
    flags
        What the reader must know.
    cpu_s
        Of all of it.
    """

    names: tuple[str, ...]
    units: Mapping[str, str]
    modes: tuple[LocalMode, ...]
    mode: Mapping[str, float]
    mean: Mapping[str, float]
    sd: Mapping[str, float]
    laplace_sd: Mapping[str, float]
    x: Float[np.ndarray, "draws parameters"]
    samples: Mapping[str, Float[np.ndarray, " draws"]]
    diagnosis: Mapping[str, Diagnosis]
    fit: Mapping[str, Fitted]
    accepted: float
    flags: tuple[Flag, ...]
    cpu_s: float

    @property
    def correlation(self) -> Float[np.ndarray, "parameters parameters"]:
        """Return the correlation of the draws' standard numbers."""
        return np.asarray(np.corrcoef(self.x.T))

    def interval(self, name: str, share: float = 0.9) -> tuple[float, float]:
        """Return the central interval that holds a share of the posterior, SI."""
        low, high = np.quantile(self.samples[name], [(1 - share) / 2, (1 + share) / 2])
        return float(low), float(high)


def posterior(
    twin: Model,
    measurements: Sequence[Measurement],
    priors: Mapping[str, Prior],
    *,
    sampling: Sampling | None = None,
) -> Posterior:
    """Return the posterior of a twin's parameters.

    Parameters
    ----------
    twin
        Predicts what was measured, in a batch.
    measurements
        What is missing is absent.
    priors
        Of every parameter of the twin.

    Raises
    ------
    InputError
        If a measurement is none, or of what the twin does not predict.
    ConvergenceError
        If no most probable heart is found.
    """
    began = time.process_time()
    sampling = sampling or Sampling()
    problem = Problem(model=twin, measurements=tuple(measurements), priors=priors)
    rng = np.random.default_rng(sampling.seed)
    starts = rng.standard_normal((sampling.starts, problem.n))
    starts[0] = 0.0
    modes = find_modes(problem, starts)
    drawn = _drawn(problem, modes, sampling, rng)
    x = drawn.x.reshape(-1, problem.n)
    values = problem.values(x)
    best = problem.values(modes[0].x[None])[0]
    laplace = modes[0].x + rng.multivariate_normal(np.zeros(problem.n), modes[0].covariance, 4000)
    laplace_sd = problem.values(np.clip(laplace, *problem.box())).std(axis=0)
    diagnosis = {
        name: Diagnosis(
            rhat=split_rhat(drawn.x[:, :, k]),
            effective=effective_size(drawn.x[:, :, k]),
            effective_tail=tail_size(drawn.x[:, :, k]),
        )
        for k, name in enumerate(twin.names)
    }
    fit = _fit(problem, modes[0])
    return Posterior(
        names=twin.names,
        units=twin.units,
        modes=modes,
        mode=_named(twin, best),
        mean=_named(twin, values.mean(axis=0)),
        sd=_named(twin, values.std(axis=0)),
        laplace_sd=_named(twin, laplace_sd),
        x=x,
        samples={name: values[:, k] for k, name in enumerate(twin.names)},
        diagnosis=diagnosis,
        fit=fit,
        accepted=drawn.accepted,
        flags=doubts(
            problem,
            modes=[each for each in modes if each.weight >= WEIGHTY],
            x=x,
            refused=drawn.refused,
            rhat={name: each.rhat for name, each in diagnosis.items()},
            effective={name: each.effective for name, each in diagnosis.items()},
            chance={name: each.probability for name, each in fit.items()},
        ),
        cpu_s=time.process_time() - began,
    )


def _named(twin: Model, values: Float[np.ndarray, " parameters"]) -> dict[str, float]:
    return dict(zip(twin.names, values.tolist(), strict=True))


def _drawn(
    problem: Problem, modes: Sequence[LocalMode], sampling: Sampling, rng: np.random.Generator
) -> Draws:
    """Return draws whose chains begin about the modes, as often as they weigh."""
    low, high = problem.box()
    weights = np.array([each.weight for each in modes])
    counts = np.floor(weights * sampling.chains).astype(int)
    counts[0] += sampling.chains - counts.sum()
    start = np.concatenate(
        [
            rng.multivariate_normal(mode.x, mode.covariance, count)
            for mode, count in zip(modes, counts, strict=True)
        ]
    )

    def density(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inside = ((x >= low) & (x <= high)).all(axis=1)
        value, gradient = np.full(len(x), -np.inf), np.zeros_like(x)
        if inside.any():
            r, J = problem.linearised(x[inside])
            value[inside] = -cost_of(r, x[inside])
            gradient[inside] = -(np.einsum("bmn,bm->bn", J, r) + x[inside])
        return value, gradient

    first = np.clip(start, low, high)
    return sample(density, first, modes[0].covariance, sampling, rng)


def _fit(problem: Problem, mode: LocalMode) -> dict[str, Fitted]:
    """Return each measurement beside the most probable heart, and how far all else is from it.

    Without the measurement i the residual would be (I - H)^-1 r with the covariance (I - H)^-1,
    H = J C J' its leverage (Cook & Weisberg 1982, Residuals and Influence in Regression, ch. 2).
    """
    predicted = problem.model.predict(problem.values(mode.x[None]))
    found = {}
    for each, rows in zip(problem.measurements, problem.rows().values(), strict=True):
        r, J = mode.residuals[rows], mode.jacobian[rows]
        free = np.eye(len(r)) - J @ mode.covariance @ J.T
        conflict = float(r @ np.linalg.solve(free, r))
        found[each.name] = Fitted(
            measured=each.value,
            predicted=each.taken(predicted[each.observable])[0],
            sd=each.sd,
            conflict=conflict,
            probability=float(chi2.sf(conflict, len(r))),
        )
    return found


__all__ = ["Diagnosis", "Fitted", "Posterior", "posterior"]
