"""Clinical quantities by key: the unit that the key says, its SI value, the range of the living.

A number that only makes sense in another unit is refused with the unit that is wanted.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cardiotwin.errors import InputError
from cardiotwin.units import KPA, ML, MMHG


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A key of subject.yaml: the field it fills, its unit, and the range of the living.

    Parameters
    ----------
    name
        Field of `Subject` (or its standard deviation).
    unit
        The unit's name as a sentence has it.
    si
        SI value of one unit.
    low, high
        What a living adult or child can have, in `unit`.
    others
        SI value of one of other units that people use, by name, to guess what was meant.
    """

    name: str
    unit: str
    si: float
    low: float
    high: float
    others: Mapping[str, float] = field(default_factory=dict)


PRESSURES = {"kPa": KPA, "Pa": 1.0, "mmHg": MMHG, "dyn/cm2": 0.1}
LENGTHS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "inches": 0.0254}


def pressure(name: str, low: float, high: float) -> Quantity:
    """Return a pressure in mmHg."""
    return Quantity(name=name, unit="mmHg", si=MMHG, low=low, high=high, others=PRESSURES)


QUANTITIES = {
    "age": Quantity(name="age", unit="years", si=1.0, low=0, high=120),
    "height_cm": Quantity(name="height", unit="cm", si=1e-2, low=40, high=250, others=LENGTHS),
    "height_m": Quantity(name="height", unit="m", si=1.0, low=0.4, high=2.5, others=LENGTHS),
    "mass_kg": Quantity(name="mass", unit="kg", si=1.0, low=2, high=400, others={"g": 1e-3}),
    "heart_rate_bpm": Quantity(
        name="heart_rate",
        unit="beats per minute",
        si=1 / 60,
        low=25,
        high=250,
        others={"beats per second": 1.0},
    ),
    "cuff_systolic_mmhg": pressure("cuff_systolic", 50, 280),
    "cuff_diastolic_mmhg": pressure("cuff_diastolic", 25, 180),
    "end_diastolic_pressure_mmhg": pressure("end_diastolic_pressure", 3, 60),
    "end_diastolic_pressure_sd_mmhg": pressure("end_diastolic_pressure_sd", 0.05, 20),
    "end_systolic_pressure_mmhg": pressure("end_systolic_pressure", 35, 260),
    "end_systolic_pressure_sd_mmhg": pressure("end_systolic_pressure_sd", 0.05, 60),
}
POINT = {
    "volume_ml": Quantity(
        name="volume", unit="mL", si=ML, low=10, high=1000, others={"L": 1e-3, "m3": 1.0}
    ),
    "pressure_mmhg": pressure("pressure", 0.2, 60),
    "sd_mmhg": pressure("sd", 0.05, 20),
}


def check_keys(content: Mapping[Any, Any], known: list[str], source: str) -> None:
    """Raise `InputError` at the first key that is not known, with the nearest that is."""
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(known)}."
            msg = f"{source} has an unknown key, found {str(key)!r}. {hint}"
            raise InputError(msg)


def in_si(key: str, value: Any, quantity: Quantity, source: str) -> float:
    """Return a number in SI; raise `InputError` where its key's unit cannot be meant."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = (
            f"{source}: {key} must be a number in {quantity.unit}, found {value!r}. Leave the "
            "unit out: the key says it."
        )
        raise InputError(msg)
    if quantity.low <= value <= quantity.high:
        return float(value) * quantity.si
    meant = [
        f"{value:g} {unit} are {value * si / quantity.si:.4g} {quantity.unit}"
        for unit, si in quantity.others.items()
        if si != quantity.si and quantity.low <= value * si / quantity.si <= quantity.high
    ]
    hint = (
        f"If you meant {meant[0].split(' are ')[0]}, write {meant[0].split(' are ')[1]}."
        if meant
        else ("Check the number.")
    )
    msg = (
        f"{source}: {key} must be in {quantity.unit}, {quantity.low:g} to {quantity.high:g}, "
        f"found {value:g}. {hint}"
    )
    raise InputError(msg)
