"""One table of a sweep: options, numbers, and what became of each member."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from cardiotwin.twin.files import write_atomically

TABLE = "sweep.parquet"
_SECTIONS = ("geometry", "states", "parameters", "fit", "timing_s")
_SHOWN = {  # key in twin.json: heading
    "geometry.model.edv_ml": "EDV mL",
    "geometry.model.esv_ml": "ESV mL",
    "parameters.passive_scale.value": "passive scale",
    "parameters.passive_exponent.value": "exponent",
    "parameters.contractility.value": "contractility kPa",
}


@dataclass(frozen=True, kw_only=True)
class Member:
    """What became of one run of a sweep.

    Parameters
    ----------
    folder
        Its run folder.
    options
        Its options, as written.
    exit_code
        0 where it finished.
    reason
        Why it did not; empty where it did.
    record
        Content of its twin.json; empty where it did not finish.
    """

    folder: Path
    options: Mapping[str, str]
    exit_code: int
    reason: str
    record: Mapping[str, Any]

    @property
    def status(self) -> str:
        """Return finished or failed."""
        return "finished" if self.exit_code == 0 else "failed"


def write_table(folder: Path, members: Sequence[Member]) -> Path:
    """Write `sweep.parquet` and return its path: one row for each member, finished or not."""
    rows = [
        {
            "folder": member.folder.name,
            "status": member.status,
            "exit_code": member.exit_code,
            "reason": member.reason,
            **member.options,
            **_numbers(member.record),
            **_units(member.record),
        }
        for member in members
    ]
    frame = pd.DataFrame(rows)
    for option in {key for member in members for key in member.options}:
        frame[option] = _as_numbers(frame[option])

    def write(path: Path) -> None:
        frame.to_parquet(path, index=False)

    write_atomically(folder / TABLE, write)
    return folder / TABLE


def print_table(folder: Path, members: Sequence[Member]) -> None:
    """Print what a person wants of the table, and where the rest is."""
    varying = [
        key
        for key in dict.fromkeys(key for member in members for key in member.options)
        if len({member.options.get(key) for member in members}) > 1
    ]
    known = {key for member in members for key in _numbers(member.record)}
    shown = [key for key in _SHOWN if key in known]
    table = Table(*(*varying, "status", *(_SHOWN[key] for key in shown)))
    for member in members:
        numbers = _numbers(member.record)
        options = [_short(key, member, members) for key in varying]
        values = [f"{numbers[key]:.4g}" if key in numbers else "" for key in shown]
        table.add_row(*options, member.status, *values)
    console = Console(highlight=False)
    console.print(table)
    failed = [member for member in members if member.exit_code != 0]
    for member in failed:
        line = f"{member.folder.name}: {member.reason}"
        console.print(line, soft_wrap=True, markup=False)
    done = f"{len(members) - len(failed)} of {len(members)} finished. Table: {folder / TABLE}"
    console.print(done, soft_wrap=True, markup=False)


def _short(key: str, member: Member, members: Sequence[Member]) -> str:
    """Return an option's value, of a path only its end where that tells the members apart."""
    values = {other.options.get(key, "") for other in members}
    value = member.options.get(key, "")
    return Path(value).name if len({Path(one).name for one in values}) == len(values) else value


def _numbers(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a twin.json by dotted key."""
    sections = {key: record[key] for key in _SECTIONS if key in record}
    found = {
        key: float(value)
        for key, value in _leaves(sections)
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return found | ({"flags": float(len(record["flags"]))} if "flags" in record else {})


def _units(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the units of the numbers whose keys have none, by dotted key."""
    sections = {key: record[key] for key in _SECTIONS if key in record}
    return {key: str(value) for key, value in _leaves(sections) if key.endswith(".unit")}


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _as_numbers(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a column of options as numbers where every one is."""
    try:
        return pd.Series(pd.to_numeric(column), index=column.index)
    except (ValueError, TypeError):
        return column
