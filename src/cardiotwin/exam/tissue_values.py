"""What the contrasts' signals need to know of each tissue, and of the wall by AHA segment."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from cardiotwin.exam.contrast import TISSUES
from cardiotwin.exam.slab import WALL

_WATER_D = 2.0e-9  # m^2/s, of tissues whose diffusion is not asked for
_NO_PERFUSION = 0.02

Values = Mapping[str, Float[np.ndarray, "18"]]
"""The wall's tissue by AHA segment, 0 first."""


def bulk_properties() -> dict[str, Float[np.ndarray, " tissues"]]:
    """Return the tissues of the table, in the order of `NAMES`."""
    names = ("t1", "t2", "t2_star", "proton_density")
    rows = {name: np.array([getattr(tissue, name) for tissue in TISSUES]) for name in names}
    rows["d"] = np.full(len(TISSUES), _WATER_D)
    rows["d_star"] = np.full(len(TISSUES), 10 * _WATER_D)
    rows["f"] = np.full(len(TISSUES), _NO_PERFUSION)
    rows["fat"] = np.array([float(tissue.name == "fat") for tissue in TISSUES])
    return rows


def wall_properties(values: Values) -> dict[str, Float[np.ndarray, "18"]]:
    """Return the wall's tissue by AHA segment, 0 first."""
    n = len(values["t1"])
    rows = {name: values[name] for name in ("t1", "t2", "t2_star", "d", "d_star", "f")}
    rows |= {"proton_density": np.full(n, TISSUES[WALL].proton_density), "fat": np.zeros(n)}
    return rows


__all__ = ["Values", "bulk_properties", "wall_properties"]
