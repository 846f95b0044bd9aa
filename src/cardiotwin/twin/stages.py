"""The stages of a run, each kept on disk when it ends, so that a run that was killed goes on.

A stage's result is what its file gives back, also in the run that computed it: a resumed run and
an undisturbed one see the same bits, down to the memory order of the arrays.
"""

import json
import logging
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from cardiotwin.twin.document import from_document, to_document
from cardiotwin.twin.files import write_bytes

_LOG = logging.getLogger(__name__)


def fingerprint(*parts: Any) -> str:
    """Return the SHA-256 of what a result depends on (anything that a stage can store)."""
    document, arrays = to_document(parts)
    digest = sha256(json.dumps(document, sort_keys=True).encode())
    for value in arrays.values():
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


class Stages:
    """Finished stages of one run.

    Parameters
    ----------
    folder
        Where the stages lie, one file each; None keeps nothing.
    fingerprint
        Of all that the results depend on: the config, the inputs, the code. A stage that another
        fingerprint left is computed again.
    """

    def __init__(self, folder: Path | None, fingerprint: str) -> None:
        self.folder = folder
        self.fingerprint = fingerprint
        self._timing: dict[str, float] = {}

    @property
    def timing(self) -> Mapping[str, float]:
        """Return the seconds that each stage took when it was computed."""
        return dict(self._timing)

    def run(self, name: str, kind: Any, function: Callable[[], Any]) -> Any:
        """Return the stage's stored result, or compute it with `function` and store it.

        `kind` annotates the result: a dataclass, or a mapping or tuple of what a dataclass may
        hold. Whatever `function` draws at random must come from a generator of its own.
        """
        stored = self.stored(name, kind)
        if stored is not None:
            seconds, result = stored
            self._timing[name] = seconds
            _LOG.info("%s: kept from before", name, extra={"stage": name, "event": "kept"})
            return result
        _LOG.info("%s ...", name, extra={"stage": name, "event": "started"})
        start = time.perf_counter()
        try:
            value = function()
        except BaseException:
            seconds = time.perf_counter() - start
            _LOG.info(
                "%s: stopped after %.1f s",
                name,
                seconds,
                extra={"stage": name, "event": "stopped"},
            )
            raise
        seconds = time.perf_counter() - start
        content = self._pack(name, seconds, value)
        if self.folder is not None:
            write_bytes(self.path(name), content)
        self._timing[name] = seconds
        _LOG.info("%s: %.1f s", name, seconds, extra={"stage": name, "event": "finished"})
        return _result(kind, *_unpack(content))

    def path(self, name: str) -> Path:
        """Return the file of a stage."""
        if self.folder is None:
            msg = f"The stages were given no folder, so {name} has no file."
            raise ValueError(msg)
        return self.folder / f"{name}.npz"

    def stored(self, name: str, kind: Any) -> tuple[float, Any] | None:
        """Return seconds and result of a stage that this run can take over, or None."""
        if self.folder is None or not self.path(name).exists():
            return None
        path = self.path(name)
        try:
            header, arrays = _unpack(path.read_bytes())
            if header["stage"] != name or header["fingerprint"] != self.fingerprint:
                _LOG.info("%s: stored for another configuration, computed again", name)
                return None
            return float.fromhex(header["seconds"]), _result(kind, header, arrays)
        except CORRUPT as error:
            _LOG.warning("%s: %s cannot be read (%s), computed again", name, path.name, error)
            return None

    def _pack(self, name: str, seconds: float, value: Any) -> bytes:
        document, arrays = to_document(value, "result")
        header = {
            "stage": name,
            "fingerprint": self.fingerprint,
            "seconds": seconds.hex(),
            "result": document,
        }
        text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        buffer = BytesIO()
        np.savez(buffer, allow_pickle=False, header=text, **arrays)
        return buffer.getvalue()


def read_result(path: Path, kind: Any) -> Any:
    """Return the result in a stage's file, whatever run left it."""
    return _result(kind, *_unpack(path.read_bytes()))


# What a damaged file can raise: the archive's checksum, missing parts, text that is not ours.
CORRUPT = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    RuntimeError,  # a flag bit that says the archive is encrypted or of another version
    MemoryError,
    OverflowError,
    SyntaxError,  # an array's header is a Python literal
)


def _unpack(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    with np.load(BytesIO(content), allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}  # reads all, so all checksums
    return json.loads(arrays.pop("header").tobytes()), arrays


def _result(kind: Any, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Any:
    return from_document(kind, header["result"], arrays)
