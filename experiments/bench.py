"""Speed and memory, against other codes where there are any, into `docs/benchmarks.md`.

`python experiments/bench.py [parts=twins,mechanics,...] [data=folder] [output=folder]`; each part
rewrites its section and keeps the others. Real hearts are those in `data` (by default the
published data beside the project).
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bench_flow
import bench_mechanics
import bench_twins
import circulation_speed
import first_pass_stack
import kinetics_speed
import reconstruction_speed
import retrieval_speed
import solver_cost
from bench_page import PAGE, write_section
from experiment import DATA, run

from cardiotwin.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
MODELS = ("t1", "ivim")


@dataclass(frozen=True, kw_only=True)
class Options:
    parts: str = "twins,mechanics,flow,solvers,circulation,retrieval,kinetics,reconstruction"
    data: str = str(DATA)
    output: str = "outputs/bench"


Part = tuple[str, str, Mapping[str, Any]]  # heading, text, numbers


def twins(options: Options) -> Part:
    """Measure whole twins."""
    rows, failures, step = bench_twins.measure(Path(options.data), Path(options.output))
    numbers = {
        f"{name}_{key}{'' if key == 'memory_gb' else '_s'}": value
        for name, took in rows.items()
        for key, value in took.items()
    }
    return "## Twins", bench_twins.text(rows, failures, step), {**numbers, **step}


def mechanics(options: Options) -> Part:
    """Compare the mechanics."""
    text, numbers = bench_mechanics.compare(
        bench_mechanics.Options(data=options.data, output=options.output)
    )
    return bench_mechanics.HEADING, text, numbers


def flow(options: Options) -> Part:
    """Compare a beat of blood."""
    text, numbers = bench_flow.compare(Path(options.data), Path(options.output) / "flow")
    return bench_flow.HEADING, text, numbers


def solvers(options: Options) -> Part:
    """Compare elimination with iteration."""
    folder = Path(options.output) / "solver_cost"
    found = solver_cost.costs(solver_cost.Options(output=str(folder)))
    shutil.copy(folder / "solver_cost.png", PAGE.parent / "solver_cost.png")
    return "## Elimination and iteration", solver_cost.paragraph(found, folder), found


def circulation(options: Options) -> Part:
    """Compare the circulation."""
    folder = Path(options.output) / "circulation_speed"
    found = circulation_speed.speed(circulation_speed.Options(output=str(folder)))
    return "## Circulation", circulation_speed.paragraph(found), found


def retrieval(_: Options) -> Part:
    """Compare the fits of voxels."""
    found = {m: retrieval_speed.compare(retrieval_speed.Options(model=m)) for m in MODELS}
    numbers = {f"{m}_{key}": value for m, took in found.items() for key, value in took.items()}
    return "## Retrieval", retrieval_speed.paragraph(found), numbers


def kinetics(options: Options) -> Part:
    """Compare the fits of perfusion, and time a whole stack."""
    folder = Path(options.output) / "kinetics_speed"
    found = kinetics_speed.compare(kinetics_speed.Options(output=str(folder)))
    stacks = [first_pass_stack.measure(first_pass_stack.Options(delay=own)) for own in (0, 1)]
    text = f"{kinetics_speed.paragraph(found)}\n{first_pass_stack.paragraph(*stacks)}"
    named = zip(("stack", "delayed_stack"), stacks, strict=True)
    numbers = {f"{name}_{key}": value for name, took in named for key, value in took.items()}
    return "## Perfusion", text, {**found, **numbers}


def reconstruction(options: Options) -> Part:
    """Compare the reconstruction."""
    folder = Path(options.output) / "reconstruction_speed"
    found = reconstruction_speed.speed(reconstruction_speed.Options(output=str(folder)))
    return "## Reconstruction", reconstruction_speed.paragraph(found), found


PARTS: dict[str, Callable[[Options], Part]] = {
    part.__name__: part
    for part in (
        twins,
        mechanics,
        flow,
        solvers,
        circulation,
        retrieval,
        kinetics,
        reconstruction,
    )
}


def bench(options: Options) -> Mapping[str, Any]:
    """Run the parts, write their sections, and return their numbers."""
    names = options.parts.split(",")
    unknown = sorted(set(names) - set(PARTS))
    if unknown:
        msg = f"parts must be of {', '.join(PARTS)}, found {', '.join(unknown)}. Name those."
        raise InputError(msg)
    numbers: dict[str, Any] = {}
    for name in names:
        heading, text, found = PARTS[name](options)
        write_section(heading, text)
        numbers |= {f"{name}_{key}": value for key, value in found.items()}
    return numbers


if __name__ == "__main__":
    run(Options, bench)
