"""Voxels per second and accuracy of two-compartment exchange, against dcmri with scipy.

`python experiments/kinetics_speed.py [samples=60] [hard_share=0.1] [peers=folder]
[output=folder]`. The same noisy curves of a first pass go to both: myocardium from deep ischaemia
to hyperaemia, and a share of hard voxels (no permeability, no return, hardly any flow). dcmri's
exact convolution is fitted by scipy's `curve_fit` within physical bounds, from the usual
myocardium; it is timed on a part of the voxels, hard ones included, in an environment of its own
that the first run makes. CPU seconds. `sse_not_worse_percent` counts the voxels whose sum of
squares is at most the peer's times 1 + 1e-4.
"""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from experiment import run
from peers.environment import Peer, install

from cardiotwin.imaging.retrieval import Status
from cardiotwin.perfusion import fit_kinetics
from cardiotwin.perfusion.kinetics import gamma_variate, tissue_curve

DCMRI = Peer(name="dcmri", packages=("dcmri==0.6.20",), alone=())
PROGRAM = Path(__file__).resolve().parent / "peers" / "dcmri_exchange.py"
HAEMATOCRIT = 0.42
NAMES = ("fp", "ps", "vp", "ve")
FLOW = 1050 / 6e4  # 1/s of blood per volume, of 1 mL/min/g


@dataclass(frozen=True, kw_only=True)
class Options:
    voxels: int = 50_000
    peer_voxels: int = 400
    samples: int = 60
    interval_s: float = 0.9
    snr: float = 30.0  # of the usual myocardium's peak, 1 mM
    hard_share: float = 0.1
    seed: int = 1
    peers: str = "outputs/peers"
    output: str = "outputs/kinetics_speed"


def truths(options: Options, rng: np.random.Generator) -> tuple[dict[str, Any], Any]:
    """Return each voxel's parameters, and which voxels are hard."""
    n = options.voxels
    found = {
        "fp": (1 - HAEMATOCRIT) * FLOW * rng.uniform(0.4, 4.0, n),
        "ps": FLOW * rng.uniform(0.5, 1.5, n),
        "vp": rng.uniform(0.04, 0.1, n),
        "ve": rng.uniform(0.12, 0.3, n),
    }
    hard = rng.random(n) < options.hard_share
    kind = rng.integers(0, 3, n)
    found["ps"][hard & (kind == 0)] = 1e-6
    found["ve"][hard & (kind == 1)] = 1.0
    found["fp"][hard & (kind == 2)] *= 0.05
    return found, hard


def bound(time_s: Any, aif: Any, truth: dict[str, Any], sd: float) -> dict[str, Any]:
    """Return the Cramer-Rao standard errors of each voxel, by central differences of the truth."""
    columns = []
    for name in NAMES:
        step = 1e-5 * truth[name]
        sides = [
            curves(time_s, aif, {**truth, name: truth[name] + sign * step}) for sign in (1, -1)
        ]
        columns.append((sides[0] - sides[1]) / (2 * step[:, None]))
    jacobian = np.stack(columns, -1)
    scale = np.linalg.norm(jacobian, axis=1)
    scaled = jacobian / scale[:, None]
    covariance = np.linalg.inv(scaled.mT @ scaled) * sd**2
    errors = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)) / scale
    return dict(zip(NAMES, errors.T, strict=True))


def curves(time_s: Any, aif: Any, truth: Mapping[str, Any]) -> Any:
    """Return the curves of two-compartment exchange, voxels x samples."""
    given = {name: torch.from_numpy(truth[name]) for name in NAMES}
    when, supply = torch.from_numpy(time_s), torch.from_numpy(aif)
    return tissue_curve("2cxm", when, supply, haematocrit=HAEMATOCRIT, **given).T.numpy()


