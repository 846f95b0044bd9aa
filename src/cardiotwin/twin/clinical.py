"""The units in which a clinic reads the numbers of a record."""

from cardiotwin.units import KPA, ML, MM, MMHG


def clinical_unit(name: str, unit: str) -> tuple[float, str]:
    """Return the clinical unit of a quantity in SI, and its name; ``1`` where there is none.

    Examples
    --------
    >>> clinical_unit("contractility", "Pa"), clinical_unit("passive_scale", "1")
    ((1000.0, 'kPa'), (1.0, '1'))
    """
    if unit == "Pa":
        return (MMHG, "mmHg") if "pressure" in name else (KPA, "kPa")
    return {"m^3": (ML, "mL"), "m": (MM, "mm")}.get(unit, (1.0, unit))


__all__ = ["clinical_unit"]
