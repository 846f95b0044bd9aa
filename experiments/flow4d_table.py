"""All phantoms of 4D flow at several SNR beside the wavelet filter, into `docs/flow.md`.

`python experiments/flow4d_table.py path=folder [snrs=5,10,20]
[phantoms=womersley,stenosis,heart] [resume=1] [peers=folder] [output=folder]`; `path` holds a
cine's contours (`phantom=heart`). A case that `output` holds already is not run again unless
`resume=0`. The stenosis is seen once more through a background phase. The heart has a section of
its own, and a section without rows stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flow4d
from bench_page import write_section
from experiment import run
from flow4d_phantoms import FRAMES
from verification import Row, Solutions

PAGE = Path(__file__).resolve().parents[1] / "docs" / "flow.md"
HEADINGS = {False: "## 4D-flow phantoms", True: "## 4D flow of a measured ventricle"}
BACKGROUND = 0.5  # rad
ASKED = {  # percent
    "flow_rate": 2.0,
    "kinetic_energy": 5.0,
    "pressure_difference": 10.0,
    "poisson_pressure": 10.0,
}
HEAD = f"""What `flow4d_table.py` wrote: voxels of 2 mm, {FRAMES} frames, venc 1.1 of the fastest.
Velocity: root mean square over the voxels more than half full of blood; the others over the
frames, of the largest value; the filter is given the same voxels and the true share of blood.

| phantom | SNR | velocity, % of the fastest: retrieved | wavelet filter | phases \
| flow rate, % (filter) | kinetic energy, % (filter) | pressure, virtual work, % | Poisson, % \
| within 2 standard errors, % | CPU, s |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
"""


@dataclass(frozen=True, kw_only=True)
class Options:
    phantoms: str = "womersley,stenosis,heart"
    snrs: str = "5,10,20"
    path: str = ""
    resume: int = 1
    peers: str = "outputs/peers"
    output: str = "outputs/flow4d_table"


def table(options: Options) -> Mapping[str, Any]:
    """Return the numbers of all cases; write the table."""
    known = Solutions(Path(options.output), resume=options.resume > 0)
    rows: dict[str, Row] = {}
    for phantom in options.phantoms.split(","):
        path = options.path if phantom == "heart" else ""
        cases = [(float(snr), 0.0) for snr in options.snrs.split(",")]
        if phantom == "stenosis":
            cases.insert(2, (10.0, BACKGROUND))
        for snr, background in cases:
            name = f"{phantom} | {snr:g}" if not background else f"{phantom}, background | {snr:g}"
            rows[name] = known.of(
                flow4d,
                phantom=phantom,
                snr=snr,
                background_rad=background,
                path=path,
                peers=options.peers,
            )
            print(name, rows[name], flush=True)
            _write(rows)
    return {
        f"{name.replace(' | ', '_').replace(', ', '_')}_{key}": value
        for name, row in rows.items()
        for key, value in row.items()
    }


def _write(rows: Mapping[str, Row]) -> None:
    """Write the sections that have rows."""
    for of_heart, heading in HEADINGS.items():
        own = {name: row for name, row in rows.items() if name.startswith("heart") == of_heart}
        if own:
            text = HEAD + "".join(_line(name, row) for name, row in own.items()) + _said(own)
            write_section(heading, text, PAGE)


def _line(name: str, row: Row) -> str:
    """Return a phantom's row."""
    flow, energy = (
        f"{row[f'{key}_error_percent']:.1f} ({row[f'peer_{key}_error_percent']:.1f})"
        for key in ("flow_rate", "kinetic_energy")
    )
    work = f"{row['pressure_difference_error_percent']:.1f}" if "heart" not in name else ""
    cells = [
        name,
        *(
            f"{row[key]:.1f}"
            for key in (
                "error_percent_vmax",
                "peer_error_percent_vmax",
                "phase_error_percent_vmax",
            )
        ),
        flow,
        energy,
        work,
        f"{row['poisson_pressure_error_percent']:.1f}",
        f"{row['within_two_standard_errors_percent']:.0f}",
        f"{row['cpu_s']:.0f}",
    ]
    return f"| {' | '.join(cells)} |\n"


def _said(rows: Mapping[str, Row]) -> str:
    """Return what the rows reach of what is asked, and what they flag."""
    worst = {key: max(row[f"{key}_error_percent"] for row in rows.values()) for key in ASKED}
    parts = [
        f"{key.replace('_', ' ')} {v:.1f} % ({ASKED[key]:g} asked)" for key, v in worst.items()
    ]
    beaten = sum(r["error_percent_vmax"] < r["peer_error_percent_vmax"] for r in rows.values())
    flags = sorted({flag for row in rows.values() for flag in row["flags"]})
    said = f"\nBelow the filter's velocity error in {beaten} of {len(rows)} cases; the worst "
    said += f"errors are: {', '.join(parts)}."
    return said + "".join(f" Flag: {flag}" for flag in flags) + "\n"


if __name__ == "__main__":
    run(Options, table)
