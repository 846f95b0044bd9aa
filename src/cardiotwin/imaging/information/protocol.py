"""What a protocol tells of a voxel's tissue and motion, sequence by sequence, in bits.

The bits of a sequence are Laplace's approximation averaged over the prior, E log2 det(I + L'F L)/2
with F the Fisher information of its signal: gains given the other sequences add up to the whole.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cardiotwin.errors import InputError
from cardiotwin.imaging.information.contrasts import CONTRASTS
from cardiotwin.imaging.information.fisher import jacobian
from cardiotwin.imaging.information.gaussian import gains, greedy_order

BYTES = 8  # of a complex sample in single precision


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is known of a parameter before the examination.

    Parameters
    ----------
    value, sd
        Mean and standard deviation, in the parameter's SI unit.
    positive
        Whether it is log-normal, with the sd relative to the value.
    """

    value: float
    sd: float
    positive: bool = True

    def __post_init__(self) -> None:
        """Refuse a prior without width."""
        if not self.sd > 0 or (self.positive and not self.value > 0):
            msg = (
                f"A prior needs a positive sd, and a positive value where it is positive, found "
                f"value {self.value:g} and sd {self.sd:g}. Leave out what is known exactly."
            )
            raise InputError(msg)

    @property
    def spread(self) -> float:
        """Return the standard deviation of the coordinate: the logarithm, or the value."""
        return self.sd / self.value if self.positive else self.sd

    def at(self, coordinate: Tensor) -> Tensor:
        """Return the parameter at a distance from the prior's middle."""
        if self.positive:
            return self.value * torch.exp(coordinate)
        return self.value + coordinate


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One sequence of a protocol.

    Parameters
    ----------
    contrast
        Name in `CONTRASTS`.
    snr
        Of one image: fully relaxed signal of the tissue over the noise of its real part.
    acquisition
        What the contrast takes, SI units; a list has one value per image.
    matrix
        Samples along read-out and phase encoding, of one image and slice.
    slices, coils, frames
        Numbers; frames are images of one contrast at other times of the beat.
    minutes
        How long it takes.
    """

    contrast: str
    snr: float
    acquisition: Mapping[str, Any]
    matrix: tuple[int, int]
    slices: int
    coils: int
    minutes: float
    frames: int = 1

    def __post_init__(self) -> None:
        """Refuse a sequence that is not known, or none."""
        if self.contrast not in CONTRASTS:
            msg = (
                f"There is no contrast {self.contrast!r}. The contrasts are "
                f"{', '.join(CONTRASTS)}."
            )
            raise InputError(msg)
        for name in ("snr", "slices", "coils", "minutes", "frames"):
            if not getattr(self, name) > 0:
                msg = (
                    f"{name} of a sequence must be positive, found {getattr(self, name):g} for "
                    f"{self.contrast}. Correct the protocol."
                )
                raise InputError(msg)


@dataclass(frozen=True, kw_only=True)
class ScanInformation:
    """What one sequence of a protocol tells.

    Parameters
    ----------
    name
        Of the sequence.
    alone_bits, gain_bits
        Per voxel, with no other sequence, and given those before it in the order of the protocol.
    last_gain_bits
        Per voxel, given all others: what would be lost without it.
    data_bytes
        Of its raw data.
    bits_per_byte, bits_per_minute
        Gain of all voxels over raw data, and over time; frames tell anew of motion, not of tissue.
    """

    name: str
    alone_bits: float
    gain_bits: float
    last_gain_bits: float
    data_bytes: int
    bits_per_byte: float
    bits_per_minute: float


@dataclass(frozen=True, kw_only=True)
class ProtocolInformation:
    """What a protocol tells of one voxel, and each sequence's share.

    Parameters
    ----------
    bits_per_voxel
        Of all parameters together.
    parameter_bits
        log2 of prior over posterior standard deviation, by parameter.
    scans
        In the order of the protocol.
    best_order
        Names in the order of the largest gain per minute, given those before.
    """

    bits_per_voxel: float
    parameter_bits: Mapping[str, float]
    scans: tuple[ScanInformation, ...]
    best_order: tuple[str, ...]


def protocol_information(
    scans: Mapping[str, Scan],
    priors: Mapping[str, Prior],
    *,
    rng: np.random.Generator,
    n_samples: int = 16,
) -> ProtocolInformation:
    """Return what sequences tell of parameters.

    Parameters
    ----------
    scans
        By name, in their order.
    priors
        By parameter; what a sequence depends on and has no prior is an error.
    rng
        Draws the tissues over which is averaged.
    n_samples
        Their number.

    Raises
    ------
    InputError
        If a sequence needs a parameter without a prior, or an acquisition without a value.
    """
    _check(scans, priors)
    names = list(scans)
    covariance = np.diag([prior.spread**2 for prior in priors.values()])
    draws = rng.normal(size=(n_samples, len(priors))) * np.sqrt(np.diag(covariance))
    sds = [1 / scan.snr for scan in scans.values()]
    samples = [[_slopes(scan, priors, draw) for scan in scans.values()] for draw in draws]

    def mean_gains(order: Sequence[int]) -> Float[np.ndarray, " scans"]:
        each = [gains([s[i] for i in order], covariance, [sds[i] for i in order]) for s in samples]
        return np.asarray(np.mean(each, axis=0))

    together = mean_gains(range(len(names)))
    # The mean of the Fisher information over the samples, as data of that many times the noise.
    stacked = [np.vstack([one[i] for one in samples]) for i in range(len(names))]
    order = greedy_order(
        stacked,
        covariance,
        [sd * math.sqrt(n_samples) for sd in sds],
        [scan.minutes for scan in scans.values()],
    )
    return ProtocolInformation(
        bits_per_voxel=float(together.sum()),
        parameter_bits=_per_parameter(samples, sds, covariance, list(priors)),
        scans=tuple(
            _row(name, scans[name], together[i], mean_gains([i])[0], _last(mean_gains, i, names))
            for i, name in enumerate(names)
        ),
        best_order=tuple(names[i] for i in order),
    )


def _last(
    mean_gains: Callable[[Sequence[int]], Float[np.ndarray, " scans"]], i: int, names: list[str]
) -> float:
    """Return the gain of a sequence given all others."""
    return float(mean_gains([*(k for k in range(len(names)) if k != i), i])[-1])


def _row(name: str, scan: Scan, gain: float, alone: float, last: float) -> ScanInformation:
    samples = scan.matrix[0] * scan.matrix[1] * scan.slices
    data = samples * scan.coils * scan.frames * _n_images(scan) * BYTES
    moves = {"velocity", "displacement"} & set(CONTRASTS[scan.contrast].parameters)
    bits = float(gain) * samples * (scan.frames if moves else 1)
    return ScanInformation(
        name=name,
        alone_bits=float(alone),
        gain_bits=float(gain),
        last_gain_bits=last,
        data_bytes=data,
        bits_per_byte=bits / data,
        bits_per_minute=bits / scan.minutes,
    )


def _per_parameter(
    samples: list[list[Float[np.ndarray, "_ parameters"]]],
    sds: list[float],
    covariance: Float[np.ndarray, "parameters parameters"],
    names: list[str],
) -> dict[str, float]:
    """Return the mean of log2(prior sd/posterior sd) of each parameter."""
    found = []
    for slopes in samples:
        precision = np.linalg.inv(covariance)
        for slope, sd in zip(slopes, sds, strict=True):
            precision = precision + slope.T @ slope / sd**2
        found.append(0.5 * np.log2(np.diag(covariance) / np.diag(np.linalg.inv(precision))))
    return dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))


def _slopes(
    scan: Scan, priors: Mapping[str, Prior], draw: Float[np.ndarray, " parameters"]
) -> Float[np.ndarray, "data parameters"]:
    """Return d(signal)/d(coordinate) at a draw from the prior; zero where it does not depend."""
    contrast = CONTRASTS[scan.contrast]
    own = {name: float(draw[i]) for i, name in enumerate(priors) if name in contrast.parameters}
    acquisition = {
        key: torch.tensor(value, dtype=torch.float64) if isinstance(value, list | tuple) else value
        for key, value in scan.acquisition.items()
    }

    def measured(**coordinates: Tensor) -> Tensor:
        tissue = {name: priors[name].at(value) for name, value in coordinates.items()}
        return contrast.signal(tissue, acquisition)

    slopes = jacobian(measured, own).numpy()
    whole = np.zeros((len(slopes), len(priors)))
    whole[:, [list(priors).index(name) for name in own]] = slopes
    return whole


def _n_images(scan: Scan) -> int:
    lengths = [len(v) for v in scan.acquisition.values() if isinstance(v, list | tuple)]
    return max([*lengths, CONTRASTS[scan.contrast].n_images])


def _check(scans: Mapping[str, Scan], priors: Mapping[str, Prior]) -> None:
    for name, scan in scans.items():
        contrast = CONTRASTS[scan.contrast]
        missing = set(contrast.parameters) - set(priors)
        unlike = set(contrast.acquisition).symmetric_difference(scan.acquisition)
        if missing or unlike:
            msg = (
                f"{name} ({scan.contrast}) depends on {', '.join(contrast.parameters)} and takes "
                f"{', '.join(contrast.acquisition)}; found priors of {', '.join(priors)} and an "
                f"acquisition of {', '.join(scan.acquisition)}. Set right "
                f"{', '.join(sorted(missing | unlike))}."
            )
            raise InputError(msg)


__all__ = [
    "Prior",
    "ProtocolInformation",
    "Scan",
    "ScanInformation",
    "protocol_information",
]
