"""The part of `twin.json` that clinicians read: strains, torsion, thickening, work."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.measurement.beat import PumpFunction
from cardiotwin.measurement.reading import Reading
from cardiotwin.measurement.views import LAYERS, SLICES, VIEWS
from cardiotwin.twin.function import Function
from cardiotwin.units import KPA, ML, MM, MMHG

MIDWALL = LAYERS.index("midwall")
PERCENT, CM, MINUTE, LITRE = 1e-2, 1e-2, 60.0, 1e-3
DEGREE = np.pi / 180
HEADLINES = (
    "gls_percent",
    "gcs_percent",
    "grs_percent",
    "twist_deg",
    "torsion_deg",
    "torsion_deg_per_cm",
)
CONVENTIONS = {
    "end_systole": "of two states the smaller cavity; of a whole beat the first frame in which "
    "the ejection has ended (Voigt et al. 2015: the aortic valve's closure)",
    "strain": "engineering strain (L - L0) / L0 from end-diastole; gls, gcs, twist and torsion "
    "without a layer's name are those of the mid-wall, halfway between the contours",
    "segments": "AHA 1 to 17, strains of the mid-wall, null where a segment has none",
    "material": "contours drawn at end-diastole and followed with the tissue, lengths in space",
    "image_plane": "contours in planes fixed in space at end-diastole, through which the heart "
    "moves; rotation is that of tags laid at end-diastole",
    "measured": "the imaged surfaces of end-systole in the same fixed planes",
    "planes": "short axis at 3/4, 1/2 and 1/4 of the end-diastolic cavity's length; long axis "
    "through opposite basal segments 1-4, 2-5 and 3-6",
    "torsion": "twist (apical less basal slice, counter-clockwise seen from the apex) times mean "
    "end-diastolic radius over the slices' distance",
}


def function_record(function: Function) -> dict[str, Any]:
    """Return the numbers of a heart's function, clinical units in the keys."""
    at = function.end_systole
    readings = {
        "material": reading_record(function.material, at),
        "image_plane": reading_record(function.image, at),
    }
    if function.measured is not None:
        readings["measured"] = reading_record(function.measured, 0)
    return {
        "conventions": CONVENTIONS,
        "end_systole": function.states[at],
        **pump_record(function.pump),
        **shape_record(function),
        **{key: readings["material"]["global"][key] for key in HEADLINES},
        **readings,
        "fibre": fibre_record(function),
    }


def pump_record(pump: PumpFunction) -> dict[str, float]:
    """Return what is known of volumes, pressures and work."""
    found = {
        "edv_ml": _in(pump.end_diastolic_volume, ML),
        "esv_ml": _in(pump.end_systolic_volume, ML),
        "stroke_volume_ml": _in(pump.stroke_volume, ML),
        "ejection_fraction_percent": _in(pump.ejection_fraction, PERCENT),
        "cardiac_output_l_min": _in(pump.cardiac_output, LITRE / MINUTE),
        "peak_pressure_mmhg": _in(pump.peak_pressure, MMHG),
        "dpdt_max_mmhg_per_s": _in(pump.dpdt_max, MMHG),
        "dpdt_min_mmhg_per_s": _in(pump.dpdt_min, MMHG),
        "stroke_work_j": pump.stroke_work,
        "stroke_work_mmhg_ml": _in(pump.stroke_work, MMHG * ML),
    }
    return {key: value for key, value in found.items() if value is not None}


def shape_record(function: Function) -> dict[str, float]:
    """Return the base's descent and the cavity's length and roundness."""
    at = function.end_systole
    descent = function.annulus_descent[at] / MM
    two, _, four = range(len(VIEWS))
    length = function.cavity_length
    return {
        "mapse_mm": float(descent[[two, four]].mean()),
        "mapse_septal_mm": float(descent[four, 0]),
        "mapse_lateral_mm": float(descent[four, 1]),
        "mapse_anterior_mm": float(descent[two, 0]),
        "mapse_inferior_mm": float(descent[two, 1]),
        "long_axis_ed_mm": float(length[0] / MM),
        "long_axis_es_mm": float(length[at] / MM),
        "long_axis_shortening_percent": float((1 - length[at] / length[0]) / PERCENT),
        "sphericity_ed": float(function.sphericity[0]),
        "sphericity_es": float(function.sphericity[at]),
    }


def reading_record(reading: Reading, frame: int) -> dict[str, Any]:
    """Return one way of reading at one frame, without what it cannot know."""
    gls, gcs = (
        values[frame] / PERCENT
        for values in (reading.global_longitudinal, reading.global_circumferential)
    )
    twist, torsion, per_length = (
        values[frame]
        for values in (
            reading.twist / DEGREE,
            reading.torsion / DEGREE,
            reading.twist_per_length / DEGREE * CM,
        )
    )
    whole = {
        "gls_percent": float(gls[MIDWALL]),
        "gcs_percent": float(gcs[MIDWALL]),
        "grs_percent": float(reading.global_radial[frame] / PERCENT),
        "twist_deg": float(twist[MIDWALL]),
        "torsion_deg": float(torsion[MIDWALL]),
        "torsion_deg_per_cm": float(per_length[MIDWALL]),
    }
    for k, layer in enumerate(LAYERS):
        whole |= {
            f"gls_{layer}_percent": float(gls[k]),
            f"gcs_{layer}_percent": float(gcs[k]),
            f"torsion_{layer}_deg": float(torsion[k]),
        }
    by_layer = _named(LAYERS)
    return {
        "global": {key: value for key, value in whole.items() if math.isfinite(value)},
        "views": {
            view: {"longitudinal_strain_percent": by_layer(values / PERCENT)}
            for view, values in zip(VIEWS, reading.longitudinal[frame], strict=True)
        },
        "slices": {
            name: {
                "circumferential_strain_percent": by_layer(
                    reading.circumferential[frame, s] / PERCENT
                ),
                "radial_strain_percent": float(reading.radial[frame, s] / PERCENT),
                "rotation_deg": by_layer(reading.rotation[frame, s] / DEGREE),
            }
            for s, name in enumerate(SLICES)
        },
        "segments": {
            name: _list(values[frame] / PERCENT)
            for name, values in (
                ("longitudinal_strain_percent", reading.segment_longitudinal),
                ("circumferential_strain_percent", reading.segment_circumferential),
                ("wall_thickening_percent", reading.segment_radial),
            )
            if np.isfinite(values[frame]).any()
        },
    }


def fibre_record(function: Function) -> dict[str, Any]:
    """Return stress along the fibre by segment, and work where there is a whole beat."""
    record: dict[str, Any] = {
        "stress_kpa": {
            name: _list(values / KPA)
            for name, values in zip(function.states, function.fibre_stress, strict=True)
            if np.isfinite(values).any()
        }
    }
    if function.segment_fibre_work is not None:
        record["work_kj_per_m3"] = _list(function.segment_fibre_work / KPA)
    if function.work_index is not None:
        index = function.work_index / (MMHG * PERCENT)
        record["myocardial_work_index_mmhg_percent"] = _list(index)
    return record


def _in(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


def _named(names: tuple[str, ...]) -> Callable[[Float[np.ndarray, " n"]], dict[str, float]]:
    return lambda values: dict(zip(names, map(float, values), strict=True))


def _list(values: Float[np.ndarray, " n"]) -> list[float]:
    return [float(value) for value in values]


__all__ = ["CONVENTIONS", "function_record", "pump_record", "reading_record", "shape_record"]
