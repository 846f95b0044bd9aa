"""The report's part on function: the numbers as images give them, and by which convention."""

from html import escape

from cardiotwin.measurement.healthy import HEALTHY
from cardiotwin.twin.function_record import CONVENTIONS, function_record
from cardiotwin.twin.twin import Twin
from cardiotwin.viz.digits import brief, plus_minus
from cardiotwin.viz.html import fold, table

READINGS = ("material", "image_plane", "measured")
STRAINS = {
    "gls_percent": ("global longitudinal strain, mid-wall", "%"),
    "gcs_percent": ("global circumferential strain, mid-wall", "%"),
    "grs_percent": ("global radial strain, wall thickening", "%"),
    "gls_endocardium_percent": ("longitudinal, endocardium", "%"),
    "gcs_endocardium_percent": ("circumferential, endocardium", "%"),
    "gls_epicardium_percent": ("longitudinal, epicardium", "%"),
    "gcs_epicardium_percent": ("circumferential, epicardium", "%"),
    "twist_deg": ("twist, mid-wall", "°"),
    "torsion_endocardium_deg": ("torsion, endocardium", "°"),
    "torsion_epicardium_deg": ("torsion, epicardium", "°"),
    "torsion_deg_per_cm": ("twist per length, mid-wall", "°/cm"),
}
PUMP = {
    "ejection_fraction_percent": ("ejection fraction", "%"),
    "stroke_volume_ml": ("stroke volume", "mL"),
    "cardiac_output_l_min": ("cardiac output", "L/min"),
    "peak_pressure_mmhg": ("highest pressure among the states", "mmHg"),
    "dpdt_max_mmhg_per_s": ("steepest pressure rise", "mmHg/s"),
    "dpdt_min_mmhg_per_s": ("steepest pressure fall", "mmHg/s"),
    "stroke_work_j": ("stroke work", "J"),
    "mapse_mm": ("descent of the mitral annulus, mean of four sites", "mm"),
    "mapse_septal_mm": ("descent, septal", "mm"),
    "mapse_lateral_mm": ("descent, lateral", "mm"),
    "long_axis_shortening_percent": ("shortening of the long axis", "%"),
    "sphericity_ed": ("sphericity, end-diastole", ""),
    "sphericity_es": ("sphericity, end-systole", ""),
}


def function_section(twin: Twin) -> str:
    """Return the tables of strain and pump function; nothing for a twin that does not beat."""
    if twin.function is None:
        return ""
    record = function_record(twin.function)
    rows = []
    for key, (words, unit) in STRAINS.items():
        values = [record.get(reading, {"global": {}})["global"].get(key) for reading in READINGS]
        healthy = HEALTHY.get(key)
        known = "" if healthy is None else plus_minus(healthy.mean, healthy.sd)
        numbers = ["" if value is None else brief(value) for value in values]
        rows.append((words, *numbers, unit, known, "" if healthy is None else healthy.source))
    heads = (
        "at end-systole",
        "model, material",
        "model, fixed plane",
        "imaged, fixed plane",
        "unit",
        "healthy ± sd",
        "source",
    )
    pump = [
        (words, brief(record[key]), unit) for key, (words, unit) in PUMP.items() if key in record
    ]
    if "stroke_work_j" not in record:
        note = "<p>Work and slopes of pressure need a whole beat, which this twin has not.</p>"
    else:
        note = ""
    words = "".join(f"<li><b>{escape(k)}</b>: {escape(v)}.</li>" for k, v in CONVENTIONS.items())
    return (
        "<h2>Function as images show it</h2>"
        + table(heads, rows, numbers=(1, 2, 3, 5))
        + table(("pump", "model", "unit"), pump, numbers=(1,))
        + note
        + fold("Conventions", f"<ul>{words}</ul>")
    )


__all__ = ["function_section"]
