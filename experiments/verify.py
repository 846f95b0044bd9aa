"""Every published and closed-form problem with its mesh study, into `docs/verification.md`.

`python experiments/verify.py [cases=all] [finest=3] [resume=0] [output=folder]`: `cases` names
sections, joined by commas, and keeps the rest of the page; `finest=1` is the smoke run; with
`resume=1` a solution that an earlier run of the same options left in `output` is used again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import circulation_fit
import darcy
import land2015
import land_axisymmetric
import numpy as np
import sphere
import unloading
from experiment import run
from verification import PAGE, SIZE, Row, Section, Solutions, splice, table, with_limits
from verify_motion import biventricle, elastodynamics

from cardiotwin.errors import InputError

HEAD = """# Verification

What `make verify` measured; `experiments/verify.py` writes this page. Each table refines one
mesh: `cells` are ten-node tetrahedra (of a plane, six-node triangles), `dofs` those of quadratic
displacement with linear pressure, fully incompressible, unless a section says otherwise. Units
are those of the source. A limit is Richardson's, of the last three meshes; "none" where the
values do not approach one at a steady rate.
"""
APEX = {
    "apex_endocardium_z_mm": "apex endo z, mm",
    "apex_epicardium_z_mm": "apex epi z, mm",
    "volume_mm3": "cavity, mm3",
}
CHANNELS = {
    "lv_pressure": "LV, mmHg",
    "aortic_pressure": "aorta, mmHg",
    "lv_volume": "volume, mL",
}


@dataclass(frozen=True, kw_only=True)
class Options:
    cases: str = "all"
    finest: int = 3
    resume: int = 0
    output: str = "outputs/verify"


def spheres(solved: Solutions, finest: int) -> tuple[str, Row]:
    """Return the section of the thick sphere."""
    rows: list[dict[str, Any]] = []
    for level in range(1, finest + 1):
        row = dict(solved.of(sphere, refinement=level))
        if rows:
            fallen = np.log(rows[-1]["displacement_error"] / row["displacement_error"])
            row["order"] = float(fallen / np.log(level / (level - 1)))
        rows.append(row)
    text = (
        "Neo-Hookean, inflated to 1.3 times its inner radius (Ogden 1984, Non-linear Elastic "
        "Deformations, ch. 5). Error: root mean square of the nodes' distance from the closed "
        "form, by that of their displacement.\n\n"
    )
    columns = {"n_cells": "cells", "n_dofs": "dofs", "inner_stretch": "stretch"}
    columns |= {"displacement_error": "error", "order": "order"}
    return text + table(columns, rows), rows[-1]


def beams(solved: Solutions, finest: int) -> tuple[str, Row]:
    """Return the section of Land's beam."""
    rows = [solved.of(land2015, problem=1, refinement=k) for k in range(1, finest + 1)]
    sizes = [1 / k for k in range(1, finest + 1)]
    text = "Consensus 4.17 +- 0.02 mm. The cells shrink towards the clamp.\n\n"
    columns = SIZE | {"tip_z_mm": "tip z, mm", "factorisations": "factorisations"}
    return text + table(columns, with_limits(rows, sizes, ["tip_z_mm"])), rows[-1]


def ventricles(problem: int, finest: int, solved: Solutions) -> tuple[str, Row]:
    """Return the tables of Land's ventricles, in space and in a plane."""
    levels = range(1, finest + 1)
    rows = [solved.of(land2015, problem=problem, refinement=k) for k in levels]
    flat = [
        solved.of(land_axisymmetric, problem=problem, refinement=2**k) for k in range(finest + 1)
    ]
    keys = [*APEX, *(["twist_deg"] if problem == 3 else [])]
    columns = SIZE | APEX | ({"twist_deg": "mid-wall twist, deg"} if problem == 3 else {})
    body = "In space:\n\n" + table(
        columns | {"wall_volume_change": "wall volume change"},
        with_limits(rows, [1 / k for k in levels], keys),
    )
    body += "\nIn a plane (`experiments/land_axisymmetric.py`), as axisymmetric with torsion:\n\n"
    body += table(columns, with_limits(flat, [2.0**-k for k in range(finest + 1)], keys))
    return body, rows[-1]


def inflated(solved: Solutions, finest: int) -> tuple[str, Row]:
    """Return the section of Land's inflated ventricle."""
    body, numbers = ventricles(2, finest, solved)
    text = (
        "Converged participant (Simula): apex -26.612 and -28.279 mm, cavity 10734.3 mm3; all "
        "participants: endocardium -26.81 to -26.59, epicardium -28.61 to -28.25 mm.\n\n"
    )
    return text + body, numbers


def contracting(solved: Solutions, finest: int) -> tuple[str, Row]:
    """Return the section of Land's contracting ventricle."""
    body, numbers = ventricles(3, finest, solved)
    text = (
        "Pressure 15 kPa and tension 60 kPa grow together; fibres at the quadrature points, from "
        "+90 to -90 degrees. The twist is that of the mid-wall half way from apex to base, about "
        "+z. Fibres have no direction on the axis, where the solution is singular: cells in space "
        "resolve the apex slowly, those of the plane do.\n\n"
    )
    return text + body, numbers


