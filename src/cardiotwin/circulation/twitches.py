"""How a chamber's elastance runs through a beat: other courses than half a cosine up and down.

Double Hill: Stergiopulos, Meister & Westerhof (1996), Am J Physiol 270:H2050-H2059, in the form
of Mynard, Davidson, Penny & Smolich (2012), Int J Num Meth Biomed Eng 28:626-641, eq. 13-15.
The factor of free form is a periodic cubic spline on equal knots (de Boor 1978, ch. IX): a
time-varying elastance is by its definition whatever p/(V - V0) does (Suga & Sagawa 1974).
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from cardiotwin.circulation.checks import check_positive, refuse_endless
from cardiotwin.errors import InputError

FINE = 400  # places of a twitch among which its largest value is sought
KNOTS = 4  # fewest of a spline of the third degree


def hill_activation(since: Any, shape: tuple[Any, ...], period: Any, xp: Any) -> Any:
    """Return the activation, 0 to 1, at a time `since` its onset.

    g1/(1 + g1) / (1 + g2), with g = (t/tau)^m of rise and of fall, over its largest value of the
    beat; `shape` holds rise time, rise power, fall time, fall power.
    """
    phase = since - period * xp.floor(since / period)
    return _hill(phase, shape, xp) / hill_top(shape, period, xp)


def hill_top(shape: tuple[Any, ...], period: Any, xp: Any) -> Any:
    """Return the largest value of the two Hill functions' product in a beat."""
    share = (xp.arange(FINE) + 0.5) / FINE
    times = share.reshape(FINE, *(1 for _ in shape[0].shape)) * period
    course = _hill(times, shape, xp)
    return course.max(0) if xp is np else course.amax(0)


def _hill(time: Any, shape: tuple[Any, ...], xp: Any) -> Any:
    rise, rise_power, fall, fall_power = shape
    logarithm = xp.log(time + 1e-9 * rise)
    up = rise_power * (logarithm - xp.log(rise))
    down = fall_power * (logarithm - xp.log(fall))
    return _sigmoid(up, xp) * _sigmoid(-down, xp)


def _sigmoid(x: Any, xp: Any) -> Any:
    return (1 + xp.tanh(x / 2)) / 2


@dataclass(frozen=True, kw_only=True)
class HillTwitch:
    """A twitch of two Hill functions, which rises from its first moment and has a long tail.

    Parameters
    ----------
    onset
        Where it begins, s after end-diastole.
    rise_time, fall_time
        When half of the rise, and of the fall, is over, s after the onset.
    rise_power, fall_power
        How steep they are; 1.32 and 27.4 of a left ventricle (Mynard et al. 2012, table III).
    """

    onset: float = 0.0
    rise_time: float = 0.215
    rise_power: float = 1.32
    fall_time: float = 0.362
    fall_power: float = 27.4

    def __post_init__(self) -> None:
        """Refuse durations and powers that are none."""
        refuse_endless(self, "onset")
        for item in fields(self)[1:]:
            check_positive(self, item.name)

    def activation(self, time: Any, period: float, xp: Any = np) -> Any:
        """Return the activation, 0 to 1."""
        shape = tuple(
            xp.asarray(value)
            for value in (self.rise_time, self.rise_power, self.fall_time, self.fall_power)
        )
        return hill_activation(xp.asarray(time) - self.onset, shape, xp.asarray(period), xp)


def spline_weights(phase: Any, knots: int, xp: Any) -> Any:
    """Return the periodic cubic B-splines (*phase, knots) at shares of the period.

    They are positive and sum to one; that of knot k is largest at the phase k/knots.
    """
    place = phase[..., None] * knots - xp.arange(knots)
    distance = abs(place - knots * xp.round(place / knots))
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = xp.clip(2 - distance, 0.0, None) ** 3 / 6
    return xp.where(distance < 1, near, far)


def refuse_few(shape: tuple[float, ...]) -> None:
    """Refuse a spline with fewer knots than its degree needs, or one that is not finite."""
    if shape and (len(shape) < KNOTS or not np.all(np.isfinite(shape))):
        msg = (
            f"Elastance.shape must hold {KNOTS} finite numbers or more, or none, found "
            f"{len(shape)}: {shape[:4]}. Give logarithms at equal times of the beat."
        )
        raise InputError(msg)


__all__ = ["HillTwitch", "hill_activation", "hill_top", "refuse_few", "spline_weights"]
