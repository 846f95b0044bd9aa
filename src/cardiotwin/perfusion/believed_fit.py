"""Two-compartment exchange with what is believed of a muscle, voxel by voxel or piece by piece.

A half-minute's curve with noise does not tell all five parameters of the model. Simpler models fit
it as well and are wrong by far more than their errors say; here what the curve does not tell is
left to priors, and what the priors leave open is in the errors. Scannell et al. (2020), Med Image
Anal 60:101611, for Bayesian inference of this model; the mode is found by Levenberg and
Marquardt's method in the logarithms, the errors are Laplace's there.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cardiotwin.perfusion.fitting import HAEMATOCRIT
from cardiotwin.perfusion.fitting_delay import DelayedModel
from cardiotwin.perfusion.fitting_problem import Problem
from cardiotwin.perfusion.kinetic_prior import NAMES, BelievedFit, KineticPrior
from cardiotwin.perfusion.kinetics.models import FASTEST, SLOWEST, kinetics
from cardiotwin.perfusion.kinetics.tissue import BLOOD_IN_TISSUE
from cardiotwin.perfusion.quality import check_first_pass

MODEL = "2cxm"
STARTS = (0.5, 1.0, 2.5)  # times the prior's median of flow
STEPS, NUDGE = 40, 1e-5
SETTLED = 1e-4  # of the cost, that a step changes
STUCK = 1e3  # damping at which nothing gets better
RATES = (1.001 * SLOWEST, 0.999 * FASTEST)
FARTHEST = 6.0  # prior standard deviations
AT_ONCE = 4000  # curves


def fit_with_prior(
    time: Float[np.ndarray, " samples"],
    concentration: Float[np.ndarray, "*voxels samples"],
    aif: Float[np.ndarray, " samples"],
    *,
    prior: KineticPrior | None = None,
    haematocrit: float = HAEMATOCRIT,
    density: float = BLOOD_IN_TISSUE,
) -> BelievedFit:
    """Return what each curve tells of the two-compartment exchange.

    Parameters
    ----------
    time
        Increasing, s.
    concentration
        In tissue, mol/m^3; curves with a gap, or of 0 throughout, are left out.
    aif
        Concentration in arterial whole blood, mol/m^3.
    prior
        What is believed.
    haematocrit, density
        Of the blood, and of the tissue, kg/m^3.

    Raises
    ------
    InputError
        If no flow can come of these: see `quality.check_first_pass`.
    """
    check_first_pass(time, aif, concentration)
    prior = prior or KineticPrior()
    curves = _Curves.of(time, aif, prior, haematocrit=haematocrit, density=density)
    shape, n = concentration.shape[:-1], concentration.shape[-1]
    flat = np.asarray(concentration, dtype=float).reshape(-1, n)
    usable = np.isfinite(flat).all(axis=1) & (np.abs(flat).max(axis=1) > 0)
    parts = [
        _fitted(curves, torch.from_numpy(some.T.copy()))
        for some in np.array_split(flat[usable], max(1, -(-int(usable.sum()) // AT_ONCE)))
    ]
    x, covariance, made, noise, correlation = (
        np.concatenate([one.numpy() for one in part]) for part in zip(*parts, strict=True)
    )

    def spread(values: np.ndarray) -> np.ndarray:
        full = np.full((len(usable), *values.shape[1:]), np.nan)
        full[usable] = values
        return full.reshape(*shape, *values.shape[1:])

    medians = curves.values(torch.from_numpy(x.T))
    values = {name: medians[name].numpy() for name in NAMES}
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    errors = {
        name: sd[:, row] * prior.spread[row] * (1.0 if name == "delay" else values[name])
        for row, name in enumerate(NAMES)
    }
    return BelievedFit(
        values={name: spread(value) for name, value in values.items()},
        standard_errors={name: spread(value) for name, value in errors.items()},
        narrowed={name: spread(sd[:, row]) for row, name in enumerate(NAMES)},
        curves=spread(made),
        noise_sd=spread(noise),
        correlation=spread(correlation),
        covariance=spread(covariance),
        common=spread(np.zeros((len(x), len(NAMES)))),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Curves:
    """Curves of standardised parameters: their logarithms over the prior's standard deviation."""

    prior: KineticPrior
    density: float
    haematocrit: float
    model: DelayedModel
    late: tuple[float, float]  # the earliest and the latest delay, s

    @classmethod
    def of(
        cls,
        time: Float[np.ndarray, " samples"],
        aif: Float[np.ndarray, " samples"],
        prior: KineticPrior,
        *,
        haematocrit: float,
        density: float,
    ) -> "_Curves":
        """Return those of an input; a delay is a quarter of the series at most."""
        reach = min(FARTHEST * prior.delay_sd, float(time[-1] - time[0]) / 4)
        late = (prior.delay - reach, prior.delay + reach)
        problem = Problem.of(
            kinetics(MODEL),
            torch.from_numpy(np.asarray(time, dtype=float)),
            torch.from_numpy(np.asarray(aif, dtype=float)),
            haematocrit=haematocrit,
            density=density,
            delay=late,
        )
        return cls(
            prior=prior,
            density=density,
            haematocrit=haematocrit,
            model=cast("DelayedModel", problem.model),  # as all of compartments with a delay
            late=late,
        )

    def values(self, x: Float[Tensor, "5 n"]) -> dict[str, Float[Tensor, " n"]]:
        """Return the parameters, SI."""
        found = {}
        for row, name in enumerate(NAMES):
            median, sd = getattr(self.prior, name), getattr(self.prior, f"{name}_sd")
            moved = sd * x[row]
            found[name] = median + moved if name == "delay" else median * torch.exp(moved)
        return found | {"delay": found["delay"].clamp(*self.late)}

    def _parts(self, x: Float[Tensor, "5 n"]) -> Float[Tensor, "4 n"]:
        """Return logarithms of both rates, and both coefficients."""
        given = self.values(x)
        fp = given["mbf"] * self.density * (1 - self.haematocrit)
        found = kinetics(MODEL).prepare(fp=fp, **{name: given[name] for name in NAMES[1:4]})
        rates = [torch.log(found[f"k_{sign}"].clamp(*RATES)) for sign in ("plus", "minus")]
        return torch.stack([*rates, found["c0"], found["c1"]])

    def linearised(
        self, x: Float[Tensor, "5 n"]
    ) -> tuple[Float[Tensor, "samples n"], Float[Tensor, "5 samples n"]]:
        """Return the curves, mol/m^3, and their slopes."""
        parts = self._parts(x)
        width = self.late[1] - self.late[0]
        share = (self.values(x)["delay"] - self.late[0]) / width
        basis, slopes_of = self.model.slopes(torch.stack([parts[0], parts[1], share]), {})
        by = cast("list[list[Tensor]]", slopes_of)  # none that is used is None
        curve = parts[2] * basis[0] + parts[3] * basis[1]
        slopes = torch.empty((5, *curve.shape), dtype=curve.dtype)
        slopes[4] = (self.prior.delay_sd / width) * (parts[2] * by[2][0] + parts[3] * by[2][1])
        for row in range(4):
            nudge = torch.zeros(5, 1, dtype=x.dtype)
            nudge[row] = NUDGE
            change = (self._parts(x + nudge) - self._parts(x - nudge)) / (2 * NUDGE)
            slopes[row] = change[2] * basis[0] + change[3] * basis[1]
            slopes[row] += change[0] * parts[2] * by[0][0] + change[1] * parts[3] * by[1][1]
        return curve, slopes


