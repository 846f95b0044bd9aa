"""Whether two records are the same to the last bit."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np


def identical(a, b):
    """Return whether two values have the same types, keys, order and bits."""
    if isinstance(a, np.ndarray):
        same = (a.dtype, a.shape) == (b.dtype, b.shape)
        return same and np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()
    if is_dataclass(a):
        return type(a) is type(b) and all(
            identical(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)
        )
    if isinstance(a, Mapping):
        return list(a) == list(b) and all(identical(a[key], b[key]) for key in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(identical, a, b))
    if isinstance(a, float):
        same_nan = math.isnan(a) and math.isnan(b)
        return same_nan or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return type(a) is type(b) and a == b
