"""The pieces that the report is made of: style, tables, and pictures inside the page."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

CAPTIONS = {
    "slices.png": "Drawn contours and the model's, end-diastole. Short axis from base to "
    "apex, anterior on top, septum on the left.",
    "slices_end_systole.png": "Drawn contours and the model's, end-systole.",
    "strain.png": "The opened wall, seen from the free wall.",
    "segments.png": "Means over the 17 segments of the American Heart Association.",
    "function.png": "Global strain, torsion and rotation as images would give them.",
    "segments_strain.png": "Strain by segment: of the model's material, and in fixed planes.",
    "views.png": "The contours that strain was read from, in the planes planned at end-diastole.",
    "pressure_volume.png": "Model states, passive curve, and what was measured or assumed with "
    "one standard deviation.",
    "fibres.png": "Fibres by rule; they are assumed, not measured.",
    "parameters.png": "Belief before and after the measurements; logarithmic where the prior is.",
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


def fold(title: str, inside: str) -> str:
    """Return what a click unfolds; nothing without content."""
    return f"<details><summary>{title}</summary>{inside}</details>" if inside else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: tuple[int, ...]) -> str:
    """Return a table, its columns `numbers` to the right; nothing without rows."""

    def line(tag: str, cells: Sequence[str]) -> str:
        marks = [" class='n'" if k in numbers else "" for k in range(len(cells))]
        inner = (
            f"<{tag}{mark}>{escape(cell)}</{tag}>" for mark, cell in zip(marks, cells, strict=True)
        )
        return f"<tr>{''.join(inner)}</tr>"

    body = "".join(line("td", row) for row in rows)
    return f"<div class='wide'><table>{line('th', heads)}{body}</table></div>" if body else ""


def figures(pictures: Sequence[Path], names: Sequence[str]) -> list[str]:
    """Return the pictures of these names that are there, each with its caption."""
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


__all__ = ["STYLE", "figures", "fold", "table"]