def peer(python: Path, work: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return what dcmri and scipy found."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "work.npz", **work)
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    words = [str(python.absolute()), str(PROGRAM), "work.npz", "result.npz"]
    subprocess.run(words, cwd=folder, check=True, env=clean)  # noqa: S603
    return dict(np.load(folder / "result.npz"))


def compare(options: Options) -> Mapping[str, Any]:
    """Return speed and accuracy of both."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(options.seed)
    time_s = options.interval_s * np.arange(options.samples)
    when = torch.from_numpy(time_s)
    first = gamma_variate(when, arrival=6.0, to_peak=6.0, peak=5.0, shape=3.0)
    late = gamma_variate(when, arrival=18.0, to_peak=12.0, peak=0.6, shape=1.0)
    aif = (first + late + 0.2 * torch.sigmoid((when - 24) / 3)).numpy()
    (truth, hard), sd = truths(options, rng), 1.0 / options.snr
    clean = curves(time_s, aif, truth)
    noisy = clean + rng.normal(scale=sd, size=clean.shape)
    fit_kinetics("2cxm", time_s, noisy[:100], aif, haematocrit=HAEMATOCRIT)  # loaded once
    begin = time.process_time()
    found = fit_kinetics("2cxm", time_s, noisy, aif, haematocrit=HAEMATOCRIT, noise_sd=sd)
    speed = options.voxels / (time.process_time() - begin)
    regular = found.fitted & ~hard
    numbers: dict[str, Any] = {
        "voxels_per_s": speed,
        "hard_voxels_percent": 100 * float(hard.mean()),
        "fitted_percent": 100 * float(found.fitted.mean()),
        "at_bound_percent": 100 * float((found.status == Status.AT_BOUND).mean()),
        "mbf_told_percent": 100 * float(found.told.mean()),
        "not_converged_percent": 100 * float((found.status == Status.NOT_CONVERGED).mean()),
    }
    error = bound(time_s, aif, truth, sd)
    python, missing = install(DCMRI, Path(options.peers))
    if missing:
        return numbers | {"missing": missing}
    n = min(options.peer_voxels, options.voxels)
    work = {"time": time_s, "aif": aif, "curves": noisy[:n], "haematocrit": HAEMATOCRIT}
    folder = Path(options.output)
    theirs = {
        name: peer(python, work | {"bounded": bounded}, folder / name)
        for name, bounded in (("bounded", True), ("free", False))
    }
    best = theirs["bounded"]
    numbers |= {
        "peer_voxels_per_s": n / float(best["cpu_s"]),
        "ratio": speed * float(best["cpu_s"]) / n,
        "free_peer_voxels_per_s": n / float(theirs["free"]["cpu_s"]),
        "free_ratio": speed * float(theirs["free"]["cpu_s"]) / n,
        "peer_not_converged_percent": 100 * float(np.isnan(best["sum_of_squares"]).mean()),
    }
    for name, part in (("", slice(None)), ("hard_", hard[:n])):
        own, other = found.sum_of_squares[:n][part], best["sum_of_squares"][part]
        with np.errstate(invalid="ignore"):
            fine = (own <= other * (1 + 1e-4)) | np.isnan(other)
            worse = (other > own * (1 + 1e-4)) | np.isnan(other)
        numbers[f"{name}sse_not_worse_percent"] = 100 * float(fine.mean())
        numbers[f"{name}peer_sse_worse_percent"] = 100 * float(worse.mean())
    for i, name in enumerate(NAMES):
        mine = (found.values[name] - truth[name]) / error[name]
        other = (best["parameters"][:, i] - truth[name][:n]) / error[name][:n]
        same = regular[:n]
        numbers[f"rmse_over_crlb_{name}"] = float(np.sqrt(np.mean(mine[regular] ** 2)))
        numbers[f"same_voxels_rmse_over_crlb_{name}"] = float(
            np.sqrt(np.mean(mine[:n][same] ** 2))
        )
        numbers[f"peer_rmse_over_crlb_{name}"] = float(np.sqrt(np.nanmean(other[same] ** 2)))
    return numbers


def paragraph(found: Mapping[str, Any]) -> str:
    """Return the paragraph of the two-compartment fits."""
    if "missing" in found:
        return f"No peer: {found['missing']}\n"
    return (
        "Two-compartment exchange on noisy first passes of 60 frames, "
        f"{found['hard_voxels_percent']:.0f} % of the voxels hard ones: "
        f"{found['voxels_per_s']:.0f} voxels per CPU-s. dcmri 0.6.20 with scipy's `curve_fit` "
        f"within physical bounds: {found['peer_voxels_per_s']:.1f}, a ratio of "
        f"{found['ratio']:.0f}; without bounds, where it returns values that physics does not "
        f"allow: {found['free_peer_voxels_per_s']:.1f}, a ratio of {found['free_ratio']:.0f}. "
        f"In {found['sse_not_worse_percent']:.1f} % of the voxels the sum of squares is at most "
        f"1 + 1e-4 times the bounded peer's ({found['hard_sse_not_worse_percent']:.1f} % of the "
        f"hard ones); the peer's is above ours by as much in "
        f"{found['peer_sse_worse_percent']:.1f} %.\n"
    )


if __name__ == "__main__":
    run(Options, compare)
