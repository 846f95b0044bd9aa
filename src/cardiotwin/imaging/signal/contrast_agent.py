"""Contrast agent to signal and back: relaxation rates, and the images of a first pass.

Kellman et al. (2017), JCMR 19:43. Relaxivities in plasma at 37 degrees: Rohrer et al. (2005),
Invest Radiol 40:715-724, and Szomolanyi et al. (2019), Invest Radiol 54:559-564. Concentrations
in mol/m^3 (1 mM), relaxivities in m^3/(s mol) (1/(s mM)), times in s.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from cardiotwin.errors import InputError
from cardiotwin.imaging.signal.gradient_echo import prepared_gradient_echo
from cardiotwin.imaging.signal.values import Value, real, recovered

# Longitudinal relaxivity by field strength, T.
RELAXIVITY = {
    "gadobenate": {1.5: 6.3, 3.0: 5.5},
    "gadobutrol": {1.5: 5.2, 3.0: 5.0},
    "gadodiamide": {1.5: 4.3, 3.0: 4.0},
    "gadopentetate": {1.5: 4.1, 3.0: 3.7},
    "gadoterate": {1.5: 3.6, 3.0: 3.5},
    "gadoteridol": {1.5: 4.1, 3.0: 3.7},
    "gadoxetate": {1.5: 8.1, 3.0: 6.4},
}


def relaxivity(agent: str, field_strength: float) -> float:
    """Return the longitudinal relaxivity of an agent, m^3/(s mol)."""
    known = RELAXIVITY.get(agent, {})
    if field_strength not in known:
        msg = (
            f"No relaxivity is known of {agent!r} at {field_strength:g} T. The agents are "
            f"{', '.join(RELAXIVITY)}, the field strengths 1.5 and 3 T."
        )
        raise InputError(msg)
    return known[field_strength]


def relaxed_t1(t1: Value, concentration: Value, r1: Value) -> Float[Tensor, "..."]:
    """Return T1 with an agent, s: 1/T1 = 1/T10 + r1 C, in fast exchange of water."""
    return 1 / (1 / real(t1) + real(r1) * real(concentration))


def first_pass(
    concentration: Value,
    t1: Value,
    *,
    r1: Value,
    saturation_time: Value,
    flip_angle: Value,
    repetition_time: Value,
    pulse: Value,
    echo_time: Value = 0.0,
    t2_star: Value = math.inf,
    r2_star: Value = 0.0,
    m0: Value = 1.0,
) -> Float[Tensor, "..."]:
    """Return the signal of a saturation-prepared spoiled train.

    Parameters
    ----------
    concentration
        Of the agent, mol/m^3.
    t1, t2_star
        Without the agent, s.
    r1, r2_star
        Longitudinal and effective transverse relaxivity, m^3/(s mol).
    saturation_time
        From saturation to the first pulse, s.
    flip_angle, repetition_time, echo_time
        Of the train, rad and s.
    pulse
        Number of the pulse that reads the centre of k-space, from 1.
    m0
        Equilibrium magnetisation with coil and proton density.
    """
    shortened = relaxed_t1(t1, concentration, r1)
    signal = prepared_gradient_echo(
        shortened,
        prepared=recovered(saturation_time, shortened),
        pulse=pulse,
        flip_angle=flip_angle,
        repetition_time=repetition_time,
        m0=m0,
    )
    rate = 1 / real(t2_star) + real(r2_star) * real(concentration)
    return signal * torch.exp(-real(echo_time) * rate)


def corrected_for_t2_star(
    first: Float[Tensor, "..."],
    second: Float[Tensor, "..."],
    echo_times: tuple[float, float],
) -> Float[Tensor, "..."]:
    """Return the signal at an echo time of 0 from two echoes of one decay."""
    early, late = echo_times
    return first * (first / second) ** (early / (late - early))


__all__ = [
    "RELAXIVITY",
    "corrected_for_t2_star",
    "first_pass",
    "relaxed_t1",
    "relaxivity",
]
