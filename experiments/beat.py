"""Whole beats of a personalised heart in the closed loop of its blood, until they repeat.

`python experiments/beat.py [path=subject] [anatomy=lv|biventricular] [step_ms=4] [frames=40]
[muscle=twitch|land2017] [tension_share=1] [segment_contractility=7:0/8:0.5]
[coronaries=no|yes] [tolerance_percent=0.5] [most_beats=10] [output=folder]`: the twin is built
first (without `path` that of the volunteer; a finished run folder `twin` in `output` is used
again), then it beats from its end-diastole at its heart rate until a beat differs from the one
before by less than the tolerance, at most `most_beats` times. Its muscle is a prescribed twitch or
the cross-bridges of Land et al. (2017), as strong as the fit says; blood and afterload are those
with which the wall beats from its imaged end-diastole back to it (trial beats tell, kept in
`trials`). `tension_share` multiplies the fitted contractility, `segment_contractility` that of AHA
segments: an infarct after the fit. With `coronaries=yes` the aorta feeds both coronary arteries,
too, which the ventricles squeeze (`beat_coronaries.png`). The last beat's numbers go to
`result.json` and `function.json`, its steps to `beat.csv`, its frames to `curves.csv` and
`beat.vtkhdf`, beside pictures; the same command goes on where it was stopped (`journal`).
"""

import csv
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from beat_coronaries import coronary_numbers, draw_coronaries
from beat_numbers import beat_numbers
from command import finished_twin
from experiment import run

from cardiotwin.circulation import Circulation, Stores
from cardiotwin.coupling import Beats, Journal, Moment
from cardiotwin.errors import InputError
from cardiotwin.mechanics.active import segment_factors
from cardiotwin.run.recipe import kept_recipe
from cardiotwin.twin import Twin
from cardiotwin.twin.beat_files import beat_to_hdf5, curves_table
from cardiotwin.twin.beating import Contractility, beating_heart
from cardiotwin.twin.files import sha256_of, write_bytes
from cardiotwin.twin.frames import FEWEST, Cine
from cardiotwin.twin.function_record import function_record
from cardiotwin.twin.json_record import as_json
from cardiotwin.twin.reading import left_planes
from cardiotwin.twin.stages import Stages, fingerprint
from cardiotwin.twin.whole_beat import WholeBeat, read_beat, two_states
from cardiotwin.units import KPA, ML, MMHG, MS
from cardiotwin.viz.curves import draw_beat_curves, draw_beat_segments
from cardiotwin.viz.function import draw_function
from cardiotwin.viz.strain import draw_strain

LONGEST_MS = 50.0
# What changes no step; a hash stands for the path.
NOT_IN_MARK = ("path", "output", "tolerance_percent", "most_beats")


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    anatomy: str = "lv"
    step_ms: float = 4.0
    frames: int = 40
    muscle: str = "twitch"
    tension_share: float = 1.0
    segment_contractility: str = ""
    coronaries: str = "no"
    tolerance_percent: float = 0.5
    most_beats: int = 10
    output: str = "outputs/beat"

    def __post_init__(self) -> None:
        if not (
            0 < self.step_ms <= LONGEST_MS and self.frames >= FEWEST and self.tension_share >= 0
        ):
            msg = (
                f"step_ms must be positive and at most {LONGEST_MS:g} (an isovolumic phase is "
                f"hardly longer), frames at least {FEWEST}, tension_share not negative, "
                f"found step_ms={self.step_ms:g} frames={self.frames} "
                f"tension_share={self.tension_share:g}."
            )
            raise InputError(msg)
        if self.anatomy not in ("lv", "biventricular"):
            msg = f"anatomy must be lv or biventricular, found {self.anatomy!r}."
            raise InputError(msg)
        self.contractility()
        if self.coronaries not in ("no", "yes"):
            msg = f"coronaries must be no or yes, found {self.coronaries!r}."
            raise InputError(msg)
        if self.most_beats < 2:
            msg = f"most_beats must be 2 or more, for beats to repeat, found {self.most_beats}."
            raise InputError(msg)
        if not self.tolerance_percent > 0:
            msg = f"tolerance_percent must be positive, found {self.tolerance_percent:g}."
            raise InputError(msg)

    def contractility(self) -> Contractility:
        """Return how strong the muscle is."""
        return Contractility(
            muscle=self.muscle,
            tension_share=self.tension_share,
            segments=segment_factors(self.segment_contractility),
        )


def twin_record(options: Options) -> bytes:
    """Return what the run's twin is."""
    return (Path(options.output) / "twin" / "twin.json").read_bytes()


