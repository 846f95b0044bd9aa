"""A run folder: one process at a time, finished or to be resumed, never overwritten silently."""

import fcntl
import logging
import os
import platform
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import cardiotwin
from cardiotwin.errors import InputError
from cardiotwin.twin.files import clear_parts, remove, sha256_of
from cardiotwin.twin.stages import fingerprint
from cardiotwin.twin.store import read_record

STAGES = "stages"
RUNS = Path("runs")
_LOG = logging.getLogger(__name__)
_NUMBERS = {".vtkhdf", ".csv", ".parquet"}  # pictures may be drawn again


def folder_name(text: str) -> str:
    """Return a subject's name, or a path, as the name of a folder.

    >>> folder_name("/data/Patient 1/labels.nii.gz")
    'labels'
    """
    stem = re.sub(r"\.(nii|nii\.gz|zip|npz)$", "", Path(text).name)
    return re.sub(r"[^\w.-]+", "_", stem).strip("._") or "subject"


@contextmanager
def locked(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder, made where it is missing, for this process alone; `wait` for another's end.

    Raises
    ------
    InputError
        If another process holds it, or it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        msg = (
            f"{folder} cannot be a run folder, found: {error.strerror}. "
            "Name one with output=... that you may write to, on a disk with room."
        )
        raise InputError(msg) from error
    try:
        _lock(handle, folder, wait=wait)
        clear_parts(folder)
        clear_parts(folder / STAGES)
        yield
    finally:
        os.close(handle)  # frees the lock, as any end of the process does


def _lock(handle: int, folder: Path, *, wait: bool) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError as error:
        holder = os.read(handle, 200).decode(errors="replace").strip() or "another process"
        msg = (
            f"The run folder {folder} is in use, found {holder} at work in it. "
            "Wait for it to end, or name another output folder."
        )
        raise InputError(msg) from error
    except OSError as error:  # a file system without locks must not forbid a run
        _LOG.warning("%s cannot be locked (%s): start only one run in it", folder, error.strerror)
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"process {os.getpid()} on {platform.node()}".encode(), 0)


def is_finished(folder: Path, mark: str, *, force: bool) -> bool:
    """Return whether the folder holds the finished run of this fingerprint.

    With `force`, whatever is finished there is made unfinished and its stages forgotten.

    Raises
    ------
    InputError
        If it holds a finished run of another fingerprint.
    """
    if force:
        remove(folder / "twin.json")
        for stage in (folder / STAGES).glob("*.npz"):
            remove(stage)
    if not (folder / "twin.json").exists():
        return False
    record = read_record(folder)
    if record.get("fingerprint") != mark:
        msg = (
            f"{folder} holds a finished twin of other settings, inputs or version, found "
            f"{str(record.get('fingerprint'))[:12]} instead of {mark[:12]}. Name another output "
            "folder, or give force=true to replace it."
        )
        raise InputError(msg)
    damaged = _damaged(folder, record.get("files"))
    for name in damaged:
        _LOG.warning("%s is not as it was written: the run is done again", folder / name)
    return not damaged


def _damaged(folder: Path, files: Any) -> list[str]:
    """Return the files of numbers whose content is no longer what `twin.json` says."""
    known: Mapping[str, str] = files if isinstance(files, Mapping) else {}
    return [
        name
        for name, digest in known.items()
        if Path(name).suffix in _NUMBERS
        and not ((folder / name).is_file() and sha256_of((folder / name).read_bytes()) == digest)
    ]


def run_mark(*parts: Any) -> str:
    """Return the fingerprint of a run: what was asked, what was read, which version."""
    return fingerprint(cardiotwin.__version__, *parts)


def stage_mark(mark: str) -> str:
    """Return the fingerprint of a run's stages: the code's, too, since a checkout's changes."""
    digest = sha256()
    package = Path(cardiotwin.__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    return fingerprint(mark, digest.hexdigest())
