"""What the experiments share: options from the command line, `result.json` in a folder."""

import json
import math
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cardiotwin.errors import CardiotwinError, InputError

DATA = Path(
    os.environ.get("CARDIOTWIN_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
)  # the published data, beside the project unless said
INTERRUPTED = 130  # as a shell reports a program ended by Ctrl-C
LONGEST = 12  # a list that is printed
SOFTWARE = ("cardiotwin", "dolfinx-solver-real", "numpy")


def read_options[Options](kind: type[Options], words: list[str]) -> Options:
    """Return the options, a dataclass with defaults, changed by words ``key=value``.

    Raises
    ------
    InputError
        If a word names no option, or its value is of another type.
    """
    types: dict[str, Any] = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    given = {}
    for word in words:
        key, equals, text = word.partition("=")
        if key not in types or not equals:
            msg = f"Unknown option {word!r}. The options are {', '.join(types)}: give key=value."
            raise InputError(msg)
        try:
            given[key] = types[key](text)
        except ValueError as error:
            asked = f"takes {types[key].__name__} values"
            if issubclass(types[key], Enum):
                asked = f"is one of {', '.join(each.value for each in types[key])}"
            msg = f"{key} {asked}, found {text!r}. Give one."
            raise InputError(msg) from error
        if isinstance(given[key], float) and not math.isfinite(given[key]):
            msg = f"{key} takes finite numbers, found {text!r}."
            raise InputError(msg)
    return kind(**given)


def run[Options](kind: type[Options], experiment: Callable[[Options], Mapping[str, Any]]) -> None:
    """Run an experiment as a program: print its numbers, write them to ``output``.

    Ctrl-C, and a batch system's SIGTERM, end it with one line.
    """
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        options = read_options(kind, sys.argv[1:])
        folder = _folder(Path(asdict(options)["output"]))  # type: ignore[call-overload]
        result = experiment(options)
    except CardiotwinError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from error
    except KeyboardInterrupt as error:
        print(str(error) or "Interrupted.", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from error
    for key, value in result.items():
        print(f"{key}: {_shown(value)}")
    config = asdict(options)  # type: ignore[call-overload]
    folder.mkdir(parents=True, exist_ok=True)
    page = {**result, "config": config, "software": {name: version(name) for name in SOFTWARE}}
    text = json.dumps(_told(page), indent=2, allow_nan=False)
    (folder / "result.json").write_text(text + "\n")


def _folder(path: Path) -> Path:
    """Return the folder for the results; refuse one that cannot be."""
    first = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not first.is_dir():
        msg = f"output must be a folder, found the file {first}. Name another place."
        raise InputError(msg)
    return path


def _told(value: Any) -> Any:
    """Return a value with null for the numbers that there are not, as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _told(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_told(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _shown(value: Any) -> str:
    """Return a number in six digits, a long list by its length, anything else as it is."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list) and len(value) > LONGEST:
        return f"{len(value)} values"
    return str(value)
