"""Where the energy of a personalised heart's beat comes from and goes, by two sizes of the step.

`python experiments/beat_energy.py [path=subject] [anatomy=lv|biventricular]
[muscle=twitch|land2017] [step_ms=8] [output=folder]`: the twin is built first (a finished run
folder `twin` in `output` is used again), then it beats once from its end-diastole in the closed
loop of its blood, in steps of `step_ms` and of half of it. `energy_gap_percent` is what muscle and
pressures gave the wall and neither it nor its springs hold nor its dampers took, of all that they
gave; `order` is the power of the step with which it falls. `scheme_j` is what backward Euler
took from the motion, measured by itself; `unexplained_percent` is what is missing still, and
`unexplained_order` its power of the step (2: the sums over the steps). The course of the finer
beat goes to `energy.csv` and `energy.png`.
"""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from command import finished_twin
from experiment import run
from jaxtyping import Float

from cardiotwin.coupling import ClosedLoop, Moment
from cardiotwin.errors import InputError
from cardiotwin.mechanics.work import Work, WorkMeter
from cardiotwin.run.recipe import kept_recipe
from cardiotwin.twin.beating import Contractility, beating_heart
from cardiotwin.twin.files import sha256_of
from cardiotwin.twin.stages import Stages, fingerprint
from cardiotwin.units import MS
from cardiotwin.viz import theme
from cardiotwin.viz.traces import draw_traces

HEADS = (
    "time_s",
    "muscle_j",
    "blood_j",
    "dissipated_j",
    "kinetic_j",
    "stored_j",
    "scheme_j",
    "gap_j",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    anatomy: str = "lv"
    muscle: str = "twitch"
    step_ms: float = 8.0
    output: str = "outputs/beat_energy"

    def __post_init__(self) -> None:
        Contractility(muscle=self.muscle)
        if self.anatomy not in ("lv", "biventricular") or not self.step_ms > 0:
            msg = (
                "anatomy must be lv or biventricular and step_ms positive, found "
                f"{self.anatomy!r} and {self.step_ms:g}."
            )
            raise InputError(msg)


def row(work: Work, time: float) -> tuple[float, ...]:
    """Return the work since the beat began as `HEADS` name it; blood's is what it was given."""
    given = -sum(work.by_pressure.values())
    return (
        time,
        work.by_muscle,
        given,
        work.dissipated,
        work.kinetic,
        work.stored,
        work.scheme,
        work.gap,
    )


def beat_once(
    loop: ClosedLoop, start: Moment, dt: float
) -> tuple[Work, Float[np.ndarray, "steps 8"], float]:
    """Return a beat's work, its course, and what its loops of pressure and volume enclose, J."""
    loop.dynamics.problem.forget()
    meter, moments, rows = WorkMeter(loop.dynamics, start.wall), [start], []
    for moment in loop.march(start, start.time + loop.circulation.period, dt):
        meter.watch(moment.wall)
        moments.append(moment)
        rows.append(row(meter.read(), moment.time - start.time))
    enclosed = 0.0
    for name in loop.chambers:
        p, v = (
            np.array([getattr(getattr(one.loop, what), name) for one in moments])
            for what in ("pressure", "volume")
        )
        enclosed -= float(np.trapezoid(p, v))
    return meter.read(), np.array(rows), enclosed


def write_course(course: Float[np.ndarray, "steps 8"], folder: Path) -> None:
    """Write the work by step as a table and as a picture."""
    with (folder / "energy.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADS)
        writer.writerows(course.tolist())
    time, muscle, blood, dissipated, _, stored, scheme, gap = course.T
    curves = {
        "muscle gave": (time, muscle, theme.VERMILION),
        "blood was given": (time, blood, theme.BLUE),
        "wall and springs hold": (time, stored, theme.GREEN),
        "dampers took": (time, dissipated, theme.ORANGE),
    }
    missing = {
        "missing": (time, 1e3 * gap, theme.BLACK),
        "taken by the scheme": (time, 1e3 * scheme, theme.SKY),
    }
    draw_traces(
        {"energy since end-diastole, J": curves, "missing energy, mJ": missing},
        folder / "energy.png",
        title="Energy of a beat",
    )


def energy(options: Options) -> Mapping[str, Any]:
    """Beat once in steps of two sizes and return where the energy went."""
    folder = Path(options.output)
    twin = finished_twin(folder / "twin", options.path, options.anatomy)
    record = (folder / "twin" / "twin.json").read_bytes()
    kept = Stages(folder / "trials", fingerprint(sha256_of(record), options.muscle))
    contractility = Contractility(muscle=options.muscle)
    _, loop, start = beating_heart(twin, kept_recipe(folder / "twin"), contractility, kept)
    coarse, _, _ = beat_once(loop, start, options.step_ms * MS)
    if start.bridges is not None:
        start = loop.begin(start.wall.solved, start.loop)
    work, course, enclosed = beat_once(loop, start, options.step_ms * MS / 2)
    gaps, unexplained = (
        [getattr(one, what) / one.turnover for one in (coarse, work)]
        for what in ("gap", "unexplained")
    )
    write_course(course, folder)
    return {
        "muscle_work_j": work.by_muscle,
        "blood_work_j": -sum(work.by_pressure.values()),
        "pressure_volume_work_j": enclosed,
        "dissipated_j": work.dissipated,
        "stored_change_j": work.stored,
        "largest_stored_j": float(course[:, HEADS.index("stored_j")].max()),
        "kinetic_change_j": work.kinetic,
        "largest_kinetic_j": float(course[:, HEADS.index("kinetic_j")].max()),
        "energy_gap_percent": 100 * gaps[1],
        "coarse_energy_gap_percent": 100 * gaps[0],
        "order": math.log2(abs(gaps[0] / gaps[1])),
        "scheme_j": work.scheme,
        "unexplained_percent": 100 * unexplained[1],
        "coarse_unexplained_percent": 100 * unexplained[0],
        "unexplained_order": math.log2(abs(unexplained[0] / unexplained[1])),
        "steps": len(course),
    }


if __name__ == "__main__":
    run(Options, energy)
