"""Forms compiled for this processor, once: FFCx keeps them on disk.

The nodes of a cluster may share a home and differ in what their processors understand: each kind
of processor has a folder of its own.

FFCx marks a form in work by its C file and waits ten seconds for whoever writes it. A process
that was killed leaves that mark for ever, and two processes that start together (a sweep) wait
too shortly for each other: so each form has a folder with a lock, in which one process at a time
compiles, and clears what a killed one left. Of the processes that share a mesh the first one
compiles; the others load what it has made. What nobody asked for in a season is removed.
"""

import fcntl
import itertools
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TextIO

from mpi4py import MPI

import dolfinx
import ffcx.naming
import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.errors import InputError

# The C compiler's options: twice the speed of the defaults in assembly (DESIGN.md, 6).
# Sums in any order make assembly a sixth faster again; nan and inf stay what they are.
_OPTIONS = [
    *("-O3", "-march=native", "-fno-math-errno"),
    *("-fassociative-math", "-freciprocal-math", "-fno-signed-zeros", "-fno-trapping-math"),
]

# UFL sorts constants by their numbers as written, "10" before "9": of numbers of many digits the
# order is that in which they were made, and a form the same whatever a process made before.
ufl.Constant._counter = itertools.count(10**12)  # type: ignore[assignment]  # noqa: SLF001

_KEPT = 100 * 86400  # s that a form is kept after it was asked for last


def compile_form(form: ufl.Form) -> Any:
    """Return the form ready for assembly."""
    mesh = form.ufl_domain().ufl_cargo()
    with _compiling(form, mesh.comm) as options:
        return dolfinx.fem.form(form, jit_options=options)


def evaluator(
    value: Any, points: Float[np.ndarray, "points 3"], mesh: dolfinx.mesh.Mesh[Any]
) -> Callable[[], Float[np.ndarray, "cells points"]]:
    """Return what reads a scalar at reference points of every cell, in dolfinx's cell order.

    A process reads the cells that it owns.
    """
    with _compiling((value, points), mesh.comm) as options:
        expression = dolfinx.fem.Expression(value, points, jit_options=options)
    cells = np.arange(mesh.topology.index_map(3).size_local, dtype=np.int32)
    return lambda: np.asarray(expression.eval(mesh, cells))


@contextmanager
def _compiling(what: Any, comm: MPI.Intracomm) -> Iterator[dict[str, Any]]:
    """Give the compiler's options for a form, to one process (or one group of them) at a time."""
    with _lock_file(ffcx.naming.compute_signature([what], "")) as handle:
        folder = Path(handle.name).parent
        if comm.rank == 0:
            fcntl.flock(handle, fcntl.LOCK_EX)
            for source in folder.glob("*.c"):
                if not source.with_suffix(".c.cached").exists():
                    source.unlink()
        yield {"cffi_extra_compile_args": _OPTIONS, "cache_dir": folder}
        if comm.rank == 0:
            for linked in folder.glob("*.o"):
                linked.unlink()


@cache
def _processor() -> str:
    """Return a name of what this machine's processor understands."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
        told = [line for line in first.splitlines() if line.startswith(("model name", "flags"))]
    except OSError:  # not Linux
        told = [platform.machine(), platform.processor()]
    return sha256("\n".join(told).encode()).hexdigest()[:12]


@cache
def _remove_old(forms: Path) -> None:
    """Remove the forms, of any processor, whose lock nobody opened for long."""
    for lock in forms.glob("*/*/.lock"):
        with suppress(FileNotFoundError):  # another process was the first
            if time.time() - lock.stat().st_mtime > _KEPT:
                shutil.rmtree(lock.parent, ignore_errors=True)


def _lock_file(name: str) -> TextIO:
    """Return the open lock of a form's folder, which is made where it is missing."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        forms = Path(home).expanduser() / "cardiotwin" / "forms"
        _remove_old(forms)
        folder = forms / _processor() / name
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / ".lock").open("w")
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        reason = error.strerror if isinstance(error, OSError) else error
        msg = (
            f"Compiled forms cannot be kept in {home}/cardiotwin/forms, found: {reason}. Set the "
            "environment variable XDG_CACHE_HOME to a folder that you may write to."
        )
        raise InputError(msg) from error
