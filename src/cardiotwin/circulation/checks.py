"""What a number of a block must be."""

import math
from typing import Any

from cardiotwin.errors import InputError

UNITS = "Give it in SI units; cardiotwin.units has MMHG and ML."


def check_positive(model: Any, name: str) -> None:
    """Refuse a number of a block that is not positive and finite."""
    value = getattr(model, name)
    if not (isinstance(value, float | int) and 0 < value < math.inf):
        msg = f"{type(model).__name__}.{name} must be positive and finite, found {value}. {UNITS}"
        raise InputError(msg)


def refuse_endless(model: Any, name: str) -> None:
    """Refuse a number of a block that is not finite."""
    value = getattr(model, name)
    if not (isinstance(value, float | int) and math.isfinite(value)):
        msg = f"{type(model).__name__}.{name} must be finite, found {value}. {UNITS}"
        raise InputError(msg)


__all__ = ["UNITS", "check_positive", "refuse_endless"]
