"""Transverse decay: spin echoes, a T2 preparation, gradient echoes and what dephases them.

T2 preparation: Giri et al. (2009), JCMR 11:56. Times in s, field differences in T.
"""

import math

from jaxtyping import Float
from torch import Tensor

from cardiotwin.imaging.signal.values import Value, real, remaining

GAMMA = 2 * math.pi * 42.577478518e6  # rad/(s T), shielded proton (CODATA 2018)


def spin_echo(t2: Value, *, echo_time: Value, m0: Value = 1.0) -> Float[Tensor, "..."]:
    """Return the signal at a spin echo, m0 exp(-TE/T2); trains with imperfect pulses need EPG."""
    return real(m0) * remaining(echo_time, t2)


def t2_prepared(
    t2: Value, *, preparation_time: Value, m0: Value = 1.0, offset: Value = 0.0
) -> Float[Tensor, "..."]:
    """Return the signal after a T2 preparation, m0 exp(-TE/T2) + offset.

    The offset is what recovers towards the steady state until the centre of k-space.
    """
    return real(m0) * remaining(preparation_time, t2) + real(offset)


def multi_echo(t2_star: Value, *, echo_time: Value, m0: Value = 1.0) -> Float[Tensor, "..."]:
    """Return the magnitude of a gradient echo, m0 exp(-TE/T2*)."""
    return real(m0) * remaining(echo_time, t2_star)


def effective_t2(t2: Value, field_spread: Value) -> Float[Tensor, "..."]:
    """Return T2*, s: 1/T2* = 1/T2 + gamma dB for a Lorentzian spread of half width dB, T."""
    return 1 / (1 / real(t2) + GAMMA * real(field_spread))


__all__ = ["GAMMA", "effective_t2", "multi_echo", "spin_echo", "t2_prepared"]
