"""`report.html`: one page for a cardiologist and an engineer, complete without any network."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from cardiotwin.imaging.examination import Phase
from cardiotwin.twin.clinical import clinical_unit
from cardiotwin.twin.json_record import agreement_record, geometry_record, subject_record
from cardiotwin.twin.twin import Twin
from cardiotwin.units import ML, MM, MMHG
from cardiotwin.viz.digits import brief, plus_minus
from cardiotwin.viz.function_page import function_section
from cardiotwin.viz.html import STYLE, figures, fold, table
from cardiotwin.viz.pressure_volume import is_assumed
from cardiotwin.viz.theme import spoken

_CHECKS = {
    "unloading_return_p95": "unloaded wall inflated again, 95th percentile of the distance",
    "end_systolic_displacement_measured_mean": "measured end-systolic displacement, mean",
    "end_systolic_displacement_error_mean": "error of the predicted displacement, mean",
    "end_systolic_displacement_error_p95": "error of the predicted displacement, 95th percentile",
    "end_systolic_displacement_error_without_shift_mean": (
        "error of the predicted displacement, mean, without the shift that all nodes share"
    ),
}
SHORTEST = 1e-6  # m that the page tells apart from nothing


def report_page(twin: Twin, pictures: Sequence[Path], truth: Mapping[str, float]) -> str:
    """Return the page with its pictures inside, and the twin's errors where the truth is known."""
    identifier = escape(twin.subject.identifier)
    parts = [
        f"<h1>Digital twin of {_whose(twin)}: {identifier}</h1>",
        f"<p class='sub'>{_who(twin)}</p>",
        _flags(twin),
        "<h2>The heart</h2>",
        _cards(twin),
        *figures(pictures, ("slices.png", "slices_end_systole.png")),
        "<h2>Measured and model</h2>",
        _fit(twin),
        _checks(twin),
        *figures(pictures, ("pressure_volume.png",)),
        "<h2>Parameters</h2>",
        _parameters(twin),
        *figures(pictures, ("parameters.png",)),
        _recovery(twin, truth),
        "<h2>Deformation</h2>",
        *figures(pictures, ("strain.png", "segments.png", "beat.mp4")),
        function_section(twin),
        *figures(pictures, ("function.png", "segments_strain.png", "views.png")),
        "<h2>Fibres and mesh</h2>",
        *figures(pictures, ("fibres.png",)),
        _mesh(twin),
        "<h2>How it was made</h2>",
        _origin(twin),
    ]
    return (
        "<!doctype html>\n<html lang='en-GB'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Twin of {identifier}</title><style>{STYLE}</style></head><body><main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def _whose(twin: Twin) -> str:
    return "the left ventricle" if twin.right is None else "both ventricles"


def _who(twin: Twin) -> str:
    labels = {
        "age": "{} years",
        "sex": "{}",
        "height_cm": "{} cm",
        "mass_kg": "{} kg",
        "heart_rate_bpm": "{} beats/min",
    }
    known = subject_record(twin.subject)
    words = [
        label.format(brief(known[key]) if isinstance(known[key], float) else known[key])
        for key, label in labels.items()
        if key in known
    ]
    if {"cuff_systolic_mmhg", "cuff_diastolic_mmhg"} <= known.keys():
        high, low = known["cuff_systolic_mmhg"], known["cuff_diastolic_mmhg"]
        words.append(f"cuff {high:.0f}/{low:.0f} mmHg")
    passive = Phase.END_SYSTOLE not in twin.fits
    words.append("passive twin, end-diastole only" if passive else "end-diastole and end-systole")
    return escape(" · ".join(words)) + ". A research result, not for diagnosis."


def _flags(twin: Twin) -> str:
    if not twin.flags:
        return "<section class='calm'>No remarks: nothing was assumed or missing.</section>"
    items = "".join(
        f"<li><b>{escape(spoken(flag.name))}</b>: {escape(flag.sentence)}</li>"
        for flag in twin.flags
    )
    return f"<section class='flags'><b>Know this first</b><ul>{items}</ul></section>"


def _cards(twin: Twin) -> str:
    whole = geometry_record(twin)["whole"]
    shown = (
        ("edv_ml", "end-diastolic volume", "mL"),
        ("esv_ml", "end-systolic volume", "mL"),
        ("stroke_volume_ml", "stroke volume", "mL"),
        ("ejection_fraction_percent", "ejection fraction", "%"),
        ("wall_ed_ml", "wall volume", "mL"),
        ("rv_edv_ml", "RV, end-diastolic volume", "mL"),
        ("rv_wall_ed_ml", "RV, wall volume", "mL"),
    )
    cards = [(whole[key], words, unit) for key, words, unit in shown if key in whole]
    unloaded = twin.states.get("unloaded")
    if unloaded is not None:
        cards.append((unloaded.cavity_volume / ML, "unloaded volume", "mL"))
    for name in ("end_diastole", "end_systole"):
        if name in twin.states:
            pressure = twin.states[name].cavity_pressure / MMHG
            cards.append((pressure, f"pressure, {spoken(name)}", "mmHg"))
            right = twin.states[name].right
            if right is not None:
                cards.append((right.cavity_pressure / MMHG, f"RV, {spoken(name)}", "mmHg"))
    inner = "".join(
        f"<div class='card'><b>{brief(value)} {unit}</b><span>{escape(words)}</span></div>"
        for value, words, unit in cards
    )
    return f"<div class='cards'>{inner}</div>"


def _fit(twin: Twin) -> str:
    rows = []
    for name, one in twin.fit.items():
        record = agreement_record(name, one)
        away = record["residual_in_sd"]
        rows.append(
            (
                spoken(name),
                plus_minus(record["measured"], record["sd"]),
                brief(record["model"]),
                record["unit"] if record["unit"] != "1" else "",
                "n/a" if away is None else f"{away:+.2f} sd",
                one.source,
            )
        )
    assumed = any(map(is_assumed, twin.fit.values()))
    words = "measured or assumed ± sd" if assumed else "measured ± sd"
    heads = ("quantity", words, "model", "unit", "difference", "source")
    return table(heads, rows, numbers=(1, 2, 4))


def _checks(twin: Twin) -> str:
    """Return lengths that the fit was not asked for, with a sentence on each kind."""
    if not twin.checks:
        return ""
    rows = [
        (
            _CHECKS[name],
            brief(length / MM) if length >= SHORTEST else f"< {SHORTEST / MM:g}",
            "mm",
        )
        for name, length in twin.checks.items()
    ]
    note = (
        "<p>Not fitted: what inflating the unloaded wall misses of the imaged one, and how far "
        "the predicted end-systole is from the measured one, node by node. Contours do not show "
        "how the wall turns about its axis, so the model's twist counts as error there.</p>"
    )
    return note + table(("check", "length", "unit"), rows, numbers=(1,))


def _parameters(twin: Twin) -> str:
    rows = []
    for name, one in twin.parameters.items():
        scale, unit = _unit(name, one.unit)
        number = plus_minus(one.value / scale, one.sd / scale)
        rows.append((spoken(name), number, unit, one.prior))
    return table(("parameter", "estimate ± sd", "unit", "prior"), rows, numbers=(1,))


def _unit(name: str, unit: str) -> tuple[float, str]:
    scale, words = clinical_unit(name, unit)
    return scale, "" if words == "1" else words


def _recovery(twin: Twin, truth: Mapping[str, float]) -> str:
    """Return the errors of measurements and parameters of a heart whose truth is known."""
    found = {
        name: ("assumed" if is_assumed(one) else "measured", one.measured, one.sd, one.unit)
        for name, one in twin.fit.items()
        if not one.source.startswith("Klotz")
    }
    estimated = {
        name: ("estimated", one.value, one.sd, one.unit)
        for name, one in twin.parameters.items()
        if name not in found
    }
    rows = []
    for name, (kind, value, sd, si) in (found | estimated).items():
        if name in truth:
            scale, unit = _unit(name, si)
            rows.append(
                (
                    spoken(name),
                    kind,
                    brief(truth[name] / scale),
                    plus_minus(value / scale, sd / scale),
                    unit,
                    _percent(value, truth[name]),
                    f"{(value - truth[name]) / sd:+.2f} sd" if sd > 0 else "n/a",
                )
            )
    if not rows:
        return ""
    note = (
        "<p>This heart's truth is known. A parameter inherits the errors of the measurements that "
        "it was fitted to, so these come first.</p>"
    )
    heads = ("quantity", "", "truth", "found ± sd", "unit", "error", "error in sd")
    return "<h2>Against the known truth</h2>" + note + table(heads, rows, numbers=(2, 3, 5, 6))


def _mesh(twin: Twin) -> str:
    mesh = geometry_record(twin)
    rows: list[Sequence[str]] = []
    for phase, record in mesh["mesh"]["phases"].items():
        fit = twin.fits[Phase(phase)]
        rows.append(
            (
                spoken(phase),
                str(record["inverted"]),
                f"{record['dihedral_min_deg']:.1f}°",
                f"{record['surface_distance_mm']:.2f} mm",
                f"{record['dice_cavity']:.3f} / {record['dice_wall']:.3f}",
                _percent(fit.model_cavity, fit.measured_cavity),
                _percent(fit.model_wall, fit.measured_wall),
                twin.base_rule.get(Phase(phase), "n/a"),
            )
        )
    heads = (
        "phase",
        "inverted cells",
        "smallest dihedral",
        "surface distance",
        "Dice cavity / wall",
        "cavity against drawing",
        "wall against drawing",
        "base",
    )
    size = f"{len(twin.mesh.cells)} quadratic tetrahedra, {len(twin.mesh.points)} nodes"
    return f"<p>{size}.</p>" + table(heads, rows, numbers=())


def _percent(model: float, drawn: float) -> str:
    return f"{round(100 * (model / drawn - 1), 1) + 0.0:+.1f} %" if drawn else "n/a"


def _origin(twin: Twin) -> str:
    timing = [(spoken(stage), f"{seconds:.1f} s") for stage, seconds in twin.timing.items()]
    if timing:
        timing.append(("together", f"{sum(twin.timing.values()):.1f} s"))
    software = list(twin.software.items())
    parts = [
        table(("stage", "time"), timing, numbers=(1,)),
        fold("Software", table(("package", "version"), software, numbers=())),
        fold("Files read", _inputs(twin.inputs)),
        f"<p>Seed of the posterior's draws: {twin.seed}.</p>",
    ]
    return f"<section>{''.join(parts)}</section>"


def _inputs(inputs: Mapping[str, str]) -> str:
    rows = "".join(
        f"<tr><td>{escape(path)}</td><td class='hash'>{escape(digest)}</td></tr>"
        for path, digest in inputs.items()
    )
    return f"<table><tr><th>file</th><th>SHA-256</th></tr>{rows}</table>" if rows else ""


__all__ = ["report_page"]
