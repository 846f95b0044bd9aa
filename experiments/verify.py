"""Every published and closed-form problem with its mesh study, into `docs/verification.md`.

`python experiments/verify.py [finest=3] [output=folder]`; `finest=1` is the smoke run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import land2015
import numpy as np
import sphere
import unloading
from experiment import run

PAGE = Path(__file__).resolve().parents[1] / "docs" / "verification.md"
HEAD = """# Verification

What `make verify` measured; `experiments/verify.py` writes this page. Each table refines one
mesh: `cells` are ten-node tetrahedra, `dofs` those of quadratic displacement with linear
pressure, fully incompressible. Units are those of the source.
"""


@dataclass(frozen=True, kw_only=True)
class Options:
    finest: int = 3
    output: str = "outputs/verify"


def table(
    title: str, text: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> str:
    """Return a section: a title, a sentence, and a table of some keys under their headings."""
    lines = [f"\n## {title}\n", f"{text}\n", f"| {' | '.join(columns.values())} |"]
    lines.append("|" + "---:|" * len(columns))
    for row in rows:
        cells = (f"{row[key]:.6g}" if row[key] is not None else "" for key in columns)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def with_orders(rows: Sequence[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
    """Return the rows with the order at which an error falls from the mesh before."""
    result: list[dict[str, Any]] = []
    for number, row in enumerate(rows, start=1):
        order = None
        if number > 1:
            order = float(np.log(rows[number - 2][key] / row[key]) / np.log(number / (number - 1)))
        result.append({**row, "order": order})
    return result


def verify(options: Options) -> Mapping[str, Any]:
    """Run all studies, write the page, and return each study's finest numbers."""
    levels = range(1, options.finest + 1)
    size = {"n_cells": "cells", "n_dofs": "dofs"}
    balls = with_orders(
        [sphere.solve(sphere.Options(refinement=k)) for k in levels], "displacement_error"
    )
    beams, walls = (
        [land2015.solve(land2015.Options(problem=problem, refinement=k)) for k in levels]
        for problem in (1, 2)
    )
    hearts = [unloading.solve(unloading.Options(refinement=k)) for k in levels]
    page = HEAD
    page += table(
        "Thick sphere in closed form",
        "Neo-Hookean, inflated to 1.3 times its inner radius (Ogden 1984, Non-linear Elastic "
        "Deformations, ch. 5). Error: root mean square of the nodes' distance from the closed "
        "form, by that of their displacement.",
        size | {"inner_stretch": "stretch", "displacement_error": "error", "order": "order"},
        balls,
    )
    page += table(
        "Land et al. 2015, problem 1: beam",
        "Consensus 4.17 +- 0.02 mm. The cells shrink towards the clamp.",
        {
            "cells": "cells",
            "dofs": "dofs",
            "tip_z_mm": "tip z, mm",
            "factorisations": "factorisations",
        },
        beams,
    )
    page += table(
        "Land et al. 2015, problem 2: inflated ellipsoid",
        "Converged: apex -26.61 and -28.28 mm, cavity 10734 mm3; participants: endocardium -26.81 "
        "to -26.59, epicardium -28.61 to -28.25 mm.",
        {
            "cells": "cells",
            "dofs": "dofs",
            "apex_endocardium_z_mm": "apex endo z, mm",
            "apex_epicardium_z_mm": "apex epi z, mm",
            "volume_mm3": "cavity, mm3",
            "wall_volume_change": "wall volume change",
        },
        walls,
    )
    page += table(
        "Unloading and inflation",
        "A human-sized ventricle is unloaded from 10 mmHg; the unloaded points become a mesh of "
        "their own, which is inflated again. Distance: of its nodes from the imaged ones.",
        size
        | {
            "unloaded_over_imaged_volume": "unloaded / imaged cavity",
            "largest_distance_nm": "largest distance, nm",
        },
        hearts,
    )
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page)
    finest = {"sphere": balls[-1], "beam": beams[-1], "ellipsoid": walls[-1], "heart": hearts[-1]}
    return {f"{name}_{key}": value for name, row in finest.items() for key, value in row.items()}


if __name__ == "__main__":
    run(Options, verify)
