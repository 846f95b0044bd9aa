"""What a linear system of Land's inflated ellipsoid costs by elimination and by iteration.

`python experiments/solver_cost.py [largest=130000] [output=folder]`

For each size, form and solver a process of its own takes two of Newton's corrections from rest
towards 1 kPa; the numbers are of the second one (CPU seconds on one core), and the process's
largest memory; not a number where the iteration does not arrive (and is not tried in larger ones).
``prepare`` is tangent and
factorisation, or preconditioner; a step of Newton's method costs ``prepare`` and ``solve``.
"""

import resource
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from benchmark_bodies import constant_axes, ellipsoid
from experiment import run

from cardiotwin.errors import ConvergenceError
from cardiotwin.fem.iterative import IterativeSolver
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import Guccione

LAW = Guccione(c=1e4, b_f=1.0, b_t=1.0, b_fs=1.0)
PRESSURE = 1e3  # Pa
BULK = 3.5e5  # Pa, of the penalty
SIZES = ((7, 2), (10, 2), (14, 3), (18, 4), (25, 5))  # rings and layers
FORMS, SOLVERS = ("mixed", "penalty"), ("direct", "iterative")
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Options:
    largest: int = 300_000  # dofs; needs a quarter of an hour and 6 GB
    output: str = "outputs/solver_cost"


def measure(size: tuple[int, int], form: str, solver: str, schur: str = "mass") -> Row:
    """Return what the second correction costs."""
    mesh = ellipsoid(Template(rings=size[0], layers=size[1]))
    bulk = BULK if form == "penalty" else float("inf")
    body = Body(
        mesh,
        constant_axes(mesh),
        material=LAW,
        springs=None,
        clamped=("base",),
        discretisation=Discretisation(
            form=form, bulk_modulus=bulk, linear_solver=solver, schur=schur
        ),
    )
    body.apply(Loads(cavity_pressure=PRESSURE))
    problem, seconds = body.forward, []
    for _ in range(2):
        residual = problem.residual()
        start = time.process_time()
        problem.factorise()
        between = time.process_time()
        try:
            correction = problem.solve_tangent(residual)
        except ConvergenceError:
            return {"dofs": body.fields.layout.n_global, "step_cpu_s": float("nan")}
        seconds = [between - start, time.process_time() - between]
        body.fields.unknown.x.array[:] -= correction
    linear = problem.linear
    row: Row = {"dofs": body.fields.layout.n_global, "cells": len(mesh.cells)}
    row |= {"prepare_cpu_s": seconds[0], "solve_cpu_s": seconds[1], "step_cpu_s": sum(seconds)}
    if isinstance(linear, IterativeSolver):
        row["iterations"] = linear.iterations[-1]
    row["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return row


def crossover(direct: list[Row], iterative: list[Row]) -> float:
    """Return the dofs from which iteration is cheaper, nan where it never is."""
    dofs = np.log([row["dofs"] for row in direct])
    costs = [np.array([row["step_cpu_s"] for row in rows]) for rows in (direct, iterative)]
    ahead = np.nan_to_num(np.log(costs[1] / costs[0]), nan=1.0)
    for i in range(len(dofs)):
        if np.all(ahead[i:] < 0):
            if i == 0:
                return float(np.exp(dofs[0]))
            share = ahead[i - 1] / (ahead[i - 1] - ahead[i])
            return float(np.exp(dofs[i - 1] + share * (dofs[i] - dofs[i - 1])))
    return float("nan")


def table(rows: Mapping[str, list[Row]]) -> str:
    """Return the rows as Markdown."""
    names = ("dofs", "prepare_cpu_s", "solve_cpu_s", "step_cpu_s", "iterations", "peak_gb")
    lines = [f"| form and solver | {' | '.join(names)} |", "|" + "---|" * (len(names) + 1)]
    for case, found in rows.items():
        for row in found:
            cells = (row.get(name, "") for name in names)
            words = (f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in cells)
            lines.append(f"| {case} | {' | '.join(words)} |")
    return "\n".join(lines) + "\n"


def paragraph(found: Mapping[str, Any], folder: Path) -> str:
    """Return what the page of benchmarks says."""
    at = found.get("mixed_crossover_dofs", float("nan"))
    said = (
        f"iteration is the cheaper from about {at:,.0f} unknowns on"
        if np.isfinite(at)
        else "iteration was nowhere the cheaper"
    )
    return (
        "Two corrections of Newton's method on Land's inflated ellipsoid, the second one's CPU "
        "seconds: `prepare` is the tangent with its factorisation (MUMPS) or its preconditioner, "
        "`mixed` P2-P1, `penalty` P2 alone. Iterative: FGMRES, one algebraic multigrid V-cycle "
        "that knows the rigid motions for the displacement, the pressure's mass by the modulus "
        "as Schur complement (`selfp`: from the diagonal of the tangent). Of the mixed form, "
        f"{said}: `linear_solver=direct` is the default. `nan`: the iteration did not arrive, and "
        "larger problems were not tried.\n\n"
        f"{(folder / 'table.md').read_text()}\n![cost against size](solver_cost.png)\n"
    )


def draw(rows: Mapping[str, list[Row]], path: Path) -> None:
    """Draw cost and memory against size."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    for axis, (name, label) in zip(
        axes, (("step_cpu_s", "one step of Newton, CPU s"), ("peak_gb", "memory, GB")), strict=True
    ):
        for case, found in rows.items():
            style = "--" if "iterative" in case else "-"
            x, y = ([row.get(key, np.nan) for row in found] for key in ("dofs", name))
            if np.isfinite(y).any():
                axis.loglog(x, y, f"o{style}", label=case)
        axis.set(xlabel="degrees of freedom", ylabel=label)
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def costs(options: Options) -> Mapping[str, Any]:
    """Return the rows of all cases, and where iteration overtakes elimination."""
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    cases = [(form, solver, "mass") for form in FORMS for solver in SOLVERS]
    cases.insert(2, ("mixed", "iterative", "selfp"))
    rows: dict[str, list[Row]] = {}
    result: dict[str, Any] = {}
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as alone:
        for size in SIZES:
            if 175 * size[0] ** 2 * size[1] / 2 > options.largest:
                break
            for form, solver, schur in cases:
                case = f"{form} {solver}" + (" selfp" if schur == "selfp" else "")
                if case in rows and np.isnan(rows[case][-1]["step_cpu_s"]):
                    continue
                row = alone.submit(measure, size, form, solver, schur).result()
                rows.setdefault(case, []).append(row)
                head = f"{case.replace(' ', '_')}_{size[0]}_rings"
                result |= {f"{head}_{name}": value for name, value in row.items()}
                (folder / "table.md").write_text(table(rows))
                print(case, row, flush=True)
    for form in FORMS:
        if len(rows[f"{form} iterative"]) < len(rows[f"{form} direct"]):
            continue
        result[f"{form}_crossover_dofs"] = crossover(
            rows[f"{form} direct"], rows[f"{form} iterative"]
        )
    draw(rows, folder / "solver_cost.png")
    return result


if __name__ == "__main__":
    run(Options, costs)
