"""Forms compiled for this processor, once: FFCx keeps them on disk.

FFCx marks a form in work by its C file and waits ten seconds for whoever writes it. A process
that was killed leaves that mark for ever, and two processes that start together (a sweep) wait
too shortly for each other: so one process at a time compiles, and clears what a killed one left.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import ufl
from jaxtyping import Float

# The C compiler's options: twice the speed of the defaults in assembly (DESIGN.md, 6).
_OPTIONS = ["-O3", "-march=native", "-fno-math-errno"]


def compile_form(form: ufl.Form) -> Any:
    """Return the form ready for assembly."""
    with _compiling() as options:
        return dolfinx.fem.form(form, jit_options=options)


def evaluate(
    value: Any, points: Float[np.ndarray, "points 3"], mesh: dolfinx.mesh.Mesh[Any]
) -> Float[np.ndarray, "cells points"]:
    """Return a scalar at reference points of every cell, in dolfinx's cell order."""
    with _compiling() as options:
        expression = dolfinx.fem.Expression(value, points, jit_options=options)
    cells = np.arange(mesh.topology.index_map(3).size_local, dtype=np.int32)
    return np.asarray(expression.eval(mesh, cells))


@contextmanager
def _compiling() -> Iterator[dict[str, Any]]:
    """Give the options of the form compiler, to one process at a time."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = home / "cardiotwin" / "forms"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for source in cache.glob("*.c"):
            if not source.with_suffix(".c.cached").exists():
                source.unlink()
        yield {"cffi_extra_compile_args": _OPTIONS, "cache_dir": cache}
