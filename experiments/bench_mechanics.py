"""The mechanics' part of the benchmarks: the same problems by other codes, and whole beats.

`python experiments/bench_mechanics.py [data=folder] [output=folder]` rewrites that section of
`docs/benchmarks.md`, and keeps what stands under the other headings.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_page import write_section
from experiment import DATA, run

from cardiotwin.errors import CardiotwinError

HERE = Path(__file__).resolve().parent
HEADING = "## Mechanics against other codes"
BEATS: dict[str, tuple[str, int, *tuple[str, ...]]] = {
    "lv": ("left ventricle", 180),
    "biventricular": ("two ventricles", 900, "step_ms=8"),
}
"""By anatomy: its name, CPU seconds allowed per beat, options."""
OTHERS = {"pulse": "fenicsx-pulse 0.12", "ambit": "ambit-fe 2026.1.0"}
SETTINGS = ("default", "best")
UNTIMED = (
    "ambit's law is given E of the isochoric C, as the others have it: as shipped it takes E "
    "itself, which with P2-P1 is another problem. A dynamic step by ambit was not timed: it takes "
    "fibres at the nodes, which have none at the apex: its contracting wall is another one."
)
ABSENT = "svMultiPhysics is in no package registry that pip knows, so it was not installed."


@dataclass(frozen=True, kw_only=True)
class Options:
    data: str = str(DATA)
    output: str = "outputs/bench"


def numbers_of(program: str, folder: Path, *words: str) -> dict[str, Any]:
    """Return what an experiment writes, run as a process of its own."""
    command = [sys.executable, str(HERE / program), f"output={folder}", *words]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or ["nothing"])[-1]
        msg = f"{program} ended with code {ran.returncode} and said: {last}"
        raise CardiotwinError(msg)
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def land_lines(found: Mapping[str, Any]) -> list[str]:
    """Return the table of Land's problem 2."""
    head = (
        f"Land et al. (2015), problem 2, on one mesh (P2-P1, {found['dofs']} unknowns), CPU "
        "seconds from the unloaded wall to 10 kPa, the least of "
        f"{found['config']['repeats']} runs; forms were compiled before.\n"
    )
    lines = [
        head,
        "| | CPU, s | tangents factorised | peak memory, GB | apex inside, mm | outside, mm |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    codes = {"cardiotwin": "cardiotwin", **OTHERS}
    for key, name in ((f"{c}_{s}", f"{n}, {s}") for s in SETTINGS for c, n in codes.items()):
        if f"{key}_cpu_s" in found:
            inner, outer = found[f"{key}_apex_mm"]
            lines.append(
                f"| {name} | {found[f'{key}_cpu_s']:.2f} | "
                f"{found[f'{key}_factorisations']:.0f} | {found[f'{key}_memory_gb']:.2f} | "
                f"{inner:.4f} | {outer:.4f} |"
            )
    return [*lines, *(f"\n{other_line(found, code, name)}" for code, name in OTHERS.items())]


def other_line(found: Mapping[str, Any], code: str, name: str) -> str:
    """Return how another code compares, or why it does not."""
    if f"{code}_missing" in found:
        return f"{name} gave no numbers: {found[f'{code}_missing']}"
    here = [settings for settings in SETTINGS if f"{code}_{settings}_ratio" in found]
    than = {
        "default": "at its defaults (5 were asked for)",
        "best": f"at its best settings ({found[f'{code}_best_settings']}, compiled for the "
        "processor; 3 were asked for)",
    }
    times = " and ".join(
        f"{found[f'{code}_{settings}_ratio']:.1f} times {than[settings]}" for settings in here
    )
    apart = max(found[f"{code}_{settings}_apexes_apart_mm"] for settings in here)
    said = found.get(f"{code}_said")
    failed = f" At its defaults it ended with: {said}" if said else ""
    return (
        f"cardiotwin is faster than {name}: {times}. The apexes are {apart:.1g} mm apart.{failed}"
    )


def dynamic_lines(found: Mapping[str, Any]) -> list[str]:
    """Return what was measured of dynamic steps."""
    ours = (
        f"\nA dynamic step of a contracting wall ({found['cardiotwin_dofs']} unknowns, "
        f"generalised-alpha): {found['cardiotwin_cpu_s']:.2f} CPU-s with "
        f"{found['cardiotwin_factorisations']:.2f} factorisations"
    )
    if "missing" in found:
        return [f"{ours}. fenicsx-pulse gave no numbers: {found['missing']}"]
    by = f"by fenicsx-pulse {found['pulse_cpu_s']:.2f} with {found['pulse_factorisations']:.2f}"
    said = (
        f"{ours}; {by}. That is {found['ratio']:.1f} times faster (3 were asked for), with the "
        f"apexes {found['apexes_apart_mm']:.1g} mm apart at the end."
    )
    return [said]


def beat_line(found: Mapping[str, Any], chambers: str, allowed: int) -> str:
    """Return what a whole beat costs."""
    step = found["config"]["step_ms"]
    return (
        f"\nA closed-loop beat of patient1's {chambers} ({found['dofs']} unknowns, "
        f"{found['steps']} steps of {step:g} ms): {found['cpu_s']:.0f} CPU-s ({allowed} allowed), "
        f"{found['cycles']} beats until one repeats; ejection fraction "
        f"{found['ef_percent']:.1f} %, peak {found['peak_pressure_mmhg']:.0f} mmHg."
    )


def compare(options: Options) -> tuple[str, Mapping[str, Any]]:
    """Run the comparisons, and return what the page says of them and their numbers."""
    folder = Path(options.output)
    peers = f"peers={folder / 'peers'}"
    land = numbers_of("compare_land.py", folder / "land", peers)
    motion = numbers_of("compare_dynamics.py", folder / "motion", peers)
    lines = [*land_lines(land), *dynamic_lines(motion)]
    found = {"land": land, "dynamics": motion}
    heart = Path(options.data) / "cine" / "patient1" / "guidepoints"
    if heart.exists():
        for anatomy, (chambers, allowed, *more) in BEATS.items():
            words = [f"path={heart}", f"anatomy={anatomy}", *more]
            own = folder / f"beat_{anatomy}"
            shutil.rmtree(own / "journal", ignore_errors=True)  # what it costs is measured anew
            beat = numbers_of("beat.py", own, *words)
            lines.append(beat_line(beat, chambers, allowed))
            found[f"beat_{anatomy}"] = beat
    lines.append(f"\n{UNTIMED} {ABSENT}")
    return "\n".join(lines), {
        f"{part}_{key}": value
        for part, numbers in found.items()
        for key, value in numbers.items()
        if isinstance(value, int | float)
    }


def bench_mechanics(options: Options) -> Mapping[str, Any]:
    """Run the comparisons, write the section, and return its numbers."""
    text, numbers = compare(options)
    write_section(HEADING, text)
    return numbers


if __name__ == "__main__":
    run(Options, bench_mechanics)
