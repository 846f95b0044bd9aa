"""The parameters and cavity volumes in which a wall is sampled, and what lies outside of them.

Volumes stand for pressures: at a given pressure a contracted wall's volume is steep in the
tension, so that even steps of the pressure would leave most of the volumes out.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import qmc

from cardiotwin.errors import InputError
from cardiotwin.mechanics.parametric import LOADED, PRESSURE
from cardiotwin.units import ML

TENSION = LOADED.index("active_tension")
SOFT = 4e3  # Pa: the mean tension with which the least volume nears that of a strong contraction
SLACK = 1e-9  # of a range: rounding is not outside


@dataclass(frozen=True, kw_only=True, eq=False)
class ParameterRange:
    """What a wall is sampled in.

    Parameters
    ----------
    names
        Of the parameters (`ParametricWall.names`).
    lower, upper
        Of each, SI; the pressure's are not used.
    logarithmic
        Those sampled evenly in their logarithm.
    unloaded_volume
        Least volume without tension, m^3.
    least_volume, largest_volume
        With tension, m^3; the least one rises to the unloaded one as the tension vanishes.
    """

    names: tuple[str, ...]
    lower: Float[np.ndarray, " parameters"]
    upper: Float[np.ndarray, " parameters"]
    logarithmic: tuple[str, ...]
    unloaded_volume: float
    least_volume: float
    largest_volume: float

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        others = np.arange(len(self.names)) != PRESSURE
        wrong = others & ~(self.lower <= self.upper)
        if wrong.any():
            k = int(np.argmax(wrong))
            msg = (
                f"The range of {self.names[k]} is empty, found {self.lower[k]:g} to "
                f"{self.upper[k]:g}. Give the smaller number first."
            )
            raise InputError(msg)
        if not 0 < self.least_volume <= self.unloaded_volume < self.largest_volume:
            msg = (
                "Volumes must rise from least over unloaded to largest, found "
                f"{self.least_volume / ML:.4g}, {self.unloaded_volume / ML:.4g} and "
                f"{self.largest_volume / ML:.4g} mL. Give them in m^3."
            )
            raise InputError(msg)

    @property
    def n_regions(self) -> int:
        """Return how many shares of the tension there are."""
        return len(self.names) - len(LOADED) - 2

    def sample(
        self, count: int, seed: int
    ) -> tuple[Float[np.ndarray, "count parameters"], Float[np.ndarray, " count"]]:
        """Return parameters (without pressures) and volumes, m^3, by a scrambled Sobol walk."""
        points = qmc.Sobol(len(self.names), seed=seed).random(1 << (count - 1).bit_length())[
            :count
        ]
        return self.of_unit(points)

    def of_unit(
        self, points: Float[np.ndarray, "count parameters"]
    ) -> tuple[Float[np.ndarray, "count parameters"], Float[np.ndarray, " count"]]:
        """Return parameters and volumes of points of the unit cube (volume for pressure)."""
        values = self.lower + points * (self.upper - self.lower)
        for name in self.logarithmic:
            k = self.names.index(name)
            values[:, k] = self.lower[k] * (self.upper[k] / self.lower[k]) ** points[:, k]
        values[:, PRESSURE] = 0.0
        least = self.least(values)
        return values, least + points[:, PRESSURE] * (self.largest_volume - least)

    def least(self, values: Float[np.ndarray, "count parameters"]) -> Float[np.ndarray, " count"]:
        """Return the least volume, m^3, at the parameters' mean tension."""
        shares = values[:, len(LOADED) : len(LOADED) + self.n_regions]
        mean = shares.mean(axis=1) if self.n_regions else 1.0
        soft = np.exp(-values[:, TENSION] * mean / SOFT)
        return np.asarray(self.least_volume + (self.unloaded_volume - self.least_volume) * soft)

    def outside(
        self, values: Float[np.ndarray, " parameters"], volume: float | None = None
    ) -> tuple[str, ...]:
        """Return what lies outside: names of parameters, ``cavity_volume``."""
        slack = SLACK * (self.upper - self.lower)
        out = ~((self.lower - slack <= values) & (values <= self.upper + slack))
        out[PRESSURE] = False
        found = [name for name, is_out in zip(self.names, out, strict=True) if is_out]
        if volume is not None:
            least = float(self.least(values[None])[0])
            span = SLACK * self.largest_volume
            if not least - span <= volume <= self.largest_volume + span:
                found.append("cavity_volume")
        return tuple(found)

    def span(self) -> Float[np.ndarray, " parameters"]:
        """Return by how much each parameter may change, SI; the pressure's is a volume, m^3.

        Of a parameter with a logarithmic range it is the geometric mean.
        """
        found: Float[np.ndarray, " parameters"] = self.upper - self.lower
        for name in self.logarithmic:
            k = self.names.index(name)
            found[k] = np.sqrt(self.upper[k] * self.lower[k])
        found[PRESSURE] = self.largest_volume - self.least_volume
        return found
