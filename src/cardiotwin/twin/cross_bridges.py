"""Cross-bridges for a fitted heart: their calcium by its heart rate, their strength by its fit."""

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from cardiotwin.circulation import Circulation, State
from cardiotwin.coupling import ClosedLoop
from cardiotwin.errors import ConvergenceError
from cardiotwin.mechanics.active import CalciumTransient, Land2017
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.muscle import CrossBridgeMuscle
from cardiotwin.mechanics.point_values import PointValues
from cardiotwin.mechanics.solved import Solved
from cardiotwin.twin.stages import Stages
from cardiotwin.units import KPA, ML

Points = Float[np.ndarray, "cells points"]
MEASURED_PERIOD = 1.0  # s, of the beats in which the calcium was measured
RESTING, FULL = 1.9e-6, 2.2e-6  # m, of sarcomeres: where the model's stretch is 1; end-diastole
STEP = 8e-3  # s, of a trial's ejection
RATIO = 1.6  # from a trial to the next, until two enclose the right one
TRIALS = 12
OPEN, CLOSED = 1e-3, 1e-5  # shares of the full ventricle that leave it in a step
CLOSE = 0.01  # share of the stroke by which the end-systolic volume may be missed


def personal_calcium(period: float) -> CalciumTransient:
    """Return the transient of a heart whose beats last `period`, s; it begins at end-diastole.

    It was measured in beats of one second. Its duration goes with that of systole, 0.2 s + 0.15
    period (Simaan et al. 2009, IEEE Trans Control Syst Technol 17:28-38), as the twitch's does.
    """
    systole = (0.2 + 0.15 * period) / (0.2 + 0.15 * MEASURED_PERIOD)
    measured = CalciumTransient(period=period)
    return replace(measured, time_to_peak=systole * measured.time_to_peak)


def resting_stretch(dynamics: Dynamics, image: Solved) -> Points:
    """Return each fibre's stretch, from its unloaded placement, where the model's is one.

    Sarcomeres are `FULL` long throughout the wall at the imaged end-diastole. Unloaded they differ
    from layer to layer, and the unloaded placement is the model's own, not a length that was seen.

    Notes
    -----
    2.2 um where a ventricle is filled at 12 mmHg: Spotnitz, Sonnenblick & Spiro (1966), Circ Res
    18:49-66 (2.07 um at end-diastole, 2.25 um distended: Sonnenblick et al. 1967, Circ Res
    21:423-431). That the model's overlap falls steeply below 0.87 and is whole at 1.2 places its
    stretch 1 at 1.9 um.
    """
    return np.asarray(PointValues(dynamics.body).stretch(image) * RESTING / FULL)


def fitted_bridges(
    dynamics: Dynamics,
    circulation: Circulation,
    image: Solved,
    loop: State,
    *,
    calcium: CalciumTransient,
    resting: Points | float,
    volume: float,
    stages: Stages | None = None,
) -> Land2017:
    """Return cross-bridges that empty the wall to its measured end-systolic volume, m^3.

    A fit finds the tension that holds the wall at end-systole. The bridges' depends on length,
    velocity and history, so it is no one number: their reference tension is sought with which the
    first ejection from the imaged end-diastole ends where the measured one did.

    Parameters
    ----------
    dynamics
        Of the fitted wall.
    circulation, loop
        The blood's loop, and its state at end-diastole.
    image
        The wall's end-diastole.
    calcium, resting
        As `CrossBridgeMuscle` has them.
    volume
        To be left at the end of ejection, m^3.
    stages
        Where the trials are kept.

    Raises
    ------
    ConvergenceError
        If no reference tension does it.
    """
    stages = stages or Stages(None, "")
    misses = dict[float, float]()

    def miss(log_tension: float) -> float:
        if log_tension not in misses:
            model = Land2017(reference_tension=math.exp(log_tension))
            muscle = CrossBridgeMuscle(dynamics, model, calcium.value, resting=resting)
            trial = ClosedLoop(dynamics, circulation, muscle)
            full, left = stages.run(
                f"ejection_{model.reference_tension:.0f}_pa",
                tuple[float, float],
                lambda: ejection(trial, image, loop),
            )
            misses[log_tension] = (left - volume) / (full - volume)
        return 0.0 if abs(misses[log_tension]) <= CLOSE else misses[log_tension]

    low = high = math.log(Land2017().reference_tension)
    while miss(low) * miss(high) > 0 and len(misses) < TRIALS:
        further = math.log(RATIO)  # weak muscle leaves too much
        low, high = (high, high + further) if miss(high) > 0 else (low - further, low)
    if miss(low) * miss(high) < 0:
        brentq(miss, low, high, maxiter=TRIALS, disp=False)
    best = min(misses, key=lambda tension: abs(misses[tension]))
    if abs(misses[best]) > CLOSE:
        msg = (
            f"No reference tension of cross-bridges empties the wall to {volume / ML:.4g} mL; "
            f"{math.exp(best) / KPA:.4g} kPa, the best of {len(misses)}, misses by "
            f"{100 * misses[best]:.2g} % of the stroke. Use muscle=twitch for this heart."
        )
        raise ConvergenceError(msg, tuple(misses.values()))
    return Land2017(reference_tension=math.exp(best))


def ejection(trial: ClosedLoop, image: Solved, loop: State) -> tuple[float, float]:
    """Return the left ventricle's volume before and after its first ejection, m^3."""
    start = trial.begin(image, loop)
    full = left = start.loop.volume.lv
    opened = False
    for moment in trial.march(start, start.time + trial.circulation.period, STEP):
        left = moment.loop.volume.lv
        out = moment.loop.outflow.lv * STEP / full
        if opened and out < CLOSED:
            break
        opened = opened or out > OPEN
    return full, left


__all__ = ["ejection", "fitted_bridges", "personal_calcium", "resting_stretch"]