def _fitted(curves: _Curves, data: Float[Tensor, "samples n"]) -> tuple[Tensor, ...]:
    """Return modes and covariances (in the prior's), curves, noise and its correlation."""
    # Of what neighbours do not share: the noise before there is a fit.
    noise = data.diff(n=2, dim=0).std(dim=0) / 6**0.5
    least = 1e-3 * data.abs().amax(0)
    noise = torch.maximum(noise, least)
    best = _best_start(curves, data, noise)
    x = _mode(curves, data, noise, best)
    left = data - curves.linearised(x)[0]
    correlation = (left[1:] * left[:-1]).sum(0) / (left**2).sum(0)
    correlation = correlation.clamp(0.0, 0.95)
    noise = torch.maximum(torch.sqrt((left**2).sum(0) / (len(data) - len(NAMES))), least)
    # n samples of an autoregression tell what n (1 - r)/(1 + r) independent ones do (Bartlett
    # 1946, Suppl J R Stat Soc 8:27-41).
    wide = noise * torch.sqrt((1 + correlation) / (1 - correlation))
    x = _mode(curves, data, wide, x)
    made, slopes = curves.linearised(x)
    covariance = torch.linalg.inv(_hessian(slopes / wide))
    return x.T, covariance, made.T, noise, correlation


