"""What a signal function takes: numbers or tensors, of shapes that broadcast."""

import torch
from jaxtyping import Complex, Float
from torch import Tensor

type Value = Float[Tensor, "..."] | float
type ComplexValue = Complex[Tensor, "..."] | Value


def real(value: Value) -> Tensor:
    """Return the value as a tensor; a number becomes one of double precision.

    A number has no dimensions, so beside a tensor of single precision it does not widen it.
    """
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)


def together(*values: Value) -> tuple[Tensor, ...]:
    """Return the values as tensors of one shape."""
    tensors = [real(value) for value in values]
    shape = torch.broadcast_shapes(*(tensor.shape for tensor in tensors))
    return tuple(tensor.expand(shape) for tensor in tensors)


def cis(angle: Tensor) -> Tensor:
    """Return exp(i angle)."""
    return torch.complex(torch.cos(angle), torch.sin(angle))


def remaining(time: Value, constant: Value) -> Tensor:
    """Return exp(-time/constant): what is left after a time of what decays with a constant."""
    finite, endless = _finite(time)
    return torch.exp(-finite / real(constant)).masked_fill(endless, 0.0)


def recovered(time: Value, constant: Value) -> Tensor:
    """Return 1 - exp(-time/constant), without cancellation where the time is short."""
    finite, endless = _finite(time)
    return -torch.expm1(-finite / real(constant)).masked_fill(endless, -1.0)


def _finite(time: Value) -> tuple[Tensor, Tensor]:
    """Return a time with 0 for infinity, and where that is: exp(-inf/T) has no slope in T."""
    value = real(time)
    endless = torch.isinf(value)
    return value.masked_fill(endless, 0.0), endless


__all__ = ["ComplexValue", "Value", "cis", "real", "recovered", "remaining", "together"]
