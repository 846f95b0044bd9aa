"""Which files were read, and what they held: a SHA-256 for each."""

import errno
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from cardiotwin.errors import InputError


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprints(paths: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its path, sorted by path."""
    return {path.as_posix(): sha256(path) for path in sorted(set(paths))}


def require_file(path: Path, role: str) -> None:
    """Raise `InputError` unless the path is a file; `role` names the argument it came from.

    One that may not be read raises `PermissionError`, as opening it would.
    """
    if path.exists() and not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    if not path.exists():
        parent = path.parent
        near = sorted(item.name for item in parent.iterdir())[:5] if parent.is_dir() else []
        found = f"its folder holds {', '.join(near)}" if near else f"{parent} is empty or missing"
        msg = f"{role} does not exist: {path} ({found}). Check the path."
        raise InputError(msg)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "a device or a pipe"
        msg = f"{role} must be a file, found {found}: {path}. Name the file itself."
        raise InputError(msg)
