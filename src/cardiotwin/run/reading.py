"""The options of a job as the reader takes them: paths, frames, labels."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from cardiotwin.errors import InputError
from cardiotwin.run.application import Options


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
