"""A twin in its run folder: saved so that a folder with a `twin.json` is complete, and loaded."""

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cardiotwin.errors import InputError
from cardiotwin.twin.beat import beat_table
from cardiotwin.twin.clinical import clinical_unit
from cardiotwin.twin.crate import KNOWN, crate_record
from cardiotwin.twin.files import remove, sha256_of, write_bytes
from cardiotwin.twin.json_record import SCHEMA, as_json, twin_record
from cardiotwin.twin.twin import Twin
from cardiotwin.twin.vtkhdf import twin_from_hdf5, twin_to_hdf5

RECORD = "twin.json"
FIELDS = "twin.vtkhdf"
POSTERIOR = "posterior.parquet"
CRATE = "ro-crate-metadata.json"
AGAIN = "make the twin again with cardiotwin twin ... force=true"


def save_twin(twin: Twin, folder: Path, *, fingerprint: str = "") -> None:
    """Write the record into a run folder, `twin.json` last.

    An older `twin.json` is removed first, so that the folder never looks complete while it is
    not. Pictures and a report that lie there already are listed in the crate.

    Parameters
    ----------
    twin
        The twin.
    folder
        The run folder; made where it is missing.
    fingerprint
        Of the configuration, kept in `twin.json`.

    Raises
    ------
    InputError
        If the folder cannot be written or the disk is full.
    """
    remove(folder / RECORD)
    contents = {FIELDS: twin_to_hdf5(twin), "beat.csv": beat_table(twin).encode()}
    if twin.posterior:
        contents[POSTERIOR] = _posterior_bytes(twin)
    else:
        remove(folder / POSTERIOR)
    for name, content in contents.items():
        write_bytes(folder / name, content)
    files = {name: sha256_of(content) for name, content in contents.items()}
    files |= {name: sha256_of((folder / name).read_bytes()) for name in _pictures(folder)}
    now = dt.datetime.now(tz=dt.UTC)
    crate = crate_record(twin, {RECORD: "", **files}, now)
    write_bytes(folder / CRATE, as_json(crate).encode())
    record = twin_record(twin, files, fingerprint)
    write_bytes(folder / RECORD, as_json(record).encode())


def load_twin(folder: Path | str) -> Twin:
    """Return the twin that `save_twin` wrote into a run folder, the same to the last bit.

    Raises
    ------
    InputError
        If the folder holds no complete twin, or files that do not belong together.
    """
    folder = Path(folder)
    record = read_record(folder)
    try:
        content = (folder / FIELDS).read_bytes()
    except OSError as error:
        msg = (
            f"{folder} has a {RECORD} and no readable {FIELDS}: {error.strerror}. "
            f"Copy the whole run folder, or {AGAIN}."
        )
        raise InputError(msg) from error
    expected = record.get("files", {}).get(FIELDS)
    if sha256_of(content) != expected:
        msg = (
            f"{folder / FIELDS} is not the file that {RECORD} was written with, found SHA-256 "
            f"{sha256_of(content)[:12]} instead of {str(expected)[:12]}. "
            f"Copy the whole run folder again, or {AGAIN}."
        )
        raise InputError(msg)
    return twin_from_hdf5(content)


def read_record(folder: Path) -> dict[str, Any]:
    """Return the content of a run folder's `twin.json`.

    Raises
    ------
    InputError
        If there is none, or it is not a record that this version reads.
    """
    path = folder / RECORD
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        msg = (
            f"{folder} holds no finished twin: {RECORD} cannot be read ({error.strerror}). "
            "Give the output folder of a twin that has ended."
        )
        raise InputError(msg) from error
    except ValueError as error:
        msg = f"{path} is not JSON, found {error}. Remove it, or {AGAIN}."
        raise InputError(msg) from error
    record: dict[str, Any] = found if isinstance(found, dict) else {}
    schema = record.get("schema")
    if schema != SCHEMA:
        msg = (
            f"{path} has schema {schema!r}, found by a version that reads {SCHEMA}. "
            f"Use the version that wrote it, or {AGAIN}."
        )
        raise InputError(msg)
    return record


def _posterior_bytes(twin: Twin) -> bytes:
    """Return the draws as Parquet, in the units of `twin.json`, which end the columns' names."""
    columns = {}
    for name, draws in twin.posterior.items():
        si = twin.parameters[name].unit if name in twin.parameters else "1"
        scale, unit = clinical_unit(name, si)
        columns[name if unit == "1" else f"{name}_{unit.lower()}"] = pa.array(draws / scale)
    note = {"seed": str(twin.seed)}
    table = pa.table(columns)
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(note), buffer)
    return buffer.getvalue()


def _pictures(folder: Path) -> list[str]:
    """Return the names of the pictures and the report in a folder."""
    return sorted(
        item.name
        for item in folder.iterdir()
        if item.suffix == ".png" or item.name in KNOWN.keys() & {"report.html", "beat.mp4"}
    )


__all__ = ["load_twin", "read_record", "save_twin"]
