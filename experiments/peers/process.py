"""fenicsx-pulse as a process of its own: what it reads, and what it answers."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
from jaxtyping import Integer

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.units import MM

COMPILED = ["-Ofast", "-march=native"]
"""Options of the C compiler for this processor; dolfinx reads them from a file."""
PROGRAM = Path(__file__).resolve().parent / "pulse_land.py"


def apexes(mesh: TetMesh) -> Integer[np.ndarray, "2"]:
    """Return the nodes of the inner and the outer apex."""
    u, t = mesh.point_fields["apicobasal"], mesh.point_fields["transmural"]
    return np.array([np.flatnonzero((u == 0) & (t == end))[0] for end in (0, 1)])


def peer_work(mesh: TetMesh, unit: float = MM) -> dict[str, Any]:
    """Return the mesh as the peer reads it, in a unit of length, m, and where the apexes are."""
    order = dolfinx.io.utils.cell_perm_vtk(dolfinx.mesh.CellType.tetrahedron, 10)
    return {
        "points": mesh.points / unit,
        "cells": np.ascontiguousarray(mesh.cells[:, order], dtype=np.int64),
        "base": mesh.facets["base"][:, :3],
        "endocardium": mesh.facets["lv_endocardium"][:, :3],
        "apex": apexes(mesh),
        "unit_mm": np.array(unit / MM),
    }


def run_peer(
    python: Path, work: Mapping[str, Any], how: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return the peer's numbers, or what it ``said`` instead."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "work.npz", how=json.dumps(how), **work)
    forms = folder.resolve() / "forms"
    jit = {"cffi_extra_compile_args": how["compiler"], "cache_dir": str(forms)}
    (folder / "dolfinx_jit_options.json").write_text(json.dumps(jit))
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    words = [str(python.absolute()), str(PROGRAM), "work.npz", "result.json"]
    for _ in range(1 if forms.exists() else 2):  # the first compiles the forms
        ran = subprocess.run(  # noqa: S603
            words, cwd=folder, capture_output=True, text=True, check=False, env=environment
        )
        if ran.returncode:
            return {"said": (ran.stderr.strip().splitlines() or ["nothing"])[-1]}
    answer: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return answer


def peak_memory() -> float:
    """Return the most memory that this process has held, GB (getrusage's is the parent's too)."""
    status = Path("/proc/self/status").read_text()
    return 1024e-9 * float(status.partition("VmHWM:")[2].split()[0])
