"""The Bloch equations between pulses, as affine maps of the magnetisation.

A map acts on (Mx, My, Mz, 1) and is a 4 x 4 matrix; a sequence is a product of maps, the last
event on the left. Off-resonance turns Mx + i My by exp(+i 2 pi df t). Jaynes (1955), Phys Rev
98:1099. Times in s, frequencies in Hz, angles in rad, equilibrium magnetisation 1.
"""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from cardiotwin.imaging.signal.values import Value, real, recovered, remaining, together


def pulse(flip_angle: Value, phase: Value = 0.0) -> Float[Tensor, "*voxels 4 4"]:
    """Return an instantaneous pulse about the axis at an angle from x in the transverse plane.

    A pulse of phase -90 degrees turns Mz towards -x, one of phase +90 degrees towards +x.
    """
    angle, about = together(flip_angle, phase)
    cos, sin, x, y = torch.cos(angle), torch.sin(angle), torch.cos(about), torch.sin(about)
    less = 1 - cos
    return _affine(
        (cos + x**2 * less, x * y * less, y * sin),
        (x * y * less, cos + y**2 * less, -x * sin),
        (-y * sin, x * sin, cos),
    )


def free(
    duration: Value, t1: Value, t2: Value, off_resonance: Value = 0.0
) -> Float[Tensor, "*voxels 4 4"]:
    """Return precession with relaxation towards equilibrium."""
    turned = 2 * math.pi * real(off_resonance) * real(duration)
    e1, e2 = remaining(duration, t1), remaining(duration, t2)
    turned, e1, e2 = together(turned, e1, e2)
    cos, sin, none = e2 * torch.cos(turned), e2 * torch.sin(turned), torch.zeros_like(e1)
    grown = recovered(duration, t1).expand(e1.shape)
    return _affine((cos, -sin, none), (sin, cos, none), (none, none, e1), (none, none, grown))


def spoil() -> Float[Tensor, "4 4"]:
    """Return an ideal spoiler: the transverse magnetisation is gone."""
    return torch.diag(torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=torch.float64))


def longitudinal(mz: Value) -> Float[Tensor, "*voxels 4"]:
    """Return a magnetisation along the field."""
    along = real(mz)
    none = torch.zeros_like(along)
    return torch.stack([none, none, along, torch.ones_like(along)], -1)


def apply(
    affine: Float[Tensor, "*voxels 4 4"], magnetisation: Float[Tensor, "*others 4"]
) -> Float[Tensor, "*both 4"]:
    """Return the magnetisation after an event."""
    return (affine @ magnetisation[..., None])[..., 0]


def steady_state(affine: Float[Tensor, "*voxels 4 4"]) -> Float[Tensor, "*voxels 4"]:
    """Return the magnetisation that an event, repeated for ever, leaves as it is."""
    turn, shift = affine[..., :3, :3], affine[..., :3, 3]
    fixed = torch.linalg.solve(torch.eye(3, dtype=turn.dtype) - turn, shift)
    return torch.cat([fixed, torch.ones_like(fixed[..., :1])], -1)


def transverse(magnetisation: Float[Tensor, "*voxels 4"]) -> Complex[Tensor, "*voxels"]:
    """Return Mx + i My."""
    return torch.complex(magnetisation[..., 0], magnetisation[..., 1])


def _affine(
    x: tuple[Tensor, ...],
    y: tuple[Tensor, ...],
    z: tuple[Tensor, ...],
    shift: tuple[Tensor, ...] | None = None,
) -> Tensor:
    none = torch.zeros_like(x[0])
    moved = (none, none, none) if shift is None else shift
    rows = [torch.stack([*row, by], -1) for row, by in zip((x, y, z), moved, strict=True)]
    last = torch.stack([none, none, none, torch.ones_like(none)], -1)
    return torch.stack([*rows, last], -2)


__all__ = ["apply", "free", "longitudinal", "pulse", "spoil", "steady_state", "transverse"]
