"""Extended phase graphs: echoes of trains of pulses between gradients that dephase.

Weigel (2015), JMRI 41:266-295. Times in s, angles in rad.
"""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from cardiotwin.imaging.signal.values import Value, cis, real, recovered, remaining, together

# The states are F+_k, F-_k and Z_k (k >= 0): dimension -2; the order k is dimension -1.


def mixing(flip_angle: Value, phase: Value = 0.0) -> Complex[Tensor, "*voxels 3 3"]:
    """Return how a pulse mixes F+, F- and Z (Weigel 2015, eq. 15)."""
    angle, about = together(flip_angle, phase)
    cos, sin = torch.cos(angle / 2) ** 2 + 0j, torch.sin(angle / 2) ** 2
    turn, full = cis(about), torch.sin(angle)
    rows = (
        (cos, turn**2 * sin, -1j * turn * full),
        (turn.conj() ** 2 * sin, cos, 1j * turn.conj() * full),
        (-0.5j * turn.conj() * full, 0.5j * turn * full, torch.cos(angle) + 0j),
    )
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def relax(
    states: Complex[Tensor, "*voxels 3 orders"], duration: Value, t1: Value, t2: Value
) -> Complex[Tensor, "*voxels 3 orders"]:
    """Return the states after relaxation; only Z_0 recovers."""
    e1, e2 = together(remaining(duration, t1), remaining(duration, t2))
    kept = torch.stack([e2, e2, e1], -1)[..., None] * states
    grown = torch.zeros_like(kept)
    grown[..., 2, 0] = recovered(duration, t1)
    return kept + grown


def dephase(states: Complex[Tensor, "*voxels 3 orders"]) -> Complex[Tensor, "*voxels 3 orders"]:
    """Return the states after a gradient of one unit; the highest order is lost."""
    plus, minus, along = states.unbind(-2)
    none = torch.zeros_like(minus[..., :1])
    down = torch.cat([minus[..., 1:], none], -1)
    up = torch.cat([down[..., :1].conj(), plus[..., :-1]], -1)
    return torch.stack([up, down, along], -2)


def spin_echo_train(
    t1: Value,
    t2: Value,
    *,
    refocusing: Float[Tensor, " echoes"],
    echo_spacing: Value,
    excitation: Value = math.pi / 2,
    m0: Value = 1.0,
) -> Float[Tensor, "*voxels echoes"]:
    """Return the echoes of a train that meets Carr, Purcell, Meiboom and Gill's condition.

    Parameters
    ----------
    t1, t2
        Relaxation times, s.
    refocusing
        Flip angle of each refocusing pulse, rad.
    echo_spacing
        From echo to echo, s.
    excitation
        Flip angle of the excitation, rad.
    m0
        Equilibrium magnetisation with coil and proton density.
    """
    half = real(echo_spacing) / 2
    states = _equilibrium((t1, t2, half, excitation), 2 * len(refocusing) + 1)
    states = mixing(excitation, math.pi / 2) @ states
    echoes = []
    for angle in refocusing.unbind():
        states = mixing(angle, 0.0) @ dephase(relax(states, half, t1, t2))
        states = dephase(relax(states, half, t1, t2))
        echoes.append(states[..., 0, 0].real)
    return real(m0)[..., None] * torch.stack(echoes, -1)


def gradient_spoiled_train(
    t1: Value,
    t2: Value,
    *,
    flip_angles: Float[Tensor, " pulses"],
    phases: Float[Tensor, " pulses"],
    repetition_time: Value,
    echo_time: Value = 0.0,
    prepared: Value = 1.0,
    m0: Value = 1.0,
) -> Complex[Tensor, "*voxels pulses"]:
    """Return the signal after each pulse, in the phase of the pulse, with one gradient per TR.

    Quadratic phases give RF-spoiled, constant phases gradient-spoiled echoes.

    Parameters
    ----------
    t1, t2
        Relaxation times, s.
    flip_angles, phases
        Of each pulse, rad.
    repetition_time, echo_time
        S.
    prepared
        Longitudinal magnetisation before the train, in units of m0.
    m0
        Equilibrium magnetisation with coil and proton density.
    """
    states = _equilibrium((t1, t2, repetition_time, prepared), len(flip_angles) + 1)
    states = states * real(prepared)[..., None, None]
    signals = []
    for angle, phase in zip(flip_angles.unbind(), phases.unbind(), strict=True):
        states = mixing(angle, phase) @ states
        signals.append(states[..., 0, 0] * cis(-phase) * remaining(echo_time, t2))
        states = dephase(relax(states, repetition_time, t1, t2))
    return real(m0)[..., None] * torch.stack(signals, -1)


def quadratic_phases(n_pulses: int, increment: float) -> Float[Tensor, " pulses"]:
    """Return the phases n (n + 1)/2 times an increment, rad: 117 or 50 degrees spoil well."""
    number = torch.arange(n_pulses, dtype=torch.float64)
    return number * (number + 1) / 2 * increment


def _equilibrium(values: tuple[Value, ...], orders: int) -> Tensor:
    shape = together(*values)[0].shape
    states = torch.zeros((*shape, 3, orders), dtype=torch.complex128)
    states[..., 2, 0] = 1.0
    return states


__all__ = [
    "dephase",
    "gradient_spoiled_train",
    "mixing",
    "quadratic_phases",
    "relax",
    "spin_echo_train",
]
