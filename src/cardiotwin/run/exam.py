"""`cardiotwin exam`: a virtual examination of a twin or the built-in volunteer, with truth."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cardiotwin.errors import InputError
from cardiotwin.exam.battery import Battery
from cardiotwin.exam.cine_protocol import CineProtocol
from cardiotwin.exam.volunteer import Volunteer
from cardiotwin.run.application import Options, run_job
from cardiotwin.run.options import store
from cardiotwin.run.reading import place
from cardiotwin.run.recipe import kept_recipe
from cardiotwin.run.schema import build, schema

_OF_THE_SCAN = ("scan", "seed")
MOST_PROCESSES = 4  # of a gigabyte or two each


@dataclass
class ExamOptions:
    """A virtual examination: a beating heart scanned into a subject folder with its truth.

    Parameters
    ----------
    path
        Run folder of a finished twin, which is scanned again; null: the built-in volunteer.
    output
        Folder of the examination, new or empty.
    volunteer
        Recipe of the built-in volunteer; of a twin's examination `scan` and `seed` alone.
    cine
        Protocol of the short-axis cine.
    beside
        The series beside the cine, and the wall's tissue that they show.
    processes
        How many scan side by side; null: one for each core, four at most.
    """

    path: str | None = None
    output: str | None = None
    volunteer: Any = field(default_factory=schema(Volunteer))
    cine: Any = field(default_factory=schema(CineProtocol))
    beside: Any = field(default_factory=schema(Battery))
    processes: int | None = None


store("exam", ExamOptions)


def run(words: Sequence[str]) -> int:
    """Return the exit code of the job."""
    return run_job("exam", examine, words)


def examine(options: Options) -> None:
    """Find or make the heart, scan it, and write the examination's folder."""
    if options["output"] is None:
        msg = "exam needs an output folder, found none. Write cardiotwin exam output=folder."
        raise InputError(msg)
    folder = place("output", options["output"])
    volunteer, protocol = build(options["volunteer"]), build(options["cine"])
    battery = build(options["beside"])
    processes = _processes(options["processes"])
    if options["path"] is None:
        _examine_volunteer(volunteer, protocol, battery, folder, processes)
    else:
        path = place("path", options["path"])
        _examine_twin(path, volunteer, protocol, battery, folder, processes=processes)
    print(folder)  # noqa: T201 - the command's answer


def _processes(asked: int | None) -> int:
    """Return how many processes scan."""
    if asked is None:
        return min(len(os.sched_getaffinity(0)), MOST_PROCESSES)
    if asked < 1:
        msg = f"processes must be 1 or more, found {asked}. Leave it out: one for each core."
        raise InputError(msg)
    return asked


def _examine_volunteer(
    volunteer: Volunteer,
    protocol: CineProtocol,
    battery: Battery,
    folder: Path,
    processes: int,
) -> None:
    from cardiotwin.exam.beat import solve_beat  # noqa: PLC0415 - brings dolfinx
    from cardiotwin.exam.examination import make_examination  # noqa: PLC0415 - not for --help

    make_examination(
        volunteer,
        protocol,
        folder,
        solve_beat,
        tell=print,
        battery=battery,
        processes=processes,
    )


def _examine_twin(
    path: Path,
    volunteer: Volunteer,
    protocol: CineProtocol,
    battery: Battery,
    folder: Path,
    *,
    processes: int,
) -> None:
    from cardiotwin.exam.examine_twin import examine_twin  # noqa: PLC0415 - brings dolfinx

    _require_no_recipe(volunteer, path)
    examine_twin(
        path,
        kept_recipe(path).wall,
        protocol,
        folder,
        scan=volunteer.scan,
        seed=volunteer.seed,
        battery=battery,
        processes=processes,
        tell=print,
    )


def _require_no_recipe(volunteer: Volunteer, path: Path) -> None:
    """Refuse a volunteer's recipe beside a twin, which would do nothing."""
    usual = Volunteer()
    for item in fields(Volunteer):
        value = getattr(volunteer, item.name)
        if item.name not in _OF_THE_SCAN and value != getattr(usual, item.name):
            msg = (
                f"path={path} is scanned as it is, found volunteer.{item.name}={value} beside it. "
                "Leave it out: of volunteer, only scan and seed are for a twin."
            )
            raise InputError(msg)
