"""D, D* and f of OSIPI's tissues at each noise level, beside the published fits of 19 algorithms.

`python experiments/ivim_osipi.py [data=folder] output=folder`. The signal of each tissue of
`reference_fits.csv` (OSIPI TF2.4, Apache-2.0) at the 18 b-values of `generic.json`, with the noise
of the SNR, is fitted 300 times, as theirs were. Compared is the root mean square error with that
of each algorithm: a rank of 0 is below all, 1 above all. Tissues with f of 0 or 1 have no D* or D
to be found and are left out. Voxels that are not fitted count as not found; their share is told.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from experiment import DATA, run

from cardiotwin.imaging.retrieval import fit
from cardiotwin.imaging.signal import ivim

MM2 = 1e-6  # m^2
NAMES = {"f": ("f", 1.0), "D": ("d", MM2), "Dp": ("d_star", MM2)}


@dataclass(frozen=True, kw_only=True)
class Options:
    data: str = str(DATA)
    repeats: int = 300
    seed: int = 0
    output: str = "outputs/ivim_osipi"


def published(folder: Path) -> Any:
    """Return the published fits of tissues that have both compartments, with their errors."""
    table = pd.read_csv(folder / "reference_fits.csv", index_col=0)
    table = table[(table.f > 0) & (table.f < 1)]
    for name in NAMES:
        table[f"{name}_rmse"] = np.hypot(table[f"{name}_mu"] - table[name], table[f"{name}_std"])
    return table


def errors(
    row: Any, b_values: Any, options: Options, rng: np.random.Generator
) -> dict[str, float]:
    """Return our root mean square errors in the table's units, and the share not fitted."""
    clean = ivim(row.D * MM2, row.Dp * MM2, row.f, b_values=torch.from_numpy(b_values)).numpy()
    noise = rng.normal(size=(options.repeats, len(b_values))) / row.SNR
    found = fit("ivim", clean + noise, b_values=b_values)
    numbers = {
        name: float(np.sqrt(np.nanmean((found.values[key] / unit - row[name]) ** 2)))
        for name, (key, unit) in NAMES.items()
    }
    return numbers | {"not_fitted": float(1 - found.fitted.mean())}


def compare(options: Options) -> Mapping[str, Any]:
    """Return where our errors lie among the published ones."""
    torch.set_num_threads(1)
    folder = Path(options.data) / "ivim"
    config = json.loads((folder / "generic.json").read_text(encoding="utf-8"))["config"]
    b_values = np.array(config["bvalues"]) / MM2
    rng, table = np.random.default_rng(options.seed), published(folder)
    lines = []
    for (region, snr), group in table.groupby(["Region", "SNR"]):
        ours = errors(group.iloc[0], b_values, options, rng)
        line = {"region": region, "snr": int(snr), "not_fitted": ours["not_fitted"]}
        for name in NAMES:
            theirs = group[f"{name}_rmse"].dropna()
            line |= {
                f"{name}_rank": float((theirs < ours[name]).mean()),
                f"{name}_over_median": ours[name] / float(theirs.median()),
                f"{name}_over_best": ours[name] / float(theirs.min()),
            }
        lines.append(line)
    rows = pd.DataFrame(lines)
    out = Path(options.output)
    out.mkdir(parents=True, exist_ok=True)
    rows.to_csv(out / "tissues.csv", index=False, float_format="%.4g")
    numbers: dict[str, Any] = {
        "n_tissues": int(rows.region.nunique()),
        "n_algorithms": int(table.Algorithm.nunique()),
    }
    for snr in sorted({int(value) for value in rows.snr}):
        group = rows[rows.snr == snr]
        numbers[f"snr_{snr}_not_fitted_share"] = float(group.not_fitted.mean())
        for name in NAMES:
            numbers[f"snr_{snr}_{name}_above_all_published"] = int(
                (group[f"{name}_rank"] == 1).sum()
            )
            numbers[f"snr_{snr}_{name}_over_median"] = float(group[f"{name}_over_median"].median())
            numbers[f"snr_{snr}_{name}_over_best"] = float(group[f"{name}_over_best"].median())
    return numbers


if __name__ == "__main__":
    run(Options, compare)
