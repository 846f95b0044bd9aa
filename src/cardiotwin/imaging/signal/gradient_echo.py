"""Spoiled gradient echoes: in the steady state, and in a train after a preparation.

Bernstein, King & Zhou (2004), Handbook of MRI Pulse Sequences, sect. 14.1; a train after a
preparation: Kellman et al. (2017), JCMR 19:43. Times in s, angles in rad, signals in units of m0.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from cardiotwin.imaging.signal.values import Value, real, recovered, remaining


def ernst_angle(t1: Value, repetition_time: Value) -> Float[Tensor, "..."]:
    """Return the flip angle of the largest steady-state signal, arccos(exp(-TR/T1)), rad."""
    # cos(2x) = 1 - 2 sin(x)^2: exact where TR << T1.
    return 2 * torch.asin(torch.sqrt(recovered(repetition_time, t1) / 2))


def spoiled_gradient_echo(
    t1: Value,
    *,
    flip_angle: Value,
    repetition_time: Value,
    echo_time: Value = 0.0,
    t2_star: Value = math.inf,
    m0: Value = 1.0,
) -> Float[Tensor, "..."]:
    """Return the steady-state signal of ideally spoiled pulses.

    S = m0 sin(a) (1 - E1)/(1 - E1 cos(a)) exp(-TE/T2*).
    """
    gain, e1 = recovered(repetition_time, t1), remaining(repetition_time, t1)
    angle = real(flip_angle)
    saturated = gain / (gain + 2 * e1 * torch.sin(angle / 2) ** 2)
    return real(m0) * torch.sin(angle) * saturated * remaining(echo_time, t2_star)


def prepared_gradient_echo(
    t1: Value,
    *,
    prepared: Value,
    pulse: Value,
    flip_angle: Value,
    repetition_time: Value,
    echo_time: Value = 0.0,
    t2_star: Value = math.inf,
    m0: Value = 1.0,
) -> Float[Tensor, "..."]:
    """Return the signal after a pulse of a spoiled train that follows a preparation.

    Mz_n = m0 (p c^(n-1) + (1 - E1)(1 - c^(n-1))/(1 - c)), c = E1 cos(a); S_n = Mz_n sin(a) E2*.

    Parameters
    ----------
    t1, t2_star
        Relaxation times, s.
    prepared
        Longitudinal magnetisation before the first pulse, in units of m0 (p).
    pulse
        Number of the pulse, from 1 (n).
    flip_angle
        Rad.
    repetition_time, echo_time
        Of the train, s.
    m0
        Equilibrium magnetisation with coil and proton density.
    """
    gain, e1 = recovered(repetition_time, t1), remaining(repetition_time, t1)
    angle = real(flip_angle)
    kept = (e1 * torch.cos(angle)) ** (real(pulse) - 1)
    steady = gain / (gain + 2 * e1 * torch.sin(angle / 2) ** 2)
    before = steady + (real(prepared) - steady) * kept
    return real(m0) * before * torch.sin(angle) * remaining(echo_time, t2_star)


__all__ = ["ernst_angle", "prepared_gradient_echo", "spoiled_gradient_echo"]
