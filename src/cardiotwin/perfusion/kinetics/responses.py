"""Impulse responses of tissue, integrated once and twice from 0, in closed form.

Each function takes the time since the tracer began to flow in, s (clamped at 0), the number of
integrations, 1 or 2, and the response's own parameters; Fermi's: Axel (1983), Invest Radiol
18:94-99, and Jerosch-Herold et al. (1998), Med Phys 25:73-84; the distributed capillary's:
Sangren & Sheppard (1953), Bull Math Biophys 15:387-394.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cardiotwin.perfusion.kinetics.special import bessel_pair, goldstein, softplus_integral

SMALL = 0.05  # exponent below which the series is exact and the closed form cancels


def vascular(elapsed: Tensor, order: int) -> Float[Tensor, "..."]:
    """Return the integral of a spike: tissue that holds the input itself, vp = 1."""
    return elapsed if order == 2 else (elapsed >= 0).to(elapsed)


def trapping(elapsed: Tensor, order: int) -> Float[Tensor, "..."]:
    """Return the integral of a step: what flows in stays."""
    return elapsed**2 / 2 if order == 2 else elapsed


def washout(elapsed: Tensor, order: int, rate: Tensor) -> Float[Tensor, "..."]:
    """Return the integral of exp(-rate t): a well-mixed compartment."""
    x = rate * elapsed
    near = x < SMALL
    far = x.masked_fill(near, 1.0)  # so that no infinite slope comes of what is not chosen
    close = x.masked_fill(~near, 0.0)
    if order == 1:
        series = 1 - close / 2 * (1 - close / 3 * (1 - close / 4 * (1 - close / 5)))
        series = series + close**5 / 720 * (-1 + close / 7)
        return elapsed * torch.where(near, series, -torch.expm1(-far) / far)
    series = close / 5 * (1 - close / 6 * (1 - close / 7 * (1 - close / 8)))
    series = 0.5 * (1 - close / 3 * (1 - close / 4 * (1 - series)))
    return elapsed**2 * torch.where(near, series, (far + torch.expm1(-far)) / far**2)


def fermi(elapsed: Tensor, order: int, width: Tensor, decay: Tensor) -> Float[Tensor, "..."]:
    """Return the integral of Fermi's function, 1 at t = 0.

    R(t) = (1 + e^(-w/d))/(1 + e^((t-w)/d)), w the width and d the decay, s.
    """
    m, u = width / decay, elapsed / decay
    height = 1 + torch.exp(-m)
    plus = torch.nn.functional.softplus
    if order == 1:
        return height * decay * (plus(m, threshold=700.0) - plus(m - u, threshold=700.0))
    area = u * plus(m, threshold=700.0) - softplus_integral(m) + softplus_integral(m - u)
    return height * decay**2 * area


def capillary(
    elapsed: Tensor, order: int, transit: Tensor, leak: Tensor, back: Tensor
) -> Float[Tensor, "..."]:
    """Return the integral of the residue of a capillary with plug flow and leaky walls.

    R(t) = 1 for t < T, else 1 - J(a, b (t - T)), with J Goldstein's, which is what has left.

    Parameters
    ----------
    transit
        Time through the capillary, T = vp/Fp, s.
    leak
        PS/Fp (a).
    back
        Rate from the interstitium, b = PS/vi, 1/s.
    """
    y = back * (elapsed - transit).clamp_min(0.0)
    x, y = torch.broadcast_tensors(leak, y)
    zeroth, first = bessel_pair(x, y.clamp_min(1e-300))
    reached = goldstein(x, y)
    if order == 1:  # integral of J over y; nothing has left before the transit
        left = (y - x) * reached + x * zeroth + first
        return elapsed - torch.where(y > 0, left, 0.0) / back
    left = (x + (x - y) ** 2 / 2) * reached + x * (y / 2 - x / 2 - 1) * zeroth
    left = left + (y - x - 1) / 2 * first
    return elapsed**2 / 2 - torch.where(y > 0, left, 0.0) / back**2


__all__ = ["capillary", "fermi", "trapping", "vascular", "washout"]
