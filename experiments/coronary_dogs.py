"""Five dogs with a narrowed artery: pressures, flow probe and microspheres, state by state."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.measurement.pressure_trace import (
    COLUMNS,
    PER_MINUTE,
    BeatTrace,
    read_beat_trace,
)
from cardiotwin.perfusion.coronary import PER_MINUTE as ML_MIN_G
from cardiotwin.perfusion.coronary import Drive
from cardiotwin.units import MMHG

STATES = ("baseline", "mild_sten", "mild_sten_dob", "mod_sten", "mod_sten_dob")
RUN_OFF = 0.33  # an aorta's fall through diastole, by its peak, where it was not measured
SYSTOLE = 0.4  # of the beat, of a ventricle that was not measured
Course = Float[np.ndarray, " frames"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One animal in one state."""

    drive: Drive
    probe: Course  # m^3/s, at the drive's times
    microspheres: float  # m^3/(s kg)
    filled: str  # the pressure that was not measured, empty where both were

    @property
    def work(self) -> float:
        """Return heart rate times systolic pressure, Pa/s."""
        return float(self.drive.lv_pressure.max()) / self.drive.period


@cache
def load(folder: Path, animal: str, state: str) -> Case:
    """Return a case; a pressure that is bad or missing is made from the other one."""
    path = folder / f"{animal}_{state}.csv"
    if not path.is_file():
        msg = f"animal and state must have a table, found no {path.name} in {folder}. Name others."
        raise InputError(msg)
    trace = read_beat_trace(path)
    with (folder / f"{animal}_microsphere.csv").open(newline="") as file:
        text = next(csv.DictReader(file)).get(f"{state} ischemic flow [ml/min/g]") or "nan"
    pressures = dict(trace.channels)
    if has_flag(trace, "aortic_pressure_mislabelled"):
        with path.open(newline="") as file:
            column = [float(row[COLUMNS["aortic_pressure"]]) for row in csv.DictReader(file)]
        pressures["lv_pressure"] = MMHG * np.array(column)
    drive, filled = completed(trace, pressures)
    probe = trace.channels["coronary_flow"]
    if not has_flag(trace, "coronary_flow_unit"):  # a unit is the animal's, however little flows
        base = read_beat_trace(folder / f"{animal}_baseline.csv")
        probe = probe * PER_MINUTE if has_flag(base, "coronary_flow_unit") else probe
    return Case(
        drive=drive,
        probe=probe,
        microspheres=float(text) * ML_MIN_G,
        filled=filled,
    )


def has_flag(trace: BeatTrace, name: str) -> bool:
    """Return whether a beat carries a flag."""
    return name in {flag.name for flag in trace.flags}


def completed(trace: BeatTrace, pressures: Mapping[str, Course]) -> tuple[Drive, str]:
    """Return both pressures, and which of them was made from the other."""
    aorta, ventricle = pressures.get("aortic_pressure"), pressures.get("lv_pressure")
    filled = ""
    if aorta is None and ventricle is not None:
        filled, after = "aortic_pressure", 1 - RUN_OFF * np.linspace(0, 1, len(ventricle))
        start = int(np.argmax(ventricle))
        aorta = np.maximum(ventricle, ventricle.max() * np.roll(after, start))
    elif ventricle is None and aorta is not None:
        filled, phase = "lv_pressure", np.linspace(0, 1, len(aorta)) / SYSTOLE
        ventricle = aorta.max() * np.where(phase < 1, np.sin(np.pi * np.minimum(phase, 1)), 0.05)
    if aorta is None or ventricle is None:
        msg = "A beat must have one of aortic and LV pressure, found neither. Leave it out."
        raise InputError(msg)
    drive = Drive(aortic_pressure=aorta, lv_pressure=ventricle, period=trace.period)
    return drive, filled
