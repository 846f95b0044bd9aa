"""`report.html`: one page for a cardiologist and an engineer, complete without any network."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from cardiotwin.imaging.examination import Phase
from cardiotwin.twin.json_record import agreement_record, geometry_record, subject_record
from cardiotwin.twin.twin import Twin
from cardiotwin.units import ML, MM, MMHG
from cardiotwin.viz.digits import brief, plus_minus
from cardiotwin.viz.parameters import shown_unit
from cardiotwin.viz.theme import spoken

CAPTIONS = {
    "slices.png": "Drawn contours and the model's, end-diastole. Short axis from the apex, "
    "anterior on top, septum on the left.",
    "slices_end_systole.png": "Drawn contours and the model's, end-systole.",
    "strain.png": "The opened wall, seen from the free wall.",
    "segments.png": "Means over the 17 segments of the American Heart Association.",
    "pressure_volume.png": "Model states, passive curve, and measurements with one standard "
    "deviation.",
    "fibres.png": "Fibres by rule; they are assumed, not measured.",
    "parameters.png": "Belief before and after the measurements.",
}

STYLE = """
:root{--ink:#1a1a1a;--soft:#5c6670;--line:#dfe3e8;--ground:#f6f7f9;--accent:#0072b2;--warn:#d55e00}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,
"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;margin:0 0 2px}h2{font-size:18px;margin:34px 0 10px}
p.sub{color:var(--soft);margin:0 0 20px}
section,.card{background:#fff;border:1px solid var(--line);border-radius:8px;padding:16px 18px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px}
.card b{display:block;font-size:22px;line-height:1.25}.card span{color:var(--soft);font-size:13px}
.flags{border-left:5px solid var(--warn)}.flags ul{margin:0;padding-left:20px}
.calm{border-left:5px solid #009e73}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:6px 12px 6px 0;border-bottom:1px solid var(--line);
vertical-align:top}
th{font-weight:600;color:var(--soft);font-size:13px}td.n,th.n{text-align:right}
td.hash{font:12px/1.6 ui-monospace,"DejaVu Sans Mono",monospace;word-break:break-all}
.wide{overflow-x:auto}figure{margin:14px 0;background:#fff;border:1px solid var(--line);
border-radius:8px;padding:12px}
figure img,figure video{display:block;max-width:100%;height:auto;margin:0 auto}
figcaption{color:var(--soft);font-size:13px;margin-top:8px;text-align:center}
details{margin-top:10px}summary{cursor:pointer;color:var(--accent)}
@media print{body{background:#fff}figure,section,.card{break-inside:avoid}}
"""


def report_page(twin: Twin, pictures: Sequence[Path]) -> str:
    """Return the page with its pictures inside."""
    identifier = escape(twin.subject.identifier)
    parts = [
        f"<h1>Digital twin of the left ventricle: {identifier}</h1>",
        f"<p class='sub'>{_who(twin)}</p>",
        _flags(twin),
        "<h2>The heart</h2>",
        _cards(twin),
        *_named(pictures, ("slices.png", "slices_end_systole.png")),
        "<h2>Measured and model</h2>",
        _fit(twin),
        _checks(twin),
        *_named(pictures, ("pressure_volume.png",)),
        "<h2>Parameters</h2>",
        _parameters(twin),
        *_named(pictures, ("parameters.png",)),
        "<h2>Deformation</h2>",
        *_named(pictures, ("strain.png", "segments.png", "beat.mp4")),
        "<h2>Fibres and mesh</h2>",
        *_named(pictures, ("fibres.png",)),
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
    )
    cards = [(whole[key], words, unit) for key, words, unit in shown if key in whole]
    unloaded = twin.states.get("unloaded")
    if unloaded is not None:
        cards.append((unloaded.cavity_volume / ML, "unloaded volume", "mL"))
    for name in ("end_diastole", "end_systole"):
        if name in twin.states:
            pressure = twin.states[name].cavity_pressure / MMHG
            cards.append((pressure, f"pressure, {spoken(name)}", "mmHg"))
    inner = "".join(
        f"<div class='card'><b>{brief(value)} {unit}</b><span>{escape(words)}</span></div>"
        for value, words, unit in cards
    )
    return f"<div class='cards'>{inner}</div>"


def _fit(twin: Twin) -> str:
    rows = []
    for name, one in twin.fit.items():
        record = agreement_record(one)
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
    heads = ("measurement", "measured ± sd", "model", "unit", "difference", "source")
    return _table(heads, rows, numbers=(1, 2, 4))


def _checks(twin: Twin) -> str:
    """Return lengths that the fit was not asked for, with a sentence on each kind."""
    if not twin.checks:
        return ""
    rows = [(spoken(name), brief(length / MM), "mm") for name, length in twin.checks.items()]
    note = (
        "<p>Not fitted: what inflating the unloaded wall misses of the imaged one, and how far "
        "the predicted end-systole is from the measured one, node by node. Contours do not show "
        "how the wall turns about its axis, so the model's twist counts as error there.</p>"
    )
    return note + _table(("check", "length", "unit"), rows, numbers=(1,))


def _parameters(twin: Twin) -> str:
    rows = []
    for name, one in twin.parameters.items():
        scale, unit = shown_unit(name, one.unit)
        number = plus_minus(one.value / scale, one.sd / scale)
        rows.append((spoken(name), number, unit, one.prior))
    return _table(("parameter", "estimate ± sd", "unit", "prior"), rows, numbers=(1,))


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
    return f"<p>{size}.</p>" + _table(heads, rows, numbers=())


def _percent(model: float, drawn: float) -> str:
    return f"{round(100 * (model / drawn - 1), 1) + 0.0:+.1f} %" if drawn else "n/a"


def _origin(twin: Twin) -> str:
    timing = [(spoken(stage), f"{seconds:.1f} s") for stage, seconds in twin.timing.items()]
    if timing:
        timing.append(("together", f"{sum(twin.timing.values()):.1f} s"))
    software = list(twin.software.items())
    parts = [
        _table(("stage", "time"), timing, numbers=(1,)),
        _fold("Software", _table(("package", "version"), software, numbers=())),
        _fold("Files read", _inputs(twin.inputs)),
        f"<p>Seed of the posterior's draws: {twin.seed}.</p>",
    ]
    return f"<section>{''.join(parts)}</section>"


def _inputs(inputs: Mapping[str, str]) -> str:
    rows = "".join(
        f"<tr><td>{escape(path)}</td><td class='hash'>{escape(digest)}</td></tr>"
        for path, digest in inputs.items()
    )
    return f"<table><tr><th>file</th><th>SHA-256</th></tr>{rows}</table>" if rows else ""


def _fold(title: str, inside: str) -> str:
    return f"<details><summary>{title}</summary>{inside}</details>" if inside else ""


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: tuple[int, ...]
) -> str:
    """Return a table, its columns `numbers` to the right; nothing without rows."""

    def line(tag: str, cells: Sequence[str]) -> str:
        marks = [" class='n'" if k in numbers else "" for k in range(len(cells))]
        inner = (
            f"<{tag}{mark}>{escape(cell)}</{tag}>" for mark, cell in zip(marks, cells, strict=True)
        )
        return f"<tr>{''.join(inner)}</tr>"

    body = "".join(line("td", row) for row in rows)
    return f"<div class='wide'><table>{line('th', heads)}{body}</table></div>" if body else ""


def _named(pictures: Sequence[Path], names: Sequence[str]) -> list[str]:
    return [_figure(path) for name in names for path in pictures if path.name == name]


def _figure(path: Path) -> str:
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    caption = escape(CAPTIONS.get(path.name, ""))
    if path.suffix == ".mp4":
        source = f"data:video/mp4;base64,{content}"
        return (
            f"<figure><video controls loop muted playsinline src='{source}'></video><figcaption>"
            "End-diastole to end-systole, linear between two model states.</figcaption></figure>"
        )
    return (
        f"<figure><img alt='{caption}' src='data:image/png;base64,{content}'>"
        f"<figcaption>{caption}</figcaption></figure>"
    )


__all__ = ["report_page"]
