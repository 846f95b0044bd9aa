"""Balanced steady-state free precession with alternating pulses, and the way into it.

Scheffler & Lehnhardt (2003), Eur Radiol 13:2409-2418; the approach to the steady state: Scheffler
(2003), MRM 49:781-783. Times in s, frequencies in Hz, angles in rad.
"""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from cardiotwin.imaging.signal import bloch
from cardiotwin.imaging.signal.values import Value, cis, real, recovered, remaining

TOWARDS_X = math.pi / 2  # phase of the pulse that turns Mz towards +x


def balanced_steady_state(
    t1: Value,
    t2: Value,
    *,
    flip_angle: Value,
    repetition_time: Value,
    echo_time: Value,
    off_resonance: Value = 0.0,
    m0: Value = 1.0,
) -> Complex[Tensor, "..."]:
    """Return the steady-state signal; on resonance it is real and positive.

    S = m0 (1 - E1) sin(a) (1 - E2 exp(-i p)) exp(-TE/T2) exp(i 2 pi df TE)/(C cos(p) + D) with
    p = 2 pi df TR + pi, C = E2 (E1 - 1)(1 + cos(a)), D = 1 - E1 cos(a) - (E1 - cos(a)) E2^2.
    Scheffler & Lehnhardt (2003), eq. 1, is its value at df = 0. The bands are where df TR = 1/2.
    """
    gain, e1 = recovered(repetition_time, t1), remaining(repetition_time, t1)
    e2, angle = remaining(repetition_time, t2), real(flip_angle)
    turned = 2 * math.pi * real(off_resonance) * real(repetition_time)
    # The alternation's pi is written out: cos(p) = -cos(turned), exp(-i p) = -exp(-i turned).
    towards = torch.cos(turned) * e2 * gain * (1 + torch.cos(angle))
    depth = towards + 1 - e1 * torch.cos(angle) - (e1 - torch.cos(angle)) * e2**2
    size = real(m0) * gain * torch.sin(angle) * remaining(echo_time, t2) / depth
    at_echo = 2 * math.pi * real(off_resonance) * real(echo_time)
    return size * (1 + e2 * cis(-turned)) * cis(at_echo)


def balanced_best_flip(t1: Value, t2: Value) -> Float[Tensor, "..."]:
    """Return the flip angle of the largest signal for TR << T2, cos(a) = (T1-T2)/(T1+T2), rad."""
    return torch.acos((real(t1) - real(t2)) / (real(t1) + real(t2)))


def balanced_decay(
    t1: Value, t2: Value, *, flip_angle: Value, repetition_time: Value
) -> Float[Tensor, "..."]:
    """Return what one TR leaves of the distance to the steady state, for TR << T2, on resonance.

    E1 cos(a/2)^2 + E2 sin(a/2)^2 (Scheffler 2003, eq. 10) after a preparation by half the flip.
    """
    half = real(flip_angle) / 2
    e1, e2 = remaining(repetition_time, t1), remaining(repetition_time, t2)
    return e1 * torch.cos(half) ** 2 + e2 * torch.sin(half) ** 2


def balanced_train(
    t1: Value,
    t2: Value,
    *,
    flip_angle: Value,
    repetition_time: Value,
    n_pulses: int,
    prepared: Value = 1.0,
    off_resonance: Value = 0.0,
    m0: Value = 1.0,
) -> Complex[Tensor, "*voxels pulses"]:
    """Return the signal at the centre of each repetition of a train, with TE = TR/2.

    The train is entered by half the flip, half a repetition earlier.

    Parameters
    ----------
    t1, t2
        Relaxation times, s.
    flip_angle
        Rad.
    repetition_time
        S.
    n_pulses
        Number of pulses after the one of half the flip.
    prepared
        Longitudinal magnetisation before the train, in units of m0.
    off_resonance
        Hz.
    m0
        Equilibrium magnetisation with coil and proton density.
    """
    signal, _ = balanced_readout(
        bloch.longitudinal(prepared),
        t1,
        t2,
        flip_angle=flip_angle,
        repetition_time=repetition_time,
        n_pulses=n_pulses,
        off_resonance=off_resonance,
    )
    return real(m0)[..., None] * signal


def balanced_readout(
    magnetisation: Float[Tensor, "*others 4"],
    t1: Value,
    t2: Value,
    *,
    flip_angle: Value,
    repetition_time: Value,
    n_pulses: int,
    off_resonance: Value = 0.0,
) -> tuple[Complex[Tensor, "*voxels pulses"], Float[Tensor, "*voxels 4"]]:
    """Return a train's signals, and the magnetisation half a repetition after its last pulse."""
    half = bloch.free(real(repetition_time) / 2, t1, t2, off_resonance)
    way = [half @ bloch.pulse(flip_angle, sign * TOWARDS_X) @ half for sign in (-1.0, 1.0)]
    enter = bloch.pulse(real(flip_angle) / 2, TOWARDS_X)
    now = bloch.apply(enter, magnetisation)
    signals = []
    for number in range(n_pulses):
        now = bloch.apply(way[number % 2], now)
        sign = -1.0 if number % 2 == 0 else 1.0
        signals.append(sign * bloch.transverse(now))
    return torch.stack(signals, -1), now


__all__ = [
    "balanced_best_flip",
    "balanced_decay",
    "balanced_readout",
    "balanced_steady_state",
    "balanced_train",
]
