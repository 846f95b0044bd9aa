"""Time per stage and peak memory of twins, and the time of one Newton step."""

import time
from collections.abc import Mapping
from pathlib import Path

from benchmark_bodies import ellipsoid
from command import Run, build_twin

from cardiotwin.errors import CardiotwinError
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall
from cardiotwin.units import MMHG

HEARTS = {
    **{f"autofd_{name.lower()}": f"cine/autofd/{name}" for name in "ABCD"},
    "patient1": "cine/patient1/guidepoints",
    "patient_1": "cine/patient_1",
}
STAGES = ("volunteer", "geometry", "diastole", "systole", "prediction")
HEAD = (
    "Seconds by the wall clock; `cpu` are the process's own; `rest` is reading, pictures, report "
    "and start-up. Forms that were not compiled before are compiled in the stage that meets them "
    "first.\n"
)

Rows = Mapping[str, Mapping[str, float]]


def measure(data: Path, folder: Path) -> tuple[Rows, Mapping[str, str], Mapping[str, float]]:
    """Return the rows of all hearts, why some have none, and the time of a Newton step."""
    step = newton_step()
    places = {name: data / place for name, place in HEARTS.items() if (data / place).exists()}
    rows, failures = {}, {}
    for name, words in {"volunteer": [], **{k: [f"path={v}"] for k, v in places.items()}}.items():
        try:
            rows[name] = row(build_twin(folder / name, *words))
        except CardiotwinError as error:
            failures[name] = str(error)
        print(name, rows.get(name) or failures[name], flush=True)
    return rows, failures, step


def row(run: Run) -> dict[str, float]:
    """Return the seconds of each stage, of the rest and of the whole, and the peak memory."""
    stages = run.record["timing_s"]
    known = {name: stages[name] for name in STAGES if name in stages}
    rest = run.seconds - sum(known.values())
    whole = {"whole": run.seconds, "cpu": run.cpu}
    return known | {"rest": rest} | whole | {"memory_gb": run.memory}


def newton_step() -> dict[str, float]:
    """Return the CPU seconds of one Newton step of a wall of about 10,000 dofs."""
    mesh = ellipsoid(Template(rings=7, layers=2), size=3.5)
    wall = Wall(mesh, angles=FibreAngles(), material=HolzapfelOgden(), springs=Springs())
    loads = Loads(cavity_pressure=1 * MMHG, passive_scale=2.0, passive_exponent=2.5)
    problem, count = wall.body.inverse, 10
    wall.unload(loads)
    before = time.process_time()
    for _ in range(count):
        problem.factorise()
        problem.solve_tangent(problem.residual())
    return {
        "newton_step_cpu_s": (time.process_time() - before) / count,
        "newton_step_dofs": len(wall.body.fields.unknown.x.array),
    }


def text(rows: Rows, failures: Mapping[str, str], step: Mapping[str, float]) -> str:
    """Return the section."""
    columns = (*STAGES, "rest", "whole", "cpu", "memory_gb")
    heads = [f"{name}, s" for name in columns[:-1]] + ["peak memory, GB"]
    lines = [HEAD, "| heart | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(columns)]
    for name, took in rows.items():
        cells = [f"{took[key]:.2f}" if key in took else "" for key in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for name, took in rows.items():
        longest = max((*STAGES, "rest"), key=lambda key: took.get(key, 0.0))
        share = 100 * took[longest] / took["whole"]
        lines.append(f"\n{name}: `{longest}` takes the most, {share:.0f} % of the whole.")
    lines += [f"\n{name}: no twin. {reason}" for name, reason in failures.items()]
    lines.append(
        f"\nOne Newton step (assembly, factorisation, solution) of {step['newton_step_dofs']:.0f} "
        f"unknowns: {step['newton_step_cpu_s']:.3f} CPU-s."
    )
    return "\n".join(lines)
