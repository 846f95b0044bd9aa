"""The circulation's numbers by their dotted names, and which of them have no sense."""

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
    return values


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


__all__ = ["parameter_values", "refuse_long", "refuse_unphysical"]