def unloadings(solved: Solutions, finest: int) -> tuple[str, Row]:
    """Return the section of the unloaded and inflated ventricle."""
    rows = [solved.of(unloading, refinement=k) for k in range(1, finest + 1)]
    text = (
        "A human-sized ventricle is unloaded from 10 mmHg; the unloaded points become a mesh of "
        "their own, which is inflated again. Distance: of its nodes from the imaged ones.\n\n"
    )
    columns = {
        "n_cells": "cells",
        "n_dofs": "dofs",
        "unloaded_over_imaged_volume": "unloaded / imaged cavity",
        "largest_distance_nm": "largest distance, nm",
    }
    return text + table(columns, rows), rows[-1]


def perfusion(solved: Solutions, finest: int) -> tuple[str, Row]:
    """Return the section of Darcy's law in the wall."""
    sizes = ((6, 2), (10, 3), (14, 4))[:finest]
    rows = [solved.of(darcy, rings=rings, layers=layers) for rings, layers in sizes]
    text = (
        "Three compartments. Order: of a source's cosine on a box, from 40 to 80 cells along it. "
        "Even source on an ellipsoid of a human heart's size: error of the pressures, balance of "
        "inflow and outflow, CPU-seconds from mesh and fibres to blood flow by cell.\n\n"
    )
    columns = {"cells": "cells", "order": "order", "uniform_error_pa": "error, Pa"}
    columns |= {"balance_error": "balance", "cpu_s": "CPU-s"}
    return text + table(columns, rows), rows[-1]


def catheters(solved: Solutions, finest: int) -> tuple[str, Row]:
    """Return the section of the circulations fitted to measured beats."""
    beats = [("DSEA08", "baseline"), ("catheter_mr", "baseline")]
    if finest > 2:
        folder = Path(circulation_fit.Options().data) / "coronary_dogs"
        beats += [
            (animal, state)
            for animal, _, state in (p.stem.partition("_") for p in sorted(folder.glob("*.csv")))
            if state != "microsphere" and (animal, state) not in beats
        ]
    structures = ("plain", "whole") if finest > 1 else ("plain",)
    fits = [(beats[0], s) for s in structures] + [(beat, structures[-1]) for beat in beats[1:]]
    rows = [
        {"animal": animal, "state": state.replace("_", " "), "structure": structure}
        | told(solved.of(circulation_fit, animal=animal, state=state, structure=structure))
        for (animal, state), structure in fits
    ]
    text = (
        "`experiments/circulation_fit.py`: root mean square of measured less model over the noise "
        "of the samples (docs/flow.md), by channel. At a bound: parameters six standard "
        "deviations from their prior. Channels that are missing or bad are not fitted.\n\n"
    )
    names = {"animal": "animal", "state": "state", "structure": "structure"}
    return text + table(names | CHANNELS | {"at_bound": "at bound", "named": "named"}, rows), {
        "fits": len(rows)
    }


def told(numbers: Row) -> dict[str, Any]:
    """Return a fit's cells."""
    named = ", ".join(numbers["flags"]).replace("_", " ")
    cells = {"at_bound": numbers.get("at_bound"), "named": named}
    for key, unit in {"lv_pressure": "mmhg", "aortic_pressure": "mmhg", "lv_volume": "ml"}.items():
        if f"{key}_noise_{unit}" in numbers:
            residual, noise = (numbers[f"{key}_{what}_{unit}"] for what in ("residual", "noise"))
            cells[key] = f"{residual:.2f} / {noise:.2f} = {residual / noise:.2f}"
    return cells


STUDIES: dict[str, tuple[str, Callable[[Solutions, int], tuple[str, Row]]]] = {
    "sphere": ("Thick sphere in closed form", spheres),
    "land1": ("Land et al. 2015, problem 1: beam", beams),
    "land2": ("Land et al. 2015, problem 2: inflated ellipsoid", inflated),
    "land3": ("Land et al. 2015, problem 3: contracting ellipsoid", contracting),
    "elastodynamics": ("Elastodynamics 2025, problem 1: one ventricle", elastodynamics),
    "biventricle": ("Elastodynamics 2025, problem 2: two ventricles", biventricle),
    "unloading": ("Unloading and inflation", unloadings),
    "perfusion": ("Perfusion by Darcy's law", perfusion),
    "catheters": ("Circulations of measured beats", catheters),
}


def verify(options: Options) -> Mapping[str, Any]:
    """Run the studies, write their sections of the page, and return each one's finest numbers."""
    names = list(STUDIES) if options.cases == "all" else options.cases.split(",")
    unknown = [name for name in names if name not in STUDIES]
    if unknown or options.finest < 1:
        msg = (
            f"The cases are {', '.join(STUDIES)}, refined at least once, found "
            f"cases={options.cases} finest={options.finest}. Join several by commas."
        )
        raise InputError(msg)
    result: dict[str, Any] = {}
    PAGE.parent.mkdir(exist_ok=True)
    for name in names:
        title, study = STUDIES[name]
        solved = Solutions(Path(options.output), resume=bool(options.resume))
        body, numbers = study(solved, options.finest)
        section = Section(title=title, body=body, cpu_s=solved.cpu_s)
        titles = [title for title, _ in STUDIES.values()]
        PAGE.write_text(splice(PAGE, HEAD, titles, [section]))
        result |= {f"{name}_{key}": value for key, value in numbers.items()}
    return result


if __name__ == "__main__":
    run(Options, verify)
