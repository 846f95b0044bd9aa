"""How far regularity reaches, by the images alone: Stein's unbiased estimate of their error.

With the misfit as a quadratic form round the present field, each trial of the three reaches takes
two solutions: the field and the answer to a random probe, whose product with the probe is the
number of degrees of freedom that the images determine. The same probe serves all trials.

Stein (1981), Ann Statist 9:1135-1151; Girard (1989), Numerische Mathematik 56:1-23.
"""

import dataclasses
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.measurement.flow.prior import Strength
from cardiotwin.measurement.flow.system import System

Field = Float[np.ndarray, "frames nodes 3"]
FACTORS = {"smooth": 1.7, "solenoidal": 1.7, "steady": 1.25}
"""Between two tries of a reach; that in time enters with its sixth power."""
BOUNDS = {"smooth": (0.15, 4.0), "solenoidal": (1.5, 10.0), "steady": (0.2, 4.0)}
"""Voxels, or frames, that a reach may be: that blood has no sources is never given up."""
TRIES = 20
CLOSE = 2e-3  # of the linear solver


@dataclass(kw_only=True, eq=False)
class LeastError:
    """The search for the reaches of least estimated error; it remembers what it tried.

    Parameters
    ----------
    system
        Curvatures at the present field.
    field
        m/s.
    misfit, pull
        Half the misfit over the noise's variance, and its gradient.
    rng
        Of the probe.
    tried
        By strength: the estimate, and the degrees of freedom.
    """

    system: System
    field: Field
    misfit: float
    pull: Field
    rng: np.random.Generator
    tried: dict[Strength, tuple[float, float]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self._probe = self.system.probe(self.rng)
        self._last: np.ndarray | None = None

    def choose(self, start: Strength) -> Strength:
        """Return the best reaches, searched one after another until none gets better."""
        names = list(BOUNDS) if len(self.field) > 2 else ["smooth", "solenoidal"]
        best, before = start, None
        while best != before and len(self.tried) < TRIES:
            before = best
            for name in names:
                for factor in (FACTORS[name], 1 / FACTORS[name]):
                    best = self._along(best, name, factor)
        return best

    def freedom(self, strength: Strength) -> float:
        """Return the degrees of freedom that the images determine."""
        self.estimate(strength)
        return self.tried[strength][1]

    def _along(self, best: Strength, name: str, factor: float) -> Strength:
        """Return the last strength that got better by changing one reach again and again."""
        unit = float(self.system.images.series.grid.spacing.mean())
        unit = self.system.prior.frame_time if name == "steady" else unit
        while True:
            other = replace(best, **{name: getattr(best, name) * factor})
            outside = not BOUNDS[name][0] <= getattr(other, name) / unit <= BOUNDS[name][1]
            if outside or len(self.tried) >= TRIES:
                return best
            if not self.estimate(other) < self.estimate(best):
                return best
            best = other

    def estimate(self, strength: Strength) -> float:
        """Return the estimated error of the images, in the noise's variance, up to a constant."""
        if strength not in self.tried:
            held = self.pull + self.system.penalty(self.field, strength)
            sides = np.stack([-held, self._probe])
            found = self.system.solve(sides, strength, tolerance=CLOSE, start=self._last)
            self._last = found
            step, answer = found
            freedom = float(np.vdot(self._probe, answer))
            bent = 0.5 * float(np.vdot(step, self.system.told(step)))
            left = self.misfit + float(np.vdot(self.pull, step)) + bent
            self.tried[strength] = 2 * left + 2 * freedom, freedom
        return self.tried[strength][0]


__all__ = ["LeastError"]
