"""What the wall is made of, by AHA segment: the truth of the maps."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.exam.limits import require_between, require_positive
from cardiotwin.units import MS

N_VALUES = 18
"""Segments 1 to 17, and 0 for muscle outside them."""

PER_GRAM = 1e-6 / 60 / 1e-3  # m^3/(s kg) in 1 mL/min/g
MM2 = 1e-6  # m^2


@dataclass(frozen=True, kw_only=True)
class Myocardium:
    """Healthy wall at 1.5 T, and what differs between its segments and in diseased ones.

    Relaxation times: Stanisz et al. (2005), MRM 54:507 and Wissmann et al. (2014), JCMR 16:63.
    Diffusion and perfused fraction: between the left ventricle of the OSIPI collection
    (2.4e-3 mm^2/s, 0.15, 80e-3 mm^2/s) and cardiac diffusion tensors (1.5e-3 mm^2/s). Blood flow:
    Kellman et al. (2017), JCMR 19:43, rest 1.02 and stress 3.14 mL/min/g.

    Parameters
    ----------
    t1, t2, t2_star
        Relaxation times, s.
    d, d_star
        Diffusion and pseudo-diffusion, m^2/s.
    f
        Perfused fraction of the signal.
    mbf_rest, mbf_stress
        Blood flow, m^3/(s kg).
    segment_sd
        Relative standard deviation between segments, of each value by itself.
    diseased
        AHA segments that are diseased.
    diseased_t1, diseased_t2, diseased_mbf
        Factors there (ours): a native T1 a fifth longer, an oedema, flow that hardly rises.
    """

    t1: float = 1030 * MS
    t2: float = 40 * MS
    t2_star: float = 31 * MS
    d: float = 1.7e-3 * MM2
    d_star: float = 60e-3 * MM2
    f: float = 0.13
    mbf_rest: float = 1.02 * PER_GRAM
    mbf_stress: float = 3.14 * PER_GRAM
    segment_sd: float = 0.04
    diseased: tuple[int, ...] = ()
    diseased_t1: float = 1.2
    diseased_t2: float = 1.15
    diseased_mbf: float = 0.4

    def __post_init__(self) -> None:
        """Refuse what is no muscle."""
        for item in fields(self):
            if item.name not in {"diseased", "segment_sd"}:
                require_positive(self, item.name)
        require_between(self, "segment_sd", 0.0, 0.3)
        require_between(self, "f", 0.0, 0.9)
        strange = [number for number in self.diseased if not 1 <= number <= 17]
        if strange:
            msg = (
                f"Myocardium.diseased takes AHA segments 1 to 17, found {strange}. "
                "Give e.g. diseased=[7,8]."
            )
            raise InputError(msg)

    def by_segment(self, rng: np.random.Generator) -> dict[str, Float[np.ndarray, "18"]]:
        """Return each value by AHA segment, SI; 0 has those of a healthy wall."""
        ill = np.isin(np.arange(N_VALUES), self.diseased)
        factors = {
            "t1": self.diseased_t1,
            "t2": self.diseased_t2,
            "mbf_rest": self.diseased_mbf,
            "mbf_stress": self.diseased_mbf,
        }
        found = {}
        for name in ("t1", "t2", "t2_star", "d", "d_star", "f", "mbf_rest", "mbf_stress"):
            spread = 1 + self.segment_sd * np.clip(rng.standard_normal(N_VALUES), -2.5, 2.5)
            spread[0] = 1.0
            found[name] = getattr(self, name) * spread * np.where(ill, factors.get(name, 1.0), 1.0)
        return found


__all__ = ["MM2", "N_VALUES", "PER_GRAM", "Myocardium"]
