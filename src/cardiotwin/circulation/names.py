"""The circulation's numbers by their dotted names, and which of them have no sense."""

from collections.abc import Mapping
from typing import Any

import torch

from cardiotwin.circulation.elements import Elastance, Twitch
from cardiotwin.circulation.loop import Circulation
from cardiotwin.errors import InputError

Tensor = torch.Tensor
CHAMBERS = {
    "left_atrium": "la",
    "left_ventricle": "lv",
    "right_atrium": "ra",
    "right_ventricle": "rv",
}
VALVES = ("mitral", "aortic", "tricuspid", "pulmonary")
VESSELS = ("systemic_arteries", "systemic_veins", "pulmonary_arteries", "pulmonary_veins")
OF_CHAMBER = ("active", "passive", "unstressed_volume")
OF_TWITCH = ("onset", "contraction", "relaxation")
OF_HILL = ("rise_time", "rise_power", "fall_time", "fall_power")
OF_VALVE = ("open_resistance", "closed_resistance", "width")
OF_INERTIAL = ("area", "length", "opening_rate", "closing_rate", "bulge")
OF_VESSEL = ("resistance", "compliance", "inertance")
OF_AORTA = ("compliance", "inertance", "resistance", "termination", "viscosity", "impedance")
OF_ARM = ("compliance", "inertance", "termination")
SIGNED = ("onset", "unstressed_volume")  # what may be negative or zero
NOUGHT = ("viscosity", "impedance")  # what may be zero


def parameter_values(circulation: Circulation) -> dict[str, float]:
    """Return every number of the loop by its dotted name, SI: what can be varied or fixed."""
    values = {"period": circulation.period}
    for name in CHAMBERS:
        chamber = getattr(circulation, name)
        if isinstance(chamber, Elastance):
            values |= {f"{name}.{key}": getattr(chamber, key) for key in OF_CHAMBER}
            times = OF_TWITCH if isinstance(chamber.twitch, Twitch) else ("onset", *OF_HILL)
            values |= {f"{name}.{key}": getattr(chamber.twitch, key) for key in times}
            values |= {f"{name}.shape_{k}": value for k, value in enumerate(chamber.shape)}
    for name in VALVES:
        valve = getattr(circulation, name)
        keys = {"sharp": OF_VALVE[:2], "inertial": OF_INERTIAL}.get(valve.law, OF_VALVE)
        values |= {f"{name}.{key}": getattr(valve, key) for key in keys}
    for name in VESSELS:
        values |= {f"{name}.{key}": getattr(getattr(circulation, name), key) for key in OF_VESSEL}
    if circulation.aorta:
        values |= {f"aorta.{key}": getattr(circulation.aorta, key) for key in OF_AORTA}
        if circulation.aorta.arm:
            values |= {f"arm.{key}": getattr(circulation.aorta.arm, key) for key in OF_ARM}
    return values


def one_row(name: str, value: Any) -> Tensor:
    """Return a parameter's numbers, one per heart; refuse what is no row of numbers."""
    try:
        row = torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        msg = f"{name} must be a number, or one per heart, found {value!r}. Give floats."
        raise InputError(msg) from error
    if row.ndim > 1:
        msg = f"{name} has one number per heart, found the shape {tuple(row.shape)}. Give a row."
        raise InputError(msg)
    return row.reshape(-1)


def refuse_leaves(values: Mapping[str, Tensor], laws: Mapping[str, str]) -> None:
    """Refuse valves, each by its law, that do not close, or with no mass before a stiff aorta."""
    for valve, law in laws.items():
        if law == "inertial":
            continue
        low, high = (values[f"{valve}.{key}"].detach() for key in OF_VALVE[:2])
        bad = ~(high > low)
        if bool(bad.any()):
            first = int(bad.nonzero()[0, 0])
            msg = (
                f"{valve}.closed_resistance must be larger than open_resistance, found "
                f"{float(high[first]):g} and {float(low[first]):g} Pa s/m^3 in heart {first} and "
                f"{int(bad.sum())} in all. Give a leaking valve a smaller closed_resistance."
            )
            raise InputError(msg)
    for key in NOUGHT:
        stiff = values.get(f"aorta.{key}")
        if stiff is not None and laws["aortic"] != "inertial" and bool((stiff != 0).any()):
            msg = (
                f"aorta.{key} stands behind a valve whose flow is a state, found one of law "
                f"{laws['aortic']!r}. Give Circulation.aortic an InertialValve, or 0."
            )
            raise InputError(msg)


def refuse_unphysical(name: str, values: Tensor) -> None:
    """Refuse a parameter's values that are not finite or, of those that must be, not positive."""
    bad = ~torch.isfinite(values)
    key = name.rsplit(".", maxsplit=1)[-1]
    signed = key in SIGNED or key.startswith("shape_")
    if key in NOUGHT:
        bad = bad | (values < 0)
    elif not signed:
        bad = bad | ~(values > 0)
    if bool(bad.any()):
        first = int(bad.nonzero()[0, 0])
        asked = "" if signed else "not negative and " if key in NOUGHT else "positive and "
        msg = (
            f"{name} must be {asked}finite, found {float(values[first]):g} in heart {first} "
            f"and {int(bad.sum())} in all. Give it in SI units; cardiotwin.units has MMHG and ML."
        )
        raise InputError(msg)


def refuse_long(name: str, twitch: Tensor, period: Tensor) -> None:
    """Refuse a chamber's twitch that lasts longer than its beat."""
    bad = ~(twitch < period)
    if bool(bad.any()):
        first = int(bad.nonzero()[0, 0])
        msg = (
            f"period must be longer than the twitch of the {name.replace('_', ' ')}, "
            f"{float(twitch[first]):g} s, found {float(period[first]):g} s in heart {first} and "
            f"{int(bad.sum())} in all. Shorten contraction and relaxation with it."
        )
        raise InputError(msg)


__all__ = ["one_row", "parameter_values", "refuse_leaves", "refuse_long", "refuse_unphysical"]
