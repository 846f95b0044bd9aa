"""Voxels per second and accuracy of the batched fit, against scipy voxel by voxel.

`python experiments/retrieval_speed.py model=t1|ivim output=folder`. The same noisy signals of a
three-parameter T1 recovery (5(3)3, known signs) or of IVIM (18 b-values) go to both. scipy's
`curve_fit` starts from the tissue's usual values: `peer` without bounds (MINPACK, its fastest),
`bounded_peer` with those that physics sets. CPU seconds; scipy fits a part of the voxels.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from experiment import run
from scipy.optimize import curve_fit

from cardiotwin.errors import InputError
from cardiotwin.imaging.retrieval import fit
from cardiotwin.imaging.signal import molli_times

B_VALUES = 1e6 * np.array(  # s/m^2, those of OSIPI TF2.4
    [0, 1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 250, 350, 400, 550, 700, 850, 1000], dtype=float
)
MM2 = 1e-6  # m^2


@dataclass(frozen=True, kw_only=True)
class Options:
    model: str = "t1"
    voxels: int = 50_000
    peer_voxels: int = 1_000
    snr: float = 100.0
    seed: int = 1
    output: str = "outputs/retrieval_speed"


@dataclass(frozen=True, kw_only=True)
class Task:
    """A model of both sides: the parameters' order is that of `function`."""

    name: str
    axis: str
    times: Any
    function: Callable[..., Any]
    truth: Mapping[str, Any]
    start: tuple[float, ...]
    scale: tuple[float, ...]  # of each parameter, so that scipy's steps are of one size
    bounds: tuple[Any, Any]


def recovery(times: Any, a: Any, b: Any, t1: Any) -> Any:
    return a - b * np.exp(-times / t1)


def incoherent(b: Any, m0: Any, f: Any, d: Any, d_star: Any) -> Any:
    return m0 * ((1 - f) * np.exp(-b * d) + f * np.exp(-b * d_star))


def task(options: Options, rng: np.random.Generator) -> Task:
    """Return the simulated tissue of a model."""
    size = (options.voxels, 1)
    if options.model == "t1":
        truth = {"a": rng.uniform(0.8, 1.2, size), "t1_apparent": rng.uniform(0.6, 1.4, size)}
        truth = {"a": truth["a"], "b": truth["a"] * rng.uniform(1.8, 1.95, size)} | truth
        return Task(
            name="molli",
            axis="inversion_time",
            times=molli_times(heart_period=1.0).numpy(),
            function=recovery,
            truth={key: truth[key] for key in ("a", "b", "t1_apparent")},
            start=(1.0, 1.9, 1.0),
            scale=(1.0, 1.0, 1.0),
            bounds=(0.0, np.inf),
        )
    if options.model == "ivim":
        return Task(
            name="ivim",
            axis="b_values",
            times=B_VALUES,
            function=incoherent,
            truth={
                "m0": rng.uniform(0.8, 1.2, size),
                "f": rng.uniform(0.1, 0.3, size),
                "d": rng.uniform(1e-3, 2.4e-3, size) * MM2,
                "d_star": rng.uniform(20e-3, 100e-3, size) * MM2,
            },
            start=(1.0, 0.15, 1.5e-3 * MM2, 50e-3 * MM2),
            scale=(1.0, 0.1, 1e-9, 1e-8),
            bounds=([0, 0, 0.05e-9, 5e-9], [np.inf, 1, 5e-9, 500e-9]),
        )
    msg = f"model must be t1 or ivim, found {options.model!r}. Write model=t1."
    raise InputError(msg)


def bound(chosen: Task, sd: float, n: int) -> dict[str, Any]:
    """Return the Cramer-Rao standard errors of each voxel, by central differences of the truth."""
    values = [value[:n] for value in chosen.truth.values()]
    columns = []
    for i, scale in enumerate(chosen.scale):
        step = 1e-5 * scale
        sides = [
            chosen.function(chosen.times, *values[:i], values[i] + sign * step, *values[i + 1 :])
            for sign in (1, -1)
        ]
        columns.append((sides[0] - sides[1]) / 2e-5)
    jacobian = np.stack(columns, -1)
    covariance = np.linalg.inv(jacobian.mT @ jacobian) * sd**2
    errors = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)) * chosen.scale
    return dict(zip(chosen.truth, errors.T, strict=True))


