"""A measured map of blood flow under several beliefs of the wall's conductance.

Beliefs are as likely as each other before the map: a smooth field, segments, a territory with an
edge. Draws come from each as often as the map says by its evidence (Hoeting et al. 1999, Stat Sci
14:382-417), so that where the map cannot choose, the uncertainty says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp, softmax

from cardiotwin.fitting.tempering import Tempered, Tempering, temper
from cardiotwin.perfusion.darcy.fed_wall import BATCH, FedWall
from cardiotwin.perfusion.darcy.map_fit import MapFit, fit_map, flow_draws
from cardiotwin.perfusion.darcy.measured_map import MeasuredMap
from cardiotwin.perfusion.darcy.prior import LogConductance
from cardiotwin.perfusion.darcy.territory import EdgedTerritory

FARTHEST = 8.0  # of a factor's logarithm: beyond it is no vessel

Belief = Sequence[LogConductance] | EdgedTerritory
Points = Float[np.ndarray, "draws n"]
Values = Float[np.ndarray, " draws"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowDraws:
    """Draws of the blood flow in a wall.

    Parameters
    ----------
    mbf
        By cell, m^3/(s kg).
    share, left
        Of each cell in a territory, and what its vessels conduct of what others do.
    """

    mbf: Float[np.ndarray, "draws cells"]
    share: Float[np.ndarray, "draws cells"]
    left: Values

    def below(
        self, threshold: float, volume: Float[np.ndarray, " cells"]
    ) -> tuple[Values, Values]:
        """Return the share of the wall that has less flow, and its mean flow, m^3/(s kg).

        A cell that the edge divides has the flow of either side.
        """
        left = self.left[:, None]
        outside = self.mbf / (1 - (1 - left) * self.share)
        parts = (((1 - self.share) * volume, outside), (self.share * volume, left * outside))
        size = sum(np.sum(part * (mbf < threshold), axis=1) for part, mbf in parts)
        flow = sum(np.sum(part * (mbf < threshold) * mbf, axis=1) for part, mbf in parts)
        return size / volume.sum(), flow / np.maximum(size, np.finfo(np.float64).tiny)


@dataclass(frozen=True, kw_only=True, eq=False)
class MapPosterior:
    """What a map says under each belief.

    Parameters
    ----------
    log_evidence
        Of each belief.
    fits
        Under each prior of a normal belief.
    tempered
        Draws of a territory's parameters.
    """

    log_evidence: Mapping[str, float]
    fits: Mapping[str, Sequence[MapFit]]
    tempered: Mapping[str, Tempered]

    def probability(self, names: Sequence[str]) -> Mapping[str, float]:
        """Return that of each of these beliefs, where they are all that is believed."""
        told = softmax([self.log_evidence[name] for name in names])
        return dict(zip(names, told.tolist(), strict=True))


def map_posterior(
    model: FedWall,
    measured: MeasuredMap,
    beliefs: Mapping[str, Belief],
    rng: np.random.Generator,
    how: Tempering | None = None,
) -> MapPosterior:
    """Return the posterior; normal priors in a sequence are one belief, each as likely."""
    fits: dict[str, list[MapFit]] = {}
    tempered: dict[str, Tempered] = {}
    evidence: dict[str, float] = {}
    for name, belief in beliefs.items():
        if isinstance(belief, EdgedTerritory):
            tempered[name] = _tempered(model, measured, belief, how or Tempering(), rng)
            evidence[name] = tempered[name].log_evidence
        else:
            fits[name] = fit_each(model, measured, belief)
            each = [fit.log_evidence for fit in fits[name]]
            evidence[name] = float(logsumexp(each) - np.log(len(each)))
    return MapPosterior(log_evidence=evidence, fits=fits, tempered=tempered)


def fit_each(
    model: FedWall, measured: MeasuredMap, priors: Sequence[LogConductance]
) -> list[MapFit]:
    """Return the fit under each prior, from the last one's mode where it has the same basis."""
    fits: list[MapFit] = []
    for prior in priors:
        warm = fits and fits[-1].prior.basis.shape == prior.basis.shape
        fits.append(fit_map(model, measured, prior, fits[-1].parameters if warm else None))
    return fits


def draw_flows(
    model: FedWall,
    posterior: MapPosterior,
    beliefs: Mapping[str, Belief],
    n_draws: int,
    rng: np.random.Generator,
) -> FlowDraws:
    """Return draws under some of the posterior's beliefs, of each as often as it is likely."""
    likely = posterior.probability(list(beliefs))
    counts = rng.multinomial(n_draws, list(likely.values()))
    parts: list[tuple[Any, Any, Any]] = []
    for (name, belief), count in zip(beliefs.items(), counts, strict=True):
        if isinstance(belief, EdgedTerritory):
            told = posterior.tempered[name].x
            x = told[rng.choice(len(told), count, replace=count > len(told))]
            parts.append((model.flows(belief.factors(x)), *belief.territory(x)))
            continue
        fits = posterior.fits[name]
        each = rng.multinomial(count, softmax([fit.log_evidence for fit in fits]))
        for fit, own in zip(fits, each, strict=True):
            mbf = flow_draws(model, fit, int(own), rng)
            parts.append((mbf, np.zeros_like(mbf), np.ones(own)))
    mbf, share, left = (np.concatenate(some) for some in zip(*parts, strict=True))
    return FlowDraws(mbf=mbf, share=share, left=left)


def _tempered(
    model: FedWall,
    measured: MeasuredMap,
    belief: EdgedTerritory,
    how: Tempering,
    rng: np.random.Generator,
) -> Tempered:
    usual = -np.log(measured.sd).sum() - len(measured.sd) * np.log(2 * np.pi) / 2

    def of_batch(x: Points) -> tuple[Values, Points]:
        logarithms, to_parameters = belief.logarithms_and_pull(x)
        known = np.abs(logarithms).max(axis=1) < FARTHEST
        factors = np.exp(np.where(known[:, None], logarithms, 0.0))
        mbf, to_logarithms = model.flows_and_pull(factors)
        missed = ((measured.weights @ mbf.T).T - measured.values) / measured.sd
        slopes = (measured.weights.T @ (missed / measured.sd).T).T
        value = np.where(known, usual - np.sum(missed**2, axis=1) / 2, -np.inf)
        uphill = -to_parameters(to_logarithms(slopes))
        return value, np.where(known[:, None], uphill, 0.0)

    def likelihood(x: Points) -> tuple[Values, Points]:
        told = [of_batch(x[first : first + BATCH]) for first in range(0, len(x), BATCH)]
        values, slopes = zip(*told, strict=True)
        return np.concatenate(values), np.concatenate(slopes)

    return temper(likelihood, belief.n_parameters, how, rng)


__all__ = ["Belief", "FlowDraws", "MapPosterior", "draw_flows", "fit_each", "map_posterior"]
