"""The blood that fills a ventricle to the end-diastole that was measured."""

from dataclasses import replace

import numpy as np

from cardiotwin.circulation.beats import LimitCycle, settle
from cardiotwin.circulation.elements import Elastance
from cardiotwin.circulation.loop import Circulation
from cardiotwin.circulation.state import State
from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.units import ML

FIRST_SHARE = 0.1  # of blood given to the whole loop, what arrives in the ventricle: a first guess
SETTLED = 1e-5  # of a beat's change, before its volume is read
TRIALS = 15


def preload(
    circulation: Circulation,
    volume: float,
    pressure: float,
    n_steps: int = 250,
    *,
    tolerance: float = 1e-4,
) -> tuple[Circulation, LimitCycle]:
    """Return the circulation whose limit cycle has the left ventricle's end-diastole, and it.

    The ventricle's passive elastance leads through the pressure, Pa, at the volume, m^3; the blood
    is then sought as by `filled`.

    Raises
    ------
    InputError
        If the volume does not stress the ventricle.
    ConvergenceError
        If no amount of blood does it; it carries the last state.
    """
    ventricle = circulation.left_ventricle
    if not isinstance(ventricle, Elastance) or not volume > ventricle.unstressed_volume:
        msg = (
            "The end-diastolic volume must be larger than the ventricle's unstressed volume, "
            f"found {volume / ML:.4g} mL. Give an Elastance with a smaller one."
        )
        raise InputError(msg)
    passive = pressure / (volume - ventricle.unstressed_volume)
    loop = replace(circulation, left_ventricle=replace(ventricle, passive=passive))
    return loop, filled(loop, loop.start(), volume, n_steps, tolerance=tolerance)


def filled(
    circulation: Circulation,
    start: State,
    volume: float,
    n_steps: int = 250,
    *,
    tolerance: float = 1e-4,
) -> LimitCycle:
    """Return the limit cycle whose beats begin with the volume, m^3, in the left ventricle.

    The blood in the loop is sought, by the secant method, from that of `start`. The last state is
    where a beat begins.

    Raises
    ------
    ConvergenceError
        If no amount of blood does it; it carries the last state.
    """
    state, share = start, FIRST_SHARE
    misses: list[float] = []
    given = 0.0
    for _ in range(TRIALS):
        cycle = settle(circulation, state, n_steps, tolerance=SETTLED)
        misses.append(volume - cycle.state.volume.lv)
        if abs(misses[-1]) < tolerance * volume:
            return cycle
        if len(misses) > 1 and given != 0:
            share = float(np.clip((misses[-2] - misses[-1]) / given, 0.01, 0.5))
        given = misses[-1] / share
        state = infused(circulation, cycle.state, given)
    msg = (
        f"No blood volume was found in {TRIALS} trials that fills the left ventricle to "
        f"{volume / ML:.4g} mL; the last one missed it by {misses[-1] / ML:.3g} mL. "
        "Check that volume, pressure and heart rate belong together."
    )
    raise ConvergenceError(msg, misses, state)


def infused(circulation: Circulation, state: State, blood: float) -> State:
    """Return the state after blood, m^3, was given into the systemic veins (taken: negative)."""
    held = state.volume.systemic_veins
    blood = max(blood, -held / 2)
    pressure = (held + blood) / circulation.systemic_veins.compliance
    return replace(
        state,
        volume=state.volume._replace(systemic_veins=held + blood),
        pressure=state.pressure._replace(systemic_veins=pressure),
    )
