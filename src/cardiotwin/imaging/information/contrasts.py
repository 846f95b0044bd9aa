"""The signals of `cardiotwin.imaging.signal` as a protocol names them: tissue and scan to data."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cardiotwin.imaging import signal


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A signal function as a protocol names it."""

    parameters: tuple[str, ...]
    acquisition: tuple[str, ...]
    signal: Callable[[Mapping[str, Tensor], Mapping[str, Any]], Tensor]
    n_images: int = 1  # where no acquisition lists one value per image


def _echoes(tissue: Mapping[str, Tensor], scan: Mapping[str, Any]) -> Tensor:
    size = signal.multi_echo(tissue["t2_star"], echo_time=scan["echo_time"], m0=tissue["m0"])
    return size * signal.turned(tissue["off_resonance"], scan["echo_time"])


def _balanced(tissue: Mapping[str, Tensor], scan: Mapping[str, Any]) -> Tensor:
    return signal.balanced_steady_state(
        tissue["t1"],
        tissue["t2"],
        off_resonance=tissue["off_resonance"],
        m0=tissue["m0"],
        **scan,
    )[None]


def _flow(tissue: Mapping[str, Tensor], scan: Mapping[str, Any]) -> Tensor:
    """Return two encodings, +venc/2 and -venc/2, of one direction."""
    k = signal.velocity_encoding(scan["venc"], ((-0.5, 0, 0), (0.5, 0, 0)))
    none = torch.zeros_like(tissue["velocity"])
    velocity = torch.stack([tissue["velocity"], none, none])
    return signal.phase_contrast(velocity, encoding=k, m0=tissue["m0"])


def _dense(tissue: Mapping[str, Tensor], scan: Mapping[str, Any]) -> Tensor:
    """Return both acquisitions of CSPAMM and their difference's stimulated echo alone."""
    left = torch.exp(-scan["mixing_time"] / tissue["t1"])
    size = tissue["m0"] / 2 * left * math.sqrt(2)  # two acquisitions at the noise of one
    phase = -scan["encoding"] * tissue["displacement"]
    return (size * torch.complex(torch.cos(phase), torch.sin(phase)))[None]


CONTRASTS: Mapping[str, Contrast] = {
    "balanced": Contrast(
        parameters=("m0", "t1", "t2", "off_resonance"),
        acquisition=("flip_angle", "repetition_time", "echo_time"),
        signal=_balanced,
    ),
    "inversion_recovery": Contrast(
        parameters=("m0", "t1"),
        acquisition=("inversion_time",),
        signal=lambda tissue, scan: signal.inversion_recovery(
            tissue["t1"], m0=tissue["m0"], **scan
        ),
    ),
    "saturation_recovery": Contrast(
        parameters=("m0", "t1"),
        acquisition=("saturation_time",),
        signal=lambda tissue, scan: signal.saturation_recovery(
            tissue["t1"], m0=tissue["m0"], **scan
        ),
    ),
    "t2_prepared": Contrast(
        parameters=("m0", "t2"),
        acquisition=("preparation_time",),
        signal=lambda tissue, scan: signal.t2_prepared(tissue["t2"], m0=tissue["m0"], **scan),
    ),
    "multi_echo": Contrast(
        parameters=("m0", "t2_star", "off_resonance"), acquisition=("echo_time",), signal=_echoes
    ),
    "ivim": Contrast(
        parameters=("m0", "d", "d_star", "f"),
        acquisition=("b_values",),
        signal=lambda tissue, scan: signal.ivim(
            tissue["d"], tissue["d_star"], tissue["f"], m0=tissue["m0"], **scan
        ),
    ),
    "phase_contrast": Contrast(
        parameters=("m0", "velocity"), acquisition=("venc",), signal=_flow, n_images=2
    ),
    "dense": Contrast(
        parameters=("m0", "t1", "displacement"),
        acquisition=("encoding", "mixing_time"),
        signal=_dense,
        n_images=2,
    ),
}

__all__ = ["CONTRASTS", "Contrast"]
