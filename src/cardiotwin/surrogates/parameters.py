"""How a reduced wall reads a vector of parameters."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float

Tensor = torch.Tensor
PRESSURE = 2  # where the cavity's pressure stands


class Given(NamedTuple):
    """Parameters in a reduced wall's own terms, one row per heart."""

    scale: Tensor
    exponent: Tensor
    pressure: Tensor
    tension: Tensor
    """Of each segment, Pa."""
    springs: Tensor
    """Factors of base, pericardium and what is no parameter."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameters:
    """The order of the parameters: law, pressure, tension, shares of regions, supports.

    Parameters
    ----------
    names
        Of `mechanics.parametric.ParametricWall`.
    regions
        Which AHA segments a region's share acts on.
    reach
        Typical norm of the coefficients.
    """

    names: tuple[str, ...]
    regions: Float[torch.Tensor, "regions segments"]
    reach: float

    def read(self, values: Float[torch.Tensor, "batch n"]) -> Given:
        """Return the parameters in the wall's terms."""
        n = len(self.regions)
        shares = values[:, 4 : 4 + n] @ self.regions + (1 - self.regions.sum(0))
        one = torch.ones_like(values[:, 0])
        return Given(
            scale=values[:, 0],
            exponent=values[:, 1],
            pressure=values[:, PRESSURE],
            tension=values[:, 3:4] * shares,
            springs=torch.stack((values[:, 4 + n], values[:, 5 + n], one), 1),
        )