def journal_of(options: Options, circulation: Circulation) -> tuple[Journal, Stages]:
    """Return the journal of a run with these options, and where its frames are kept."""
    folder = Path(options.output) / "journal"
    told = {key: value for key, value in asdict(options).items() if key not in NOT_IN_MARK}
    told |= {"twin_sha256": sha256_of(twin_record(options)), "circulation": repr(circulation)}
    page = json.dumps(told, indent=2) + "\n"
    mark = folder / "run.json"
    if mark.exists() and mark.read_text() != page:
        try:
            before = json.loads(mark.read_text())
            other = [key for key, value in told.items() if before.get(key) != value]
        except (ValueError, AttributeError):
            other = ["a page that cannot be read"]
        msg = (
            f"{folder} is the journal of another run, found different: {', '.join(other)}. "
            "Remove the folder, or name another one with output=..."
        )
        raise InputError(msg)
    write_bytes(mark, page.encode())
    return Journal(folder), Stages(folder / "frames", sha256_of(page.encode()))


def table(beats: Beats, path: Path) -> None:
    """Write the last beat's volumes, pressures and flows."""
    record = beats.record
    heads = [f"{name}_{unit}" for unit in ("ml", "mmhg") for name in Stores._fields]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time_s", *heads, "active_tension_kpa"])
        for now, volume, pressure, tension in zip(
            record.time, record.volume, record.pressure, beats.course.tension, strict=True
        ):
            since = now - record.time[0]
            writer.writerow([since, *(volume / ML), *(pressure / MMHG), tension / KPA])


def write_files(beat: WholeBeat, beats: Beats, twin: Twin, options: Options) -> None:
    """Write tables, fields and pictures of the last beat."""
    folder = Path(options.output)
    table(beats, folder / "beat.csv")
    (folder / "curves.csv").write_text(curves_table(beat))
    (folder / "function.json").write_text(as_json(function_record(beat.function)))
    write_bytes(folder / "beat.vtkhdf", beat_to_hdf5(beat))
    disease = segment_factors(options.segment_contractility)
    draw_beat_curves(beat, beats.record, folder / "beat_curves.png", diseased=disease)
    draw_beat_segments(beat, folder / "beat_segments.png")
    shown = two_states(beat, twin)
    draw_strain(shown, folder / "beat_strain.png")
    draw_function(shown, folder / "function.png")


def beat(options: Options) -> Mapping[str, Any]:
    """Run the beats, write the last one's files, and return its numbers."""
    twin = finished_twin(Path(options.output) / "twin", options.path, options.anatomy)
    recipe = kept_recipe(Path(options.output) / "twin")
    found = fingerprint(sha256_of(twin_record(options)), options.muscle)
    kept = Stages(Path(options.output) / "trials", found)
    wall, loop, start = beating_heart(
        twin, recipe, options.contractility(), kept, coronaries=options.coronaries == "yes"
    )
    journal, stages = journal_of(options, loop.circulation)
    period, step = loop.circulation.period, options.step_ms * MS
    cine = Cine(wall, stages, start, period=period, step=step, n_frames=options.frames)

    def tell(number: int, change: float) -> None:
        print(f"beat {number}: changed by {100 * change:.2f} %", flush=True)

    n_solved = 0

    def watch(moment: Moment) -> None:
        nonlocal n_solved
        n_solved += 1
        cine.watch(moment)

    began = time.process_time()
    tolerance = options.tolerance_percent / 100
    watched: dict[str, Any] = {"journal": journal, "tell": tell, "watch": watch}
    beats = loop.beats(start, step, tolerance=tolerance, most=options.most_beats, **watched)
    seconds = time.process_time() - began
    count, lv = len(beats.changes) + 1, Stores._fields.index("lv")
    record = beats.record
    n_steps = len(record.time) - 1
    cost = Path(options.output) / "journal" / "cpu_s_per_step"
    if n_solved:
        write_bytes(cost, str(seconds / n_solved).encode())
    read = read_beat(
        wall,
        cine.frames(count),
        time=record.time[:-1],
        volume=record.volume[:-1, lv],
        pressure=record.pressure[:-1, lv],
        heart_rate=1 / period,
    )
    for flag in left_planes(read.function):
        print(f"! {flag.name}: {flag.sentence}", flush=True)
    write_files(read, beats, twin, options)
    if loop.arteries:
        draw_coronaries(beats.course, loop.arteries, Path(options.output) / "beat_coronaries.png")
    return {
        **beat_numbers(read, record),
        **coronary_numbers(beats.course, loop.arteries),
        "cycles": count,
        "last_change_percent": 100 * beats.changes[-1],
        "cpu_s": float(cost.read_text()) * n_steps if cost.exists() else None,
        "dofs": len(start.wall.solved.unknown),
        "steps": n_steps,
        "factorisations": loop.dynamics.problem.factorisations,
    }


def beat_or_stop(options: Options) -> Mapping[str, Any]:
    """Run the beats; where they are interrupted, say how they go on."""
    try:
        return beat(options)
    except KeyboardInterrupt as stop:
        said = f"Interrupted. The same command goes on from what it kept in {options.output}."
        raise KeyboardInterrupt(said) from stop


if __name__ == "__main__":
    run(Options, beat_or_stop)