def peer(chosen: Task, signal: Any, bounds: Any = None) -> tuple[Any, float]:
    """Return scipy's parameters, voxel by voxel, and its voxels per CPU second."""
    found, scale = np.full((len(signal), len(chosen.start)), np.nan), np.array(chosen.scale)
    how: dict[str, Any] = {"method": "lm", "diag": 1 / scale}
    if bounds is not None:
        how = {"method": "trf", "x_scale": scale, "bounds": bounds}
    begin = time.process_time()
    for voxel, data in enumerate(signal):
        try:
            found[voxel] = curve_fit(chosen.function, chosen.times, data, chosen.start, **how)[0]
        except RuntimeError:  # scipy's own word for a fit that did not converge
            continue
    return found, len(signal) / (time.process_time() - begin)


def misfit(chosen: Task, values: Mapping[str, Any], signal: Any) -> Any:
    """Return the sum of squares of each voxel."""
    columns = [values[name][: len(signal)].reshape(-1, 1) for name in chosen.truth]
    return np.sum((chosen.function(chosen.times, *columns) - signal) ** 2, axis=1)


def compare(options: Options) -> Mapping[str, Any]:
    """Return speed and accuracy of both."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(options.seed)
    chosen, sd = task(options, rng), 1 / options.snr
    clean = chosen.function(chosen.times, *chosen.truth.values())
    signal = clean + rng.normal(scale=sd, size=clean.shape)
    given = {chosen.axis: chosen.times}
    fit(chosen.name, signal[:100], **given)  # what is loaded once
    begin = time.process_time()
    found = fit(chosen.name, signal, noise_sd=sd, **given)
    speed = options.voxels / (time.process_time() - begin)
    n = min(options.peer_voxels, options.voxels)
    fastest, peer_speed = peer(chosen, signal[:n])
    _, bounded_speed = peer(chosen, signal[: n // 5], chosen.bounds)
    theirs = dict(zip(chosen.truth, fastest.T, strict=True))
    error = bound(chosen, sd, options.voxels)
    numbers = {
        "voxels_per_s": speed,
        "peer_voxels_per_s": peer_speed,
        "ratio": speed / peer_speed,
        "bounded_peer_voxels_per_s": bounded_speed,
        "bounded_ratio": speed / bounded_speed,
        "not_fitted_share": float(1 - found.fitted.mean()),
    }
    for name, truth in chosen.truth.items():
        mine = (found.values[name] - truth[:, 0]) / error[name]
        other = (theirs[name] - truth[:n, 0]) / error[name][:n]
        numbers[f"rmse_over_crlb_{name}"] = float(np.sqrt(np.nanmean(mine**2)))
        numbers[f"same_voxels_rmse_over_crlb_{name}"] = float(np.sqrt(np.nanmean(mine[:n] ** 2)))
        numbers[f"peer_rmse_over_crlb_{name}"] = float(np.sqrt(np.nanmean(other**2)))
    worst = max((f"rmse_over_crlb_{name}" for name in chosen.truth), key=numbers.__getitem__)
    own, other = (misfit(chosen, values, signal[:n]) for values in (found.values, theirs))
    both = np.isfinite(own) & np.isfinite(other)
    return numbers | {
        "rmse_over_crlb": numbers[worst],
        "misfit_not_above_peer_share": float(np.mean(own[both] <= other[both] * (1 + 1e-4))),
    }


def paragraph(voxels: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the paragraph of fits of many voxels, by model."""
    text = (
        "Voxels per CPU-s of `imaging.retrieval.fit` and of scipy's `curve_fit` "
        "on the same noisy signals, without bounds (its fastest) and with those of physics; the "
        "root mean square error over the Cramer-Rao bound, of the worst parameter.\n"
    )
    lines = [
        text,
        "| model | fit | scipy | ratio | scipy, bounded | ratio | error/bound |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {model} | {took['voxels_per_s']:.0f} | {took['peer_voxels_per_s']:.0f} "
        f"| {took['ratio']:.0f} | {took['bounded_peer_voxels_per_s']:.0f} "
        f"| {took['bounded_ratio']:.0f} | {took['rmse_over_crlb']:.3f} |"
        for model, took in voxels.items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run(Options, compare)
