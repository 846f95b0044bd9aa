"""The numbers of a whole beat, flat and with their units in the keys."""

from typing import Any

import numpy as np

from cardiotwin.circulation import Record, Stores
from cardiotwin.measurement.beat import pump_function
from cardiotwin.twin.function_record import PERCENT, function_record
from cardiotwin.twin.whole_beat import WholeBeat
from cardiotwin.units import KPA, ML, MMHG

MJ = 1e-3
READ = ("gls_percent", "gcs_percent", "grs_percent", "twist_deg", "torsion_deg_per_cm", "mapse_mm")


def beat_numbers(beat: WholeBeat, record: Record) -> dict[str, Any]:
    """Return pump, strain at end-systole, fibre stress and work; lists are by AHA segment."""
    function, at = beat.function, beat.function.end_systole
    told, material = function_record(function), function.material
    blood = record.volume.sum(axis=1)
    held = np.where(beat.segment_volume > 0, beat.segment_volume, np.nan)
    lists = {
        "segment_longitudinal_strain_percent": material.segment_longitudinal[at] / PERCENT,
        "segment_circumferential_strain_percent": material.segment_circumferential[at] / PERCENT,
        "segment_wall_thickening_percent": material.segment_radial[at] / PERCENT,
        "segment_peak_fibre_stress_kpa": function.fibre_stress.max(axis=0) / KPA,
        "segment_fibre_work_mj": beat.segment_fibre_work / MJ,
        "segment_fibre_work_mj_per_ml": beat.segment_fibre_work / held * ML / MJ,
    }
    return {
        **pump_numbers(record, "lv"),
        **right_numbers(beat, record),
        "end_systole_ms": beat.time[at] * 1e3,
        **{key: told[key] for key in READ},
        "image_gls_percent": told["image_plane"]["global"].get("gls_percent"),
        "image_gcs_percent": told["image_plane"]["global"].get("gcs_percent"),
        "image_grs_percent": told["image_plane"]["global"].get("grs_percent"),
        "long_axis_shortening_percent": told["long_axis_shortening_percent"],
        "fibre_work_j": beat.fibre_work,
        "fibre_work_mj_per_ml": beat.fibre_work / beat.states[0].wall_volume * ML / MJ,
        **{key: [_known(value) for value in values] for key, values in lists.items()},
        "blood_change": float(np.ptp(blood) / blood[0]),
    }


def pump_numbers(record: Record, chamber: str) -> dict[str, float]:
    """Return a ventricle's pump function, the right one's under ``rv_...``."""
    k = Stores._fields.index(chamber)
    time = record.time[:-1]
    pump = pump_function(
        record.volume[:-1, k],
        record.pressure[:-1, k],
        time=time,
        heart_rate=1 / float(np.ptp(record.time)),
    )
    prefix = "" if chamber == "lv" else f"{chamber}_"
    found = {
        "ef_percent": 100 * pump.ejection_fraction,
        "edv_ml": pump.end_diastolic_volume / ML,
        "esv_ml": pump.end_systolic_volume / ML,
        "peak_pressure_mmhg": pump.peak_pressure / MMHG,
        "dpdt_max_mmhg_per_s": (pump.dpdt_max or np.nan) / MMHG,
        "dpdt_min_mmhg_per_s": (pump.dpdt_min or np.nan) / MMHG,
        "stroke_work_j": pump.stroke_work or np.nan,
        "cardiac_output_l_min": (pump.cardiac_output or np.nan) * 60e3,
        "smallest_pressure_mmhg": float(record.pressure[:, k].min()) / MMHG,
    }
    return {f"{prefix}{key}": value for key, value in found.items()}


def right_numbers(beat: WholeBeat, record: Record) -> dict[str, float]:
    """Return the right ventricle's numbers, where the wall has one."""
    both = any(state.right is not None for state in beat.states)
    return pump_numbers(record, "rv") if both else {}


def _known(value: float) -> float | None:
    """Return a number for the record; None where a segment has none."""
    return round(float(value), 3) if np.isfinite(value) else None
