"""Numbers as a reader wants them: an uncertainty to two digits, its value to the same place."""

import math


def plus_minus(value: float, sd: float) -> str:
    """Return ``value ± sd``; a value alone where the uncertainty is not known.

    Examples
    --------
    >>> plus_minus(1.10375, 0.22934)
    '1.10 ± 0.23'
    >>> plus_minus(61987.0, 5012.0)
    '62000 ± 5000'
    >>> plus_minus(3.14159, float("nan"))
    '3.14'
    """
    if not (math.isfinite(sd) and sd > 0 and math.isfinite(value)):
        return brief(value)
    place = 1 - math.floor(math.log10(sd))
    if place > 6:
        return f"{value:.4g} ± {sd:.2g}"
    digits = max(place, 0)
    return f"{round(value, place):.{digits}f} ± {round(sd, place):.{digits}f}"


def brief(value: float) -> str:
    """Return a number to three digits without an exponent where it can be read so.

    Examples
    --------
    >>> brief(121.155), brief(0.0123456), brief(float("nan"))
    ('121', '0.0123', 'n/a')
    """
    if not math.isfinite(value):
        return "n/a"
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


__all__ = ["brief", "plus_minus"]
