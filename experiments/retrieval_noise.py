"""Errors of retrieved tissue over the Cramer-Rao bound at the truth, by noise, over many seeds.

`python experiments/retrieval_noise.py model=ivim [seeds=10] [voxels=200] [output=folder]`. Each
of the 17 segments of a wall has its own tissue; each seed draws `voxels` images of each with the
noise of the virtual examination's protocol, and with a half, a quarter, ... of it. The bound is an
asymptote: where the model tells a parameter to a few per cent it is met, and where it does not,
voxels are left out as not told and the rest are not normal, whatever the algorithm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from experiment import run

from cardiotwin.errors import InputError
from cardiotwin.exam.battery import Battery
from cardiotwin.exam.tissue_values import wall_properties
from cardiotwin.imaging.encoded import CONTRASTS
from cardiotwin.imaging.retrieval import fit
from cardiotwin.imaging.signal.images import series_images
from cardiotwin.viz import theme

SERIES = {"ivim": "ivim_map", "t2": "t2_map", "sasha": "t1_saturation_map", "echo": "echo_map"}
SHOWN = {
    "ivim": ("d", "d_star", "f"),
    "t2": ("t2",),
    "sasha": ("t1",),
    "echo": ("t2_star", "off_resonance"),
}
LITTLE = 1e-4  # noise, with which no voxel has two answers


@dataclass(frozen=True, kw_only=True)
class Options:
    model: str = "ivim"
    seeds: int = 10
    voxels: int = 200
    gains: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    seed: int = 1
    output: str = "outputs/retrieval_noise"


def drawn(clean: Any, sd: float, voxels: int, rng: np.random.Generator) -> Any:
    """Return complex noisy images of all segments, voxels first."""
    parts = rng.normal(scale=sd, size=(2, voxels, *clean.shape))
    return clean + parts[0] + 1j * parts[1]


def errors(options: Options) -> Mapping[str, Any]:
    """Return errors over bounds by parameter and gain of signal to noise."""
    torch.set_num_threads(1)
    if options.model not in SERIES:
        msg = f"model must be one of {', '.join(SERIES)}, found {options.model!r}. Choose one."
        raise InputError(msg)
    series = getattr(Battery(), SERIES[options.model])
    tissue = Battery().tissue.by_segment(np.random.default_rng(options.seed))
    kind, given = CONTRASTS[series.contrast], series.acquisition(1.0)
    clean = series_images(series.contrast, wall_properties(tissue), **given)[1:]
    told = (lambda images: images) if kind.complex_signal else np.abs
    ideal = fit(kind.model, told(clean), noise_sd=LITTLE, **given)
    rngs = np.random.default_rng(options.seed).spawn(options.seeds)
    numbers: dict[str, Any] = {"model": options.model, "snr": series.signal_to_noise}
    curves: dict[str, list[list[float]]] = {name: [] for name in SHOWN[options.model]}
    for gain in options.gains:
        sd = 1 / (series.signal_to_noise * gain)
        images = [told(drawn(clean, sd, options.voxels, rng)) for rng in rngs]
        found = [fit(kind.model, each, noise_sd=sd, **given) for each in images]
        numbers[f"not_fitted_share_{gain:g}"] = float(np.mean([~one.fitted for one in found]))
        for name, curve in curves.items():
            true, bound = ideal.values[name], sd / LITTLE * ideal.standard_errors[name]
            ratios = [
                float(np.sqrt(np.nanmean(((one.values[name] - true) / bound) ** 2)))
                for one in found
            ]
            curve.append(ratios)
            share = float(np.median(bound / np.abs(true))) if np.abs(true).min() > 0 else np.nan
            numbers |= {
                f"{name}_bound_share_{gain:g}": share,
                f"{name}_rmse_over_crlb_{gain:g}": float(np.sqrt(np.mean(np.square(ratios)))),
                f"{name}_seeds_sd_{gain:g}": float(np.std(ratios, ddof=1)),
            }
    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    _draw(options, curves, output / "retrieval_noise.png")
    return numbers


def _draw(options: Options, curves: Mapping[str, Any], path: Path) -> None:
    with theme.figure(5.0, 3.5) as fig:
        axes = fig.add_subplot()
        for name, ratios in curves.items():
            axes.plot([np.median(each) for each in ratios], "o-", label=theme.spoken(name))
        axes.axhspan(0.95, 1.1, color=theme.GREY, alpha=0.3, label="0.95 to 1.1")
        axes.set_xticks(range(len(options.gains)), [f"{gain:g}" for gain in options.gains])
        axes.set_xlabel("signal to noise over the protocol's")
        axes.set_ylabel("RMSE over the bound at the truth")
        axes.legend()
        fig.tight_layout()
        theme.save(fig, path)


if __name__ == "__main__":
    run(Options, errors)
