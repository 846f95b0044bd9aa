"""Precession off resonance: field maps, and water with fat of several spectral peaks.

Fat spectrum: Hamilton et al. (2011), NMR Biomed 24:784-790. Times in s, frequencies in Hz.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from cardiotwin.errors import InputError
from cardiotwin.imaging.signal.decay import GAMMA
from cardiotwin.imaging.signal.values import ComplexValue, Value, cis, real


@dataclass(frozen=True, kw_only=True)
class FatSpectrum:
    """The peaks of fat.

    Parameters
    ----------
    shifts
        Chemical shift of each peak from water, ppm; fat lies at negative shifts.
    amplitudes
        Share of each peak; they are normalised to a sum of 1.
    """

    shifts: tuple[float, ...]
    amplitudes: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse a spectrum whose peaks have no amplitudes."""
        if len(self.shifts) != len(self.amplitudes) or not sum(self.amplitudes) > 0:
            msg = (
                f"FatSpectrum has {len(self.shifts)} shifts and amplitudes {self.amplitudes}. "
                "Give one amplitude per shift, with a positive sum."
            )
            raise InputError(msg)

    def modulation(self, echo_time: Value, field_strength: float) -> Complex[Tensor, "*echoes"]:
        """Return the signal of a unit of fat relative to water, sum_p a_p exp(i 2 pi f_p TE)."""
        time = real(echo_time)
        hertz = GAMMA / (2 * math.pi) * field_strength * 1e-6 * time.new_tensor(self.shifts)
        share = time.new_tensor(self.amplitudes) / sum(self.amplitudes)
        return (share * turned(hertz, time[..., None])).sum(-1)


SINGLE_PEAK = FatSpectrum(shifts=(-3.4,), amplitudes=(1.0,))
HAMILTON_2011 = FatSpectrum(
    shifts=(-3.80, -3.40, -2.60, -1.94, -0.39, 0.60),
    amplitudes=(0.087, 0.693, 0.128, 0.004, 0.039, 0.048),
)


def turned(off_resonance: Value, time: Value, phase: Value = 0.0) -> Complex[Tensor, "..."]:
    """Return exp(i (2 pi df t + phase)): what precession does to a signal, unit."""
    return cis(2 * math.pi * real(off_resonance) * real(time) + real(phase))


def water_fat(
    water: ComplexValue,
    fat: ComplexValue,
    *,
    echo_time: Value,
    field_strength: float,
    off_resonance: Value = 0.0,
    r2_star: Value = 0.0,
    spectrum: FatSpectrum = HAMILTON_2011,
) -> Complex[Tensor, "..."]:
    """Return the signal of water and fat that share one field and one decay.

    (W + F sum_p a_p exp(i 2 pi f_p TE)) exp(i 2 pi df TE) exp(-R2* TE).

    Parameters
    ----------
    water, fat
        Signals at the excitation, each with its phase (W, F).
    echo_time
        S (TE).
    field_strength
        T.
    off_resonance
        Of water, Hz (df).
    r2_star
        1/s.
    spectrum
        The peaks of fat.
    """
    time = real(echo_time)
    species = water + fat * spectrum.modulation(time, field_strength)
    return species * turned(off_resonance, time) * torch.exp(-real(r2_star) * time)


def off_resonance_between(
    first: Complex[Tensor, "..."], second: Complex[Tensor, "..."], echo_spacing: Value
) -> Float[Tensor, "..."]:
    """Return the off-resonance, Hz, from two echoes: arg(S2 S1*)/(2 pi dTE).

    It is known up to multiples of 1/dTE: only |df| < 1/(2 dTE) is told apart.
    """
    return torch.angle(second * first.conj()) / (2 * math.pi * real(echo_spacing))


def off_resonance_error(
    first_snr: Value, second_snr: Value, echo_spacing: Value
) -> Float[Tensor, "..."]:
    """Return the standard error, Hz, of the field map of two echoes of a magnitude SNR above 5."""
    variance = 1 / real(first_snr) ** 2 + 1 / real(second_snr) ** 2
    return torch.sqrt(variance) / (2 * math.pi * real(echo_spacing))


__all__ = [
    "HAMILTON_2011",
    "SINGLE_PEAK",
    "FatSpectrum",
    "off_resonance_between",
    "off_resonance_error",
    "turned",
    "water_fat",
]
