"""The sections of `docs/verification.md` on walls in motion."""

import re
from typing import Any

import biventricle2025
import elastodynamics2025
import elastodynamics_axisymmetric
import numpy as np
from arostica2025 import CASES
from verification import PAGE, SIZE, Row, Solutions, overlay, table

APART = {
    "early_mm": "first quarter, mm",
    "early_ml": "mL",
    "whole_mm": "whole, mm",
    "whole_ml": "mL",
}


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
PARTICIPANT: dict[str, Row] = {
    "0A": {"p0_x_min_mm": -21.1866, "p0_x_max_mm": 0.0, "p0_y_max_mm": 1.13854}
    | {"p0_z_max_mm": 1.21422},
    "0B": {"p0_x_min_mm": 0.0, "p0_x_max_mm": 9.56321, "p0_y_max_mm": 0.0423419}
    | {"p0_z_max_mm": 0.152383},
    "1": {"p0_x_min_mm": -20.1299, "p0_x_max_mm": 0.29864, "p0_y_max_mm": 1.52623}
    | {"p0_z_max_mm": 1.2752},
}
"""What a participant's code is tested for (finsberg/cardiac_benchmark, tests/test_cli.py): linear
displacement, which locks, on a coarse mesh with straight edges."""
CURVE = re.compile(r"p[01]_[xyz]_mm$")


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
        if whole:
            named.append(
                ("space 1, flat", solved.of(elastodynamics2025, **{**given, "facets": "flat"}))
            )
            panels[f"case {case}"].append(("flat facets 1", ":", named[-1][1]))
        finest_plane = f"plane {planes[-1]}"
        apart += [
            {**distances(row, plane[-1], end), "case": case, "meshes": f"{name}, {finest_plane}"}
            for name, row in named
            if row is not plane[-1]
        ]
        if case in PARTICIPANT:
            named.append(("participant, P1", PARTICIPANT[case]))
        rows += [{"mesh": name, "case": case, **row} for name, row in named]
        finals |= {f"{case}_{key}": plane[-1][key] for key in MOVES}
    facets = []
    caught = "2B" if whole else "1"
    for level, style in ((1, ":"), (2, "-.")) if whole else ((1, ":"),):
        for kind in ("curved", "flat"):
            given = {"case": caught, "refinement": level, "facets": kind, "end_ms": end / 4}
            row = solved.of(elastodynamics2025, **given)
            facets.append({"mesh": f"space {level}", "facets": kind, **row})
            if kind == "flat" and level > 1:
                panels[f"case {caught}"].append((f"flat facets {level}", style, row))
    picture = PAGE.parent / "elastodynamics.png"
    overlay(picture, ("p0_*_mm", "p1_*_mm", "volume_ml"), panels)
    columns = {"case": "case", "mesh": "mesh"} | SIZE | MOVES
    text = (
        "Arostica et al. (2025), CMAME 435:117485, problem 1: a second at 1 ms by generalised-"
        "alpha with the published law, viscosity, supports and load curves; quadratic "
        "displacement, penalty on the volume. `plane`: `experiments/elastodynamics_axisymmetric"
        ".py`, whose weak form is another text and whose limit is the problem's while it stays "
        "axisymmetric; `space`: `experiments/elastodynamics2025.py`. `participant`: what the code "
        "of a participant is tested for (finsberg/cardiac_benchmark), linear displacement on a "
        "coarse mesh with straight edges, which locks.\n\n"
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
    edges, end = ([15.0, 8.0], 1000.0) if finest > 1 else ([15.0], 3.0)
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
        f"scheme are the benchmark's, for {end:g} ms at 1 ms a step. Edges up to a length, where "
        "the right wall, 4 mm, does not ask for shorter ones.\n\n"
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
