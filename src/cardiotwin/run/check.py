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
    findings = check(place("path", options["path"]), reading(options))
    for line in findings.lines:
        print(line)  # noqa: T201 - the command's answer
    for flag in findings.flags:
        print(f"! {flag.name}: {flag.sentence}")  # noqa: T201 - the command's answer


def reading(options: Options) -> Any:
    """Return the options of `read_examination`, beside the path, as it takes them."""
    from cardiotwin.imaging import Reading  # noqa: PLC0415 - not for --help

    values = {item.name: options[item.name] for item in fields(Reading)}
    for name in ("end_systole", "image"):
        values[name] = None if values[name] is None else place(name, values[name])
    return Reading(**values)


def place(key: str, value: str) -> Path:
    """Return a path as the command line has it; raise `InputError` where it is empty."""
    if not value.strip():
        msg = f"{key} is empty, found {value!r}. Name a file or folder: {key}=..."
        raise InputError(msg)
    try:
        return Path(value).expanduser()
    except RuntimeError:  # ~name, and no user of that name: a file may be called so
        return Path(value)
