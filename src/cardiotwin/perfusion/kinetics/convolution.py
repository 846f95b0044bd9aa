"""Exact convolution of a tracer's piecewise-linear input with a tissue's impulse response.

An input that is linear between its samples has a second derivative of spikes: a step c_0 at the
first sample and a change of slope s_j at each. Its convolution with an impulse response h is
c_0 H1(t - t_0) + sum_j s_j H2(t - t_j), where H1 and H2 are h integrated once and twice from 0:
exact for every response whose integrals are known, at any sample times. For an exponential it is
the recursion of Flouri et al. (2016), MRM 76:998-1006, appendix. Concentrations in mol/m^3 (1 mM),
times in s.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

EVEN = 1e-6  # of the spacing: samples nearer than this to an even grid are on it

type Response = Callable[..., Tensor]


@dataclass(frozen=True, eq=False)
class Input:
    """What flows in: plasma concentration, linear between samples, nothing before the first.

    Parameters
    ----------
    time
        Of the samples, increasing, s.
    plasma
        Concentration of the agent in arterial plasma, mol/m^3.
    early
        How much a response may precede the input, s: of tissue that the tracer reaches before
        it reaches where the input was measured.
    """

    time: Float[Tensor, " samples"]
    plasma: Float[Tensor, " samples"]
    early: float = 0.0

    @cached_property
    def even(self) -> bool:
        """Return whether the samples are evenly spaced."""
        steps = self.time.diff()
        return bool((steps - steps.mean()).abs().max() <= EVEN * steps.mean())

    @cached_property
    def bends(self) -> Float[Tensor, " samples"]:
        """Return the change of slope at each sample, mol/(m^3 s); the last bends nothing."""
        slopes = self.plasma.diff() / self.time.diff()
        return torch.cat([slopes[:1], slopes.diff(), torch.zeros_like(slopes[:1])])

    @cached_property
    def _ahead(self) -> int:
        """Return how many even samples a response may precede the input."""
        return math.ceil(self.early / float(self.time[1] - self.time[0])) if self.early else 0

    @cached_property
    def _pairs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the samples of output and of input that know each other, and the lag of each."""
        n = len(self.time)
        if self.even:
            i, j = torch.tril_indices(n, n, offset=self._ahead)
            return i, j, i - j + self._ahead
        lag = self.time[:, None] - self.time + self.early
        i, j = torch.nonzero(lag >= 0, as_tuple=True)
        return i, j, torch.arange(len(i))

    @cached_property
    def elapsed(self) -> Float[Tensor, " lags"]:
        """Return the times at which a response is needed: from each sample to each later one."""
        if self.even:
            step = (self.time[-1] - self.time[0]) / (len(self.time) - 1)
            return step * torch.arange(-self._ahead, len(self.time))
        i, j, _ = self._pairs
        return self.time[i] - self.time[j]

    @cached_property
    def bending(self) -> Float[Tensor, "samples lags"]:
        """Return the matrix that a response integrated twice is multiplied with."""
        i, j, column = self._pairs
        matrix = self.plasma.new_zeros(len(self.time), len(self.elapsed))
        return matrix.index_put((i, column), self.bends[j])

    @cached_property
    def first(self) -> Float[Tensor, "samples lags"]:
        """Return the matrix of a response integrated once: the step at the first sample."""
        i, j, column = self._pairs
        start = j == 0
        matrix = self.plasma.new_zeros(len(self.time), len(self.elapsed))
        return matrix.index_put((i[start], column[start]), self.plasma[0].expand(int(start.sum())))

    @property
    def kernel(self) -> Float[Tensor, "samples orders_lags"]:
        """Return the matrix of both integrals, the twice integrated first."""
        return torch.cat([self.bending, self.first], 1)


def delayed(response: Response) -> Response:
    """Return a response that begins after a delay, s: a parameter more."""

    def later(elapsed: Tensor, order: int, delay: Tensor, **own: Tensor) -> Tensor:
        since = elapsed - delay
        return torch.where(since >= 0, response(since.clamp_min(0.0), order, **own), 0.0)

    return later


def both_integrals(response: Response, elapsed: Tensor, **parameters: Tensor) -> Tensor:
    """Return a response integrated twice, and below it once, at times since it began."""
    twice = response(elapsed, 2, **parameters)
    return torch.cat([twice, response(elapsed, 1, **parameters)])


def convolve(
    supply: Input, response: Response, **parameters: Float[Tensor, "..."]
) -> Float[Tensor, "samples ..."]:
    """Return the input convolved with a response, at the input's samples.

    Parameters
    ----------
    response
        Takes the times since it began, s, the number of integrations, and its parameters.
    parameters
        One value per voxel each, of one shape.
    """
    shape = torch.broadcast_shapes(*(value.shape for value in parameters.values()))
    flat = {name: value.expand(shape).reshape(1, -1) for name, value in parameters.items()}
    column = supply.elapsed[:, None]
    curves = supply.kernel @ both_integrals(response, column, **flat).to(supply.plasma)
    return curves.reshape(len(supply.time), *shape)


__all__ = ["Input", "Response", "both_integrals", "convolve", "delayed"]
