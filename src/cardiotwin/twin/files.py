"""Files and folders that are either the old ones or the new ones, never half of one."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from cardiotwin.errors import InputError

PART = ".part-"


def write_atomically(path: Path, writer: Callable[[Path], None]) -> None:
    """Let `writer` make a file or a folder beside `path`, force it to the disk, put it in place.

    Whoever opens `path` at any moment, a power cut included, finds the old file or the whole new
    one; of folders only an empty one is replaced. The parent is made where it is missing.

    Raises
    ------
    InputError
        If the operating system refuses: a full disk, a folder that cannot be written.
    """
    try:
        _replace(path, writer)
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        msg = (
            f"{path.name} could not be written in {path.parent}: {reason}. "
            "Make room there, or name an output folder that you may write to."
        )
        raise InputError(msg) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Put bytes in a file, atomically."""

    def write(part: Path) -> None:
        part.write_bytes(content)

    write_atomically(path, write)


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write files in a folder that appears whole or not at all.

    Raises
    ------
    InputError
        If something else is there, or the operating system refuses.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = (
            f"{folder} must be a new or an empty folder, found something there. "
            "Name another folder."
        )
        raise InputError(msg)

    def write(part: Path) -> None:
        part.mkdir()
        fill(part)

    write_atomically(folder, write)


def _replace(path: Path, writer: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays: writers such as ffmpeg choose their format by it.
    part = path.with_name(f"{PART}{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")
    try:
        writer(part)
        for inside in [*part.rglob("*"), part] if part.is_dir() else [part]:
            _sync(inside)
        part.replace(path)
        _sync(path.parent)
    finally:
        _drop(part)


def clear_parts(folder: Path) -> None:
    """Remove what a killed process was writing in a folder."""
    for part in folder.glob(f"{PART}*"):
        _drop(part)


def _drop(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file for good where there is one; refused as `write_atomically` is."""
    if not path.exists():
        return
    try:
        path.unlink()
        _sync(path.parent)
    except OSError as error:
        msg = (
            f"{path.name} could not be replaced in {path.parent}: {error.strerror}. "
            "Name an output folder that you may write to."
        )
        raise InputError(msg) from error


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__ = [
    "clear_parts",
    "remove",
    "sha256_of",
    "write_atomically",
    "write_bytes",
    "write_folder",
]
