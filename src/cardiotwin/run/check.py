"""`cardiotwin check`: what is in a folder, what is missing or wrong, before anything runs."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from cardiotwin.errors import InputError
from cardiotwin.run.application import Options, run_job
from cardiotwin.run.options import CheckOptions, store

store("check", CheckOptions)


def run(words: Sequence[str]) -> int:
    """Return the exit code of the job."""
    return run_job("check", check_examination, words)


def check_examination(options: Options) -> None:
    """Print what an examination holds; raise `InputError` for one that makes no twin."""
    from cardiotwin.imaging import check  # noqa: PLC0415 - not for --help

    if options["path"] is None:
        msg = "check needs a path, found none. Write cardiotwin check path=folder."
        raise InputError(msg)
    findings = check(Path(options["path"]).expanduser(), reading(options))
    for line in findings.lines:
        print(line)  # noqa: T201 - the command's answer
    for flag in findings.flags:
        print(f"! {flag.name}: {flag.sentence}")  # noqa: T201 - the command's answer


def reading(options: Options) -> Any:
    """Return the options of `read_examination`, beside the path, as it takes them."""
    from cardiotwin.imaging import Reading  # noqa: PLC0415 - not for --help

    values = {item.name: options[item.name] for item in fields(Reading)}
    for name in ("end_systole", "image"):
        values[name] = Path(values[name]).expanduser() if values[name] else None
    return Reading(**values)
