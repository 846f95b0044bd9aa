"""The coronary arteries in a whole beat: numbers with their units in the keys, and a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cardiotwin.coupling import Course
from cardiotwin.coupling.coronaries import ARTERIES, LV, Coronary
from cardiotwin.coupling.coronary_step import bed_volumes
from cardiotwin.perfusion.coronary_bed import PER_MINUTE
from cardiotwin.units import ML, MMHG
from cardiotwin.viz import theme

EJECTING = 0.5  # of the ventricle's peak pressure
ML_MIN = ML / 60
SIDES = ("left", "right")


def coronary_numbers(course: Course, arteries: Sequence[Coronary]) -> dict[str, Any]:
    """Return both arteries' flows, and how all blood changes within the beat; none without."""
    if not arteries:
        return {}
    record = course.record
    steps = np.diff(record.time)
    flows = np.array([at.flows for at in course.perfused])[1:]
    taken = steps @ flows[:, :, 0]  # m^3 in the beat
    held = np.array([bed_volumes(arteries, at.beds) for at in course.perfused])
    blood = record.volume.sum(axis=1) + held.sum(axis=1)
    lv = record.pressure[1:, LV]
    filling = lv < EJECTING * lv.max()
    ejected = steps @ record.outflow[1:, LV]
    found: dict[str, Any] = {}
    for i, (side, own) in enumerate(zip(SIDES, arteries, strict=True)):
        inflow, layers = flows[:, i, 0], course.layers()[i]
        found |= {
            f"{side}_coronary_ml_min": taken[i] / steps.sum() / ML_MIN,
            f"{side}_coronary_ml_min_g": taken[i] / steps.sum() / own.mass / PER_MINUTE,
            f"{side}_coronary_diastole_percent": 100
            * float((steps * inflow)[filling].sum() / taken[i]),
            f"{side}_coronary_least_ml_min": float(inflow.min()) / ML_MIN,
            f"{side}_coronary_endo_epi": float(layers[-1] / layers[0]),
            f"{side}_coronary_not_repeated": float(abs(held[-1, i] - held[0, i]) / taken[i]),
        }
    return found | {
        "coronary_share_of_output_percent": 100 * float(taken.sum() / ejected),
        "aortic_mean_mmhg": float(steps @ record.pressure[1:, ARTERIES] / steps.sum() / MMHG),
        "blood_change": float(np.ptp(blood) / blood[0]),
    }


def draw_coronaries(course: Course, arteries: Sequence[Coronary], path: Path) -> None:
    """Draw pressures, both arteries' flows and what their beds hold, over the beat."""
    record = course.record
    moment = 1e3 * (record.time - record.time[0])
    flows = np.array([at.flows for at in course.perfused])[1:] / ML_MIN
    held = np.array([bed_volumes(arteries, at.beds) for at in course.perfused]) / ML
    with theme.figure(7.2, 6.6) as figure:
        pressure, flow, blood = figure.subplots(3, 1, sharex=True)
        for store, name in ((LV, "left ventricle"), (ARTERIES, "aorta")):
            pressure.plot(moment, record.pressure[:, store] / MMHG, label=name)
        for i, colour in enumerate((theme.BLUE, theme.ORANGE)):
            flow.plot(
                moment[1:], flows[:, i, 0], color=colour, label=f"into the {SIDES[i]} artery"
            )
            flow.plot(moment[1:], flows[:, i, 1], ":", color=colour, label="into the atrium")
            blood.plot(moment, held[:, i], color=colour, label=f"{SIDES[i]} bed")
        flow.axhline(0, color=theme.PALE, linewidth=0.8)
        for plot, label in ((pressure, "mmHg"), (flow, "mL/min"), (blood, "mL of blood")):
            plot.set_ylabel(label)
            plot.legend(loc="best", fontsize="small", ncols=2)
        blood.set_xlabel("time after end-diastole, ms")
        figure.tight_layout()
        theme.save(figure, path)


__all__ = ["coronary_numbers", "draw_coronaries"]
