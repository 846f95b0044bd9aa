"""How a heart moves between end-diastole and end-systole: the course of ejection.

Only end-diastole and end-systole are equilibria. Between them every node goes straight from one
to the other, by a share that keeps still while the valves are shut, ejects until end-systole and
fills early, then by the atrium's beat. The knots are ours: they make early filling three quarters
of the stroke, as in healthy adults at rest (Nagueh et al. 2016, JASE 29:277-314, E/A of 1 to 2).
"""

import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator

from cardiotwin.units import MS

_SHUT = 40 * MS, 60 * MS  # isovolumic contraction and relaxation
_FILLED_EARLY, _FILLED_SLOWLY = 0.28, 0.22  # of the stroke that is still missing
_EARLY, _ATRIUM = 0.4, 0.75  # of the time from opening to the next beat


def ejected_share(
    times: Float[np.ndarray, " t"], *, period: float, end_systole_time: float
) -> Float[np.ndarray, " t"]:
    """Return the share of the stroke that is ejected, 0 at end-diastole and 1 at end-systole.

    Parameters
    ----------
    times
        After the R wave, s; the course repeats after a period.
    period, end_systole_time
        s.
    """
    shut, opening = isovolumic(period=period, end_systole_time=end_systole_time)
    filling = period - opening
    knots = {
        0.0: 0.0,
        shut: 0.0,
        end_systole_time: 1.0,
        opening: 1.0,
        opening + _EARLY * filling: _FILLED_EARLY,
        opening + _ATRIUM * filling: _FILLED_SLOWLY,
        period: 0.0,
    }
    course = PchipInterpolator(list(knots), list(knots.values()))
    return np.asarray(course(np.mod(times, period)), dtype=np.float64)


def isovolumic(*, period: float, end_systole_time: float) -> tuple[float, float]:
    """Return when ejection begins and when the mitral valve opens, s after the R wave."""
    shut = min(_SHUT[0], 0.3 * end_systole_time)
    return shut, end_systole_time + min(_SHUT[1], 0.2 * (period - end_systole_time))


__all__ = ["ejected_share", "isovolumic"]
