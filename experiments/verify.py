"""Every published and closed-form problem with its mesh study, into `docs/verification.md`.

`python experiments/verify.py [cases=all] [finest=3] [resume=0] [output=folder]`: `cases` names
sections, joined by commas, and keeps the rest of the page; `finest=1` is the smoke run; with
`resume=1` a solution that an earlier run of the same options left in `output` is used again.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import biventricle2025
import darcy
import elastodynamics2025
import elastodynamics_axisymmetric
import land2015
import land_axisymmetric
import numpy as np
import sphere
import unloading
from arostica2025 import CASES
from experiment import run
from verification import Row, Section, Solutions, overlay, splice, table, with_limits

from cardiotwin.errors import InputError

PAGE = Path(__file__).resolve().parents[1] / "docs" / "verification.md"
HEAD = """# Verification

What `make verify` measured; `experiments/verify.py` writes this page. Each table refines one
mesh: `cells` are ten-node tetrahedra (of a plane, six-node triangles), `dofs` those of quadratic
displacement with linear pressure, fully incompressible, unless a section says otherwise. Units
are those of the source. A limit is Richardson's, of the last three meshes; "none" where the
values do not approach one at a steady rate.
"""
SIZE = {"cells": "cells", "dofs": "dofs"}
APEX = {
    "apex_endocardium_z_mm": "apex endo z, mm",
    "apex_epicardium_z_mm": "apex epi z, mm",
    "volume_mm3": "cavity, mm3",
}
CURVE = re.compile(r"p[01]_[xyz]_mm$")
MOVES = {
    "p0_x_min_mm": "p0 x min, mm",
    "p0_x_max_mm": "max",
    "p0_y_max_mm": "p0 y max",
    "p0_z_max_mm": "p0 z max",
    "p1_x_min_mm": "p1 x min",
    "p1_z_max_mm": "p1 z max",
    "volume_min_ml": "volume min, mL",
    "volume_max_ml": "max",
}


APART = {
    "early_mm": "first quarter, mm",
    "early_ml": "mL",
    "whole_mm": "whole, mm",
    "whole_ml": "mL",
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
    body, numbers = ventricles(3, min(finest, 2), solved)
    text = (
        "Pressure 15 kPa and tension 60 kPa grow together; fibres at the quadrature points, from "
        "+90 to -90 degrees. The twist is that of the mid-wall half way from apex to base, about "
        "+z. Fibres have no direction on the axis, where the solution is singular: cells in space "
        "resolve the apex slowly, those of the plane do.\n\n"
    )
    return text + body, numbers


def distances(one: Row, other: Row, end: float) -> Row:
    """Return the largest distances between two solutions' curves, early and over all."""
    found: dict[str, Any] = {}
    for name, until in (("early", end / 4), ("whole", end)):
        for unit, keys in (
            ("mm", [key for key in one if CURVE.match(key)]),
            ("ml", ["volume_ml"]),
        ):
            pairs = [(one[key], other[key]) for key in keys]
            steps = slice(0, round(until) + 1)
            gaps = [np.abs(np.subtract(a[steps], b[steps])).max() for a, b in pairs]
            found[f"{name}_{unit}"] = float(max(gaps))
    return found


