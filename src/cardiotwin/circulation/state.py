"""Where the blood is at a time, and what no circulation may hold."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cardiotwin.errors import ConvergenceError
from cardiotwin.units import ML, MMHG

NAMES = {
    "la": "left atrium",
    "lv": "left ventricle",
    "ra": "right atrium",
    "rv": "right ventricle",
}


class Stores(NamedTuple):
    """One number per store, in the order of the ring."""

    la: float
    lv: float
    systemic_arteries: float
    systemic_veins: float
    ra: float
    rv: float
    pulmonary_arteries: float
    pulmonary_veins: float


@dataclass(frozen=True, kw_only=True)
class State:
    """Where the blood is, and how it flows.

    Parameters
    ----------
    time
        s.
    volume, pressure
        Of each store, m^3 and Pa.
    outflow
        From each store into the next, m^3/s.
    """

    time: float
    volume: Stores
    pressure: Stores
    outflow: Stores

    @property
    def blood(self) -> float:
        """Return the whole blood that stresses its stores, m^3."""
        return sum(self.volume)


def refuse_negative(state: State, before: State | None = None, but: tuple[str, ...] = ()) -> None:
    """Raise where a store is sucked empty, the first one by name; `but` are not looked at.

    Raises
    ------
    ConvergenceError
        If a pressure is negative or not a number; it carries the state `before`.
    """
    for key, pressure, volume in zip(Stores._fields, state.pressure, state.volume, strict=True):
        if key in but or (pressure >= 0 and np.isfinite(volume)):
            continue
        name = NAMES.get(key, key.replace("_", " "))
        msg = (
            f"The pressure in the {name} is not positive at {state.time:.4f} s: found "
            f"{pressure / MMHG:.4g} mmHg in {volume / ML:.4g} mL. Give the circulation more "
            "blood, or look at what drains this store."
        )
        raise ConvergenceError(msg, (), before)