def _best_start(
    curves: _Curves, data: Float[Tensor, "samples n"], noise: Float[Tensor, " n"]
) -> Float[Tensor, "5 n"]:
    """Return the mode from the start with the lowest cost."""
    best = data.new_zeros(len(NAMES), data.shape[1])
    cost = torch.full_like(noise, torch.inf)
    for factor in STARTS:
        x = torch.zeros(len(NAMES), data.shape[1], dtype=data.dtype)
        x[0] = float(np.log(factor)) / curves.prior.mbf_sd
        x = _mode(curves, data, noise, x)
        own = _cost(curves.linearised(x)[0], data, noise, x)
        best = torch.where(own < cost, x, best)
        cost = torch.minimum(cost, own)
    return best


def _mode(
    curves: _Curves,
    data: Float[Tensor, "samples n"],
    noise: Float[Tensor, " n"],
    x: Float[Tensor, "5 n"],
) -> Float[Tensor, "5 n"]:
    """Return the modes by Levenberg and Marquardt's method, each voxel with its own damping."""
    damping = torch.full_like(noise, 1e-2)
    eye = torch.eye(len(NAMES), dtype=x.dtype)
    moving = torch.ones_like(noise, dtype=torch.bool)
    made, slopes = curves.linearised(x)
    cost = _cost(made, data, noise, x)
    for _ in range(STEPS):
        scaled = slopes / noise
        downhill = torch.einsum("psn,sn->np", scaled, (data - made) / noise) - x.T
        hessian = _hessian(scaled)
        heavy = (
            hessian + damping[:, None, None] * eye * hessian.diagonal(dim1=-2, dim2=-1)[:, None]
        )
        step = torch.linalg.solve(heavy, downhill).T
        trial = (x + step).clamp(-FARTHEST, FARTHEST)
        made_there, slopes_there = curves.linearised(trial)
        there = _cost(made_there, data, noise, trial)
        better = there < cost
        moving &= ~(better & (cost - there < SETTLED * (1 + there))) & (damping < STUCK)
        x = torch.where(better, trial, x)
        made = torch.where(better, made_there, made)
        slopes = torch.where(better, slopes_there, slopes)
        cost = torch.where(better, there, cost)
        damping = torch.where(better, damping / 5, damping * 4).clamp(1e-8, 1e8)
        if not moving.any():
            break
    return x


def _cost(
    made: Float[Tensor, "samples n"],
    data: Float[Tensor, "samples n"],
    noise: Float[Tensor, " n"],
    x: Float[Tensor, "5 n"],
) -> Float[Tensor, " n"]:
    return ((((data - made) / noise) ** 2).sum(0) + (x**2).sum(0)) / 2


def _hessian(scaled: Float[Tensor, "5 samples n"]) -> Float[Tensor, "n 5 5"]:
    inner = torch.einsum("psn,qsn->npq", scaled, scaled)
    return inner + torch.eye(len(NAMES), dtype=scaled.dtype)


__all__ = ["fit_with_prior"]
