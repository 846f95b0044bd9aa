"""Time per stage and peak memory of twins, and of one Newton step, into `docs/benchmarks.md`.

`python experiments/bench.py [data=folder] [output=folder]`; real hearts are those in `data` (by
default the published data beside the project), without them it is the volunteer alone.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import circulation_speed
import reconstruction_speed
import retrieval_speed
from benchmark_bodies import ellipsoid
from command import Run, build_twin
from experiment import run

from cardiotwin.errors import CardiotwinError
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall
from cardiotwin.units import MMHG

ROOT = Path(__file__).resolve().parents[1]
HEARTS = {
    **{f"autofd_{name.lower()}": f"cine/autofd/{name}" for name in "ABCD"},
    "patient1": "cine/patient1/guidepoints",
    "patient_1": "cine/patient_1",
}
STAGES = ("volunteer", "geometry", "diastole", "systole", "prediction")
HEAD = """# Benchmarks

What `make bench` measured; `experiments/bench.py` writes this page. Seconds by the wall clock, one
process at a time; `cpu` are the process's own; `rest` is reading, pictures, report and
start-up. Forms that were not compiled before are compiled in the stage that meets them first.
"""


@dataclass(frozen=True, kw_only=True)
class Options:
    data: str = str(ROOT.parent / "shared" / "data")
    output: str = "outputs/bench"


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


def page(
    rows: Mapping[str, Mapping[str, float]],
    failures: Mapping[str, str],
    step: Mapping[str, float],
    blood: Mapping[str, Any],
    voxels: Mapping[str, Mapping[str, Any]],
) -> str:
    """Return the page."""
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
        f"unknowns: {step['newton_step_cpu_s']:.3f} CPU-s.\n"
    )
    lines += [circulation_text(blood), retrieval_text(voxels)]
    return "\n".join(lines)


def circulation_text(blood: Mapping[str, Any]) -> str:
    """Return the circulation's paragraph."""
    ours = (
        "## Circulation\n\nOne core, a batch of 1,000 hearts, 400 Runge-Kutta steps per beat: "
        f"{blood['beats_per_s']:.0f} beats per CPU-s; the gradient of all parameters costs "
        f"{blood['gradient_over_forward']:.1f} times the forward run, a heart in four times the "
        f"batch {blood['cost_per_heart_of_4_times_the_batch']:.2f} times as much. "
    )
    if "ratio" not in blood:
        return ours + f"`{circulation_speed.PEER}` could not be installed.\n"
    return ours + (
        f"`{circulation_speed.PEER}` as it ships: {blood['peer_beats_per_s']:.2f} beats per "
        f"CPU-s, a ratio of {blood['ratio']:.0f}. Errors of the end-diastolic volume, 136.744 mL: "
        f"{blood['edv_error_ml']:.4f} and {blood['peer_edv_error_ml']:.4f} mL.\n"
    )


def retrieval_text(voxels: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the paragraph of fits of many voxels, by model."""
    text = (
        "## Retrieval\n\nVoxels per CPU-s of `imaging.retrieval.fit` and of scipy's `curve_fit` "
        "on the same noisy signals, without bounds (its fastest) and with those of physics; the "
        "root mean square error over the Cramer-Rao bound, of the worst parameter.\n"
    )
    lines = [
        text,
        "| model | fit | scipy | ratio | scipy, bounded | ratio | error/bound |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {model} | {took['voxels_per_s']:.0f} | {took['peer_voxels_per_s']:.0f} "
        f"| {took['ratio']:.0f} | {took['bounded_peer_voxels_per_s']:.0f} "
        f"| {took['bounded_ratio']:.0f} | {took['rmse_over_crlb']:.3f} |"
        for model, took in voxels.items()
    ]
    return "\n".join(lines) + "\n"


def bench(options: Options) -> Mapping[str, Any]:
    """Run all hearts, write the page, and return its numbers."""
    folder, data = Path(options.output), Path(options.data)
    step = newton_step()
    blood = circulation_speed.speed(
        circulation_speed.Options(output=str(folder / "circulation_speed"))
    )
    images = reconstruction_speed.speed(
        reconstruction_speed.Options(output=str(folder / "reconstruction_speed"))
    )
    voxels = {
        model: retrieval_speed.compare(retrieval_speed.Options(model=model))
        for model in ("t1", "ivim")
    }
    places = {name: data / place for name, place in HEARTS.items() if (data / place).exists()}
    rows, failures = {}, {}
    for name, words in {"volunteer": [], **{k: [f"path={v}"] for k, v in places.items()}}.items():
        try:
            rows[name] = row(build_twin(folder / name, *words))
        except CardiotwinError as error:
            failures[name] = str(error)
        print(name, rows.get(name) or failures[name], flush=True)
    (ROOT / "docs" / "benchmarks.md").write_text(
        page(rows, failures, step, blood, voxels) + "\n" + reconstruction_speed.paragraph(images)
    )
    numbers = {
        f"{name}_{key}{'' if key == 'memory_gb' else '_s'}": value
        for name, took in rows.items()
        for key, value in took.items()
    }
    numbers |= {f"circulation_{key}": value for key, value in blood.items()}
    for model, took in voxels.items():
        numbers |= {f"retrieval_{model}_{key}": value for key, value in took.items()}
    numbers |= {f"reconstruction_{key}": value for key, value in images.items()}
    return numbers | step


if __name__ == "__main__":
    run(Options, bench)
