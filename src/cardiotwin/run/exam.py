"""`cardiotwin exam`: a virtual examination of the built-in volunteer, with known truth."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cardiotwin.errors import InputError
from cardiotwin.exam.cine_protocol import CineProtocol
from cardiotwin.exam.volunteer import Volunteer
from cardiotwin.run.application import Options, run_job
from cardiotwin.run.options import store
from cardiotwin.run.schema import build, schema


@dataclass
class ExamOptions:
    """A virtual examination: a beating heart scanned into a subject folder with its truth.

    Parameters
    ----------
    output
        Folder of the examination, new or empty.
    volunteer
        Recipe of the built-in volunteer, its short-axis stack included.
    cine
        Protocol of the short-axis cine.
    """

    output: str | None = None
    volunteer: Any = field(default_factory=schema(Volunteer))
    cine: Any = field(default_factory=schema(CineProtocol))


store("exam", ExamOptions)


def run(words: Sequence[str]) -> int:
    """Return the exit code of the job."""
    return run_job("exam", examine, words)


def examine(options: Options) -> None:
    """Make the volunteer, scan it, and write the examination's folder."""
    from cardiotwin.exam.beat import solve_beat  # noqa: PLC0415 - brings dolfinx
    from cardiotwin.exam.examination import make_examination  # noqa: PLC0415 - not for --help

    if options["output"] is None:
        msg = "exam needs an output folder, found none. Write cardiotwin exam output=folder."
        raise InputError(msg)
    folder = Path(options["output"])
    volunteer, protocol = build(options["volunteer"]), build(options["cine"])
    make_examination(volunteer, protocol, folder, solve_beat, tell=print)
    print(folder)  # noqa: T201 - the command's answer
