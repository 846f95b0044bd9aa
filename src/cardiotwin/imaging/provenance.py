"""Which files were read, and what they held: a SHA-256 for each."""

import hashlib
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
    """Raise `InputError` unless the path is a file; `role` names the argument it came from."""
    if not path.exists():
        parent = path.parent
        near = sorted(item.name for item in parent.iterdir())[:5] if parent.is_dir() else []
        found = f"its folder holds {', '.join(near)}" if near else f"{parent} is empty or missing"
        msg = f"{role} does not exist: {path} ({found}). Check the path."
        raise InputError(msg)
    if not path.is_file():
        msg = f"{role} must be a file, found a folder: {path}. Name the file itself."
        raise InputError(msg)
