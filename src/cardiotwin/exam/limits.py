"""Limits of a recipe's numbers, refused by name."""

from typing import Any

import numpy as np

from cardiotwin.errors import InputError


def require_positive(owner: Any, name: str) -> None:
    """Raise `InputError` unless a field is positive."""
    require_between(owner, name, np.finfo(float).tiny, np.inf)


def require_between(owner: Any, name: str, low: float, high: float) -> None:
    """Raise `InputError` unless a field lies between two values."""
    value = getattr(owner, name)
    if not low <= value <= high:
        bounds = f"between {low:.3g} and {high:.3g}" if np.isfinite(high) else "positive"
        msg = (
            f"{type(owner).__name__}.{name} must be {bounds}, found {value:g}. "
            "Give it in SI units; cardiotwin.units has MMHG, KPA and MM."
        )
        raise InputError(msg)


__all__ = ["require_between", "require_positive"]
