"""Files that are either the old ones or the new ones, never half of one."""

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cardiotwin.errors import InputError


def write_atomically(path: Path, writer: Callable[[Path], None]) -> None:
    """Let `writer` fill a file beside `path`, force it to the disk, and put it in its place.

    Whoever opens `path` at any moment, a power cut included, finds the old file or the whole new
    one. The folder is made where it is missing.

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


def _replace(path: Path, writer: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays: writers such as ffmpeg choose their format by it.
    part = path.with_name(f".part-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")
    try:
        writer(part)
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    finally:
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


__all__ = ["remove", "sha256_of", "write_atomically", "write_bytes"]