def elastodynamics(solved: Solutions, finest: int) -> tuple[str, Row]:
    """Return the section of the 2025 elastodynamics problem."""
    whole = finest > 1
    cases, end, planes = (list(CASES), 1000.0, [1, 2]) if whole else (["1"], 10.0, [1])
    rows: list[Row] = []
    apart: list[Row] = []
    panels: dict[str, list[tuple[str, str, Row]]] = {}
    finals: dict[str, Any] = {}
    for case in cases:
        plane = [
            solved.of(elastodynamics_axisymmetric, case=case, refinement=k, end_ms=end)
            for k in planes
        ]
        named = [(f"plane {k}", row) for k, row in zip(planes, plane, strict=True)]
        panels[f"case {case}"] = [("plane", "-", plane[-1])]
        given = {"case": case, "refinement": 1, "facets": "curved", "end_ms": end}
        named.append(("space 1", solved.of(elastodynamics2025, **given)))
        panels[f"case {case}"].append(("space", "--", named[-1][1]))
        apart += [
            {"case": case, "meshes": f"{name}, {named[-2][0]}", **distances(row, plane[-1], end)}
            for name, row in named
            if row is not plane[-1]
        ]
        rows += [{"mesh": name, "case": case, **row} for name, row in named]
        finals |= {f"{case}_{key}": plane[-1][key] for key in MOVES}
    facets = []
    caught = "2B" if whole else "1"
    for level, style in ((1, ":"), (2, "-.")) if whole else ((1, ":"),):
        for kind in ("curved", "flat"):
            given = {"case": caught, "refinement": level, "facets": kind, "end_ms": end / 4}
            row = solved.of(elastodynamics2025, **given)
            facets.append({"mesh": f"space {level}", "facets": kind, **row})
            if kind == "flat":
                panels[f"case {caught}"].append((f"flat facets {level}", style, row))
    picture = PAGE.parent / "elastodynamics.png"
    overlay(picture, ("p0_*_mm", "p1_*_mm", "volume_ml"), panels)
    columns = {"case": "case", "mesh": "mesh"} | SIZE | MOVES
    text = (
        "Arostica et al. (2025), CMAME 435:117485, problem 1: a second at 1 ms by generalised-"
        "alpha with the published law, viscosity, supports and load curves; quadratic "
        "displacement, penalty on the volume. `plane`: `experiments/elastodynamics_axisymmetric"
        ".py`, whose weak form is another text and whose limit is the problem's while it stays "
        "axisymmetric; `space`: `experiments/elastodynamics2025.py`.\n\n"
    )
    text += table(columns, rows) + "\n![curves of all cases](elastodynamics.png)\n\n"
    text += (
        "In cases 0B, 1 and 2C the wall is pushed along its straight tangents out of the bearing, "
        "which nothing but the soft base resists: it slips, and from there the curves depend on "
        "the mesh. Largest distance between the curves of two meshes, up to a quarter of the time "
        "and over all of it (displacements of p0 and p1, cavity):\n\n"
    )
    columns = {"case": "case", "meshes": "meshes"} | APART
    text += table(columns, apart) + "\n"
    text += (
        "The epicardium slides behind springs of 1e8 Pa/m along its unloaded normals. Where cells "
        "have straight edges, the normal jumps from facet to facet, and what slides along one "
        "facet is stopped by its neighbour: the wall locks at the edges, by a stiffness that "
        "falls with the square of the cells' size (`tests/mechanics/test_supports.py`). With "
        "curved facets it is all but gone: they are the nearer to the limit. The benchmark's own "
        "mesh has straight edges of 5 mm; its participants' curves (Zenodo record 14260459) could "
        f"not be had here. Case {caught}, the first {end / 4:g} ms:\n\n"
    )
    columns = {"mesh": "mesh", "facets": "facets"} | SIZE | MOVES | {"cpu_s": "CPU-s"}
    return text + table(columns, facets), finals


def biventricle(solved: Solutions, finest: int) -> tuple[str, Row]:
    """Return the section of two ventricles in motion."""
    edges, end = ([15.0, 8.0], 300.0) if finest > 1 else ([15.0], 3.0)
    rows = [solved.of(biventricle2025, edge_mm=edge, end_ms=end) for edge in edges]
    picture = PAGE.parent / "biventricle.png"
    lines = zip(edges, ("--", "-"), rows, strict=False)
    panels = [(f"{edge:g} mm", style, row) for edge, style, row in lines]
    quantities = ("p0_*_mm", "p1_*_mm", "p2_*_mm", "lv_volume_ml", "rv_volume_ml")
    overlay(picture, quantities, {"two ventricles": panels})
    apart = {
        key: max(abs(a - b) for a, b in zip(rows[0][key], rows[-1][key], strict=True))
        for key in ("p0_x_mm", "p0_z_mm", "p1_z_mm", "p2_x_mm", "lv_volume_ml", "rv_volume_ml")
    }
    text = (
        "Arostica et al. (2025), problem 2, on a wall between ellipsoids of our own (the "
        "organisers' mesh is not at hand), fibres by Bayer's rule: law, supports, pressures and "
        f"scheme are the benchmark's, the first {end:g} ms of its second at 1 ms. Edges up to a "
        "length, where the right wall, 4 mm, does not ask for shorter ones.\n\n"
    )
    columns = {"edge": "edge, mm"} | SIZE
    columns |= {
        "p0_x_min_mm": "p0 x min, mm",
        "p0_z_min_mm": "p0 z min",
        "p1_z_min_mm": "p1 z min",
        "p2_x_min_mm": "p2 x min",
        "lv_volume_min_ml": "LV min, mL",
        "rv_volume_min_ml": "RV min, mL",
        "cpu_s": "CPU-s",
    }
    named = [{"edge": edge, **row} for edge, row in zip(edges, rows, strict=True)]
    text += table(columns, named) + "\n![curves of both meshes](biventricle.png)\n\n"
    text += "Largest distance between the curves of the coarsest and the finest mesh:\n\n"
    return text + table({key: key.replace("_", " ") for key in apart}, [apart]), rows[-1]


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


STUDIES: dict[str, tuple[str, Callable[[Solutions, int], tuple[str, Row]]]] = {
    "sphere": ("Thick sphere in closed form", spheres),
    "land1": ("Land et al. 2015, problem 1: beam", beams),
    "land2": ("Land et al. 2015, problem 2: inflated ellipsoid", inflated),
    "land3": ("Land et al. 2015, problem 3: contracting ellipsoid", contracting),
    "elastodynamics": ("Elastodynamics 2025, problem 1: one ventricle", elastodynamics),
    "biventricle": ("Elastodynamics 2025, problem 2: two ventricles", biventricle),
    "unloading": ("Unloading and inflation", unloadings),
    "perfusion": ("Perfusion by Darcy's law", perfusion),
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
