"""Two functions of mathematical physics that torch lacks, with their derivatives.

Goldstein's J: Goldstein (1953), Proc R Soc A 219:151-171, the outflow of a bed that exchanges with
what flows through it. The dilogarithm: Lewin (1981), Polylogarithms and Associated Functions.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

TERMS = 44  # of the dilogarithm's series at arguments up to 1/2: the next is 2^-45/45^2
LARGEST = 700.0  # exponent that double precision still holds


def softplus_integral(y: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return the integral of ln(1 + e^s) from s = -infinity to y: -Li2(-e^y)."""
    found: Tensor = _SoftplusIntegral.apply(y)
    return found


class _SoftplusIntegral(torch.autograd.Function):
    """Landen's identity for y <= 0, inversion for the rest."""

    @staticmethod
    def forward(ctx: Any, y: Tensor) -> Tensor:
        ctx.save_for_backward(y)
        below = _below(-y.abs())
        return torch.where(y <= 0, below, math.pi**2 / 6 + y**2 / 2 - below)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return gradient * torch.nn.functional.softplus(y, threshold=LARGEST)


def _below(y: Tensor) -> Tensor:
    """Return -Li2(-e^y), y <= 0: with w = e^y/(1 + e^y) <= 1/2 it is Li2(w) + ln(1 - w)^2/2."""
    w, log = torch.sigmoid(y), torch.nn.functional.softplus(y)
    total, power = torch.zeros_like(w), torch.ones_like(w)
    for k in range(1, TERMS + 1):
        power = power * w
        total = total + power / k**2
    return total + log**2 / 2


def goldstein(x: Float[Tensor, "..."], y: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return J(x, y) = 1 - e^-y times the integral of e^-s I0(2 sqrt(y s)) from s = 0 to x."""
    found: Tensor = _Goldstein.apply(*torch.broadcast_tensors(x, y))
    return found


def bessel_pair(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return e^-(x+y) I0(z) and e^-(x+y) sqrt(x y) I1(z), z = 2 sqrt(x y)."""
    root = torch.sqrt(x * y)
    scale = torch.exp(-((torch.sqrt(x) - torch.sqrt(y)) ** 2))
    return scale * torch.special.i0e(2 * root), scale * root * torch.special.i1e(2 * root)


class _Goldstein(torch.autograd.Function):
    """The sum of Poisson weights of y with their cumulative ones of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        # Poisson weights beyond ten standard deviations of the larger mean add nothing.
        largest = float(torch.maximum(x.max(), y.max())) if x.numel() else 0.0
        terms = int(largest + 10 * math.sqrt(largest) + 30)
        flow, stay = torch.exp(-x), torch.exp(-y)
        below, total = flow.clone(), stay * flow
        for k in range(1, terms):
            flow, stay = flow * (x / k), stay * (y / k)
            below = below + flow
            total = total + stay * below
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, y = ctx.saved_tensors
        zeroth, first = bessel_pair(x, y)
        # sqrt(x y) I1/y tends to x where y does to 0.
        by_y = torch.where(y > 0, first / y.clamp_min(1e-300), x * torch.exp(-x))
        return -gradient * zeroth, gradient * by_y


__all__ = ["bessel_pair", "goldstein", "softplus_integral"]
