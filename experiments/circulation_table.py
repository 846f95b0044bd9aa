"""Fits of `circulation_fit.py`, told as one table.

`python experiments/circulation_table.py folder=outputs`: reads each `result.json` below it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiment import run

CHANNELS = {
    "lv_pressure": ("LV", "mmhg"),
    "aortic_pressure": ("aorta", "mmhg"),
    "lv_volume": ("volume", "ml"),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    folder: str = "outputs"
    output: str = "outputs/circulation_table"


def row(known: Mapping[str, Any]) -> str:
    """Return a fit's line."""
    config = known["config"]
    cells = [config["animal"], config["state"], config["structure"]]
    for name, (_, unit) in CHANNELS.items():
        residual = known.get(f"{name}_residual_{unit}")
        if residual is None:
            cells.append("")
            continue
        noise, ratio = known[f"{name}_noise_{unit}"], known[f"{name}_residual_by_noise"]
        cells.append(f"{residual:.2f} / {noise:.2f} = {ratio:.2f}")
    evidence = known.get("log_evidence_nats")
    cells.append("" if evidence is None else f"{evidence:.0f}")
    cells.append(", ".join(flag.replace("_", " ") for flag in known["flags"]))
    return "| " + " | ".join(cells) + " |"


def table(options: Options) -> Mapping[str, Any]:
    """Print the table."""
    found = [json.loads(path.read_text()) for path in Path(options.folder).rglob("result.json")]
    fits = [one for one in found if "structure" in one.get("config", {}) and "flags" in one]
    fits.sort(key=lambda one: (one["config"]["animal"], one["config"]["state"]))
    heads = ["animal", "state", "structure"]
    heads += [f"{word}, {unit.replace('mmhg', 'mmHg')}" for word, unit in CHANNELS.values()]
    heads += ["ln evidence", "flags"]
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for one in fits:
        print(row(one))
    ratios = [one[key] for one in fits for key in one if key.endswith("_residual_by_noise")]
    return {"fits": len(fits), "channels": len(ratios), "within": sum(r <= 1.5 for r in ratios)}


if __name__ == "__main__":
    run(Options, table)
