"""Recovery after inversion or saturation: the T1 of an experiment, and the T1 that MOLLI reports.

MOLLI: Messroghli et al. (2004), MRM 52:141-146; its correction: Deichmann & Haase (1992), J
Magnetic Resonance 96:608-612. SASHA: Chow et al. (2014), MRM 71:2082-2095. Times in s, angles in
rad.
"""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from cardiotwin.errors import InputError
from cardiotwin.imaging.signal import bloch
from cardiotwin.imaging.signal.balanced import balanced_readout
from cardiotwin.imaging.signal.values import Value, real, remaining

MOLLI_FLIP = math.radians(35)


def inversion_recovery(
    t1: Value,
    *,
    inversion_time: Value,
    efficiency: Value = 1.0,
    shot_interval: Value = math.inf,
    m0: Value = 1.0,
) -> Float[Tensor, "..."]:
    """Return the longitudinal magnetisation at a time after an inversion.

    m0 (1 - 2 d exp(-TI/T1) - (1 - 2 d) exp(-TS/T1)), for a read-out that leaves none.

    Parameters
    ----------
    t1
        Relaxation time, s.
    inversion_time
        From inversion to read-out, s (TI).
    efficiency
        1 inverts perfectly, 1/2 saturates (d).
    shot_interval
        From one inversion to the next, s (TS).
    m0
        Equilibrium magnetisation.
    """
    d = real(efficiency)
    inverted = 1 - 2 * d * remaining(inversion_time, t1)
    return real(m0) * (inverted - (1 - 2 * d) * remaining(shot_interval, t1))


def saturation_recovery(
    t1: Value, *, saturation_time: Value, efficiency: Value = 1.0, m0: Value = 1.0
) -> Float[Tensor, "..."]:
    """Return m0 (1 - d exp(-TS/T1)); an infinite time is the image without saturation (SASHA)."""
    return real(m0) * (1 - real(efficiency) * remaining(saturation_time, t1))


def look_locker(
    a: Value, b: Value, t1_apparent: Value, *, inversion_time: Value
) -> Float[Tensor, "..."]:
    """Return the signal that MOLLI fits, a - b exp(-TI/T1*), with its sign."""
    return real(a) - real(b) * remaining(inversion_time, t1_apparent)


def molli_t1(a: Value, b: Value, t1_apparent: Value) -> Float[Tensor, "..."]:
    """Return T1* (b/a - 1), s: what MOLLI reports, shorter than the T1 of inversion recovery."""
    return real(t1_apparent) * (real(b) / real(a) - 1)


def molli_times(
    scheme: tuple[int, ...] = (5, 3, 3),
    *,
    first: tuple[float, ...] = (0.1, 0.18),
    heart_period: float,
) -> Float[Tensor, " images"]:
    """Return the inversion times, s, of beats read and waited by turns, e.g. 5(3)3.

    Parameters
    ----------
    scheme
        Beats read after the first inversion, beats waited, beats read after the second, ...
    first
        Inversion time of the first image after each inversion, s.
    heart_period
        From one R wave to the next, s.
    """
    read = scheme[::2]
    if len(read) != len(first) or min(scheme) < 1:
        msg = (
            f"MOLLI's scheme {scheme} has {len(read)} groups of images and first has {len(first)} "
            "inversion times. Give one time per group, and beats of 1 or more."
        )
        raise InputError(msg)
    groups = [
        start + heart_period * torch.arange(count, dtype=torch.float64)
        for start, count in zip(first, read, strict=True)
    ]
    return torch.cat(groups)


def molli_acquisition(
    t1: Value,
    t2: Value,
    *,
    scheme: tuple[int, ...] = (5, 3, 3),
    first: tuple[float, ...] = (0.1, 0.18),
    heart_period: float = 1.0,
    flip_angle: Value = MOLLI_FLIP,
    repetition_time: float = 2.7e-3,
    n_pulses: int = 70,
    centre: int = 35,
    efficiency: Value = 1.0,
    off_resonance: Value = 0.0,
    m0: Value = 1.0,
) -> Complex[Tensor, "*voxels images"]:
    """Return the signals of MOLLI's images by the Bloch equations, read-outs and pauses included.

    Parameters
    ----------
    t1, t2
        Relaxation times of the tissue, s.
    scheme, first, heart_period
        As `molli_times` takes them; the inversion time ends at the centre of k-space.
    flip_angle, repetition_time, n_pulses
        Of the balanced read-out, rad and s.
    centre
        Number of the repetition, from 0, that reads the centre of k-space.
    efficiency
        Of the inversion: 1 is perfect.
    off_resonance
        Hz.
    m0
        Equilibrium magnetisation with coil and proton density.
    """
    molli_times(scheme, first=first, heart_period=heart_period)  # refuses what is no scheme
    before = (centre + 1) * repetition_time  # from the half pulse to the centre of k-space
    after = (n_pulses - centre - 1) * repetition_time  # from there to the end
    if min(first) < before or heart_period < before + after:
        msg = (
            f"The read-out takes {before:.3g} s to the centre of k-space and {after:.3g} s from "
            f"there; the inversion times {first} and the heart period {heart_period:g} s leave no "
            "room. Give fewer pulses, or an earlier centre."
        )
        raise InputError(msg)

    def pause(magnetisation: Tensor, duration: float) -> Tensor:
        return bloch.apply(bloch.free(duration, t1, t2, off_resonance), magnetisation)

    now, signals = bloch.longitudinal(1.0), []
    for group, start in enumerate(first):
        if group:
            now = pause(now, (scheme[2 * group - 1] + 1) * heart_period - after - start)
        now = pause(bloch.longitudinal(now[..., 2] * (1 - 2 * real(efficiency))), start - before)
        for image in range(scheme[2 * group]):
            if image:
                now = pause(now, heart_period - after - before)
            train, now = balanced_readout(
                now,
                t1,
                t2,
                flip_angle=flip_angle,
                repetition_time=repetition_time,
                n_pulses=n_pulses,
                off_resonance=off_resonance,
            )
            signals.append(train[..., centre])
    return real(m0)[..., None] * torch.stack(signals, -1)


def extracellular_volume(
    t1_before: Value,
    t1_after: Value,
    blood_t1_before: Value,
    blood_t1_after: Value,
    haematocrit: Value,
) -> Float[Tensor, "..."]:
    """Return the extracellular volume fraction (1 - Hct) d(1/T1)_wall / d(1/T1)_blood.

    Kellman et al. (2012), JCMR 14:63, eq. 1; all T1 by the same method, s.
    """
    wall = 1 / real(t1_after) - 1 / real(t1_before)
    blood = 1 / real(blood_t1_after) - 1 / real(blood_t1_before)
    return (1 - real(haematocrit)) * wall / blood


__all__ = [
    "extracellular_volume",
    "inversion_recovery",
    "look_locker",
    "molli_acquisition",
    "molli_t1",
    "molli_times",
    "saturation_recovery",
]
