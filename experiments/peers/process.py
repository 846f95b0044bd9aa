"""Another code as a process of its own: what it reads, and what it answers."""

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
HERE = Path(__file__).resolve().parent


def apexes(mesh: TetMesh) -> Integer[np.ndarray, "2"]:
    """Return the nodes of the inner and the outer apex."""
    u, t = mesh.point_fields["apicobasal"], mesh.point_fields["transmural"]
    return np.array([np.flatnonzero((u == 0) & (t == end))[0] for end in (0, 1)])


def peer_work(mesh: TetMesh, unit: float = MM) -> dict[str, Any]:
    """Return the mesh as a peer reads it, in a unit of length, m, and where the apexes are."""
    order = dolfinx.io.utils.cell_perm_vtk(dolfinx.mesh.CellType.tetrahedron, 10)
    return {
        "points": mesh.points / unit,
        "cells": np.ascontiguousarray(mesh.cells[:, order], dtype=np.int64),
        "base": mesh.facets["base"],
        "endocardium": mesh.facets["lv_endocardium"],
        "apex": apexes(mesh),
        "unit_mm": np.array(unit / MM),
    }


def run_peer(
    program: str, python: Path, work: Mapping[str, Any], how: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return the numbers of a peer's program in this folder, or what it ``said`` instead."""
    folder.mkdir(parents=True, exist_ok=True)
    forms = folder.resolve() / "forms"
    jit = {"cffi_extra_compile_args": how["compiler"], "cache_dir": str(forms)}
    (folder / "dolfinx_jit_options.json").write_text(json.dumps(jit))
    environment = os.environ | {"PYTHONPATH": str(HERE.parent)}  # of this project `peers` alone
    words = [str(python.absolute()), str(HERE / program), "work.npz", "result.json"]
    for forms_only in (False,) if forms.exists() else (True, False):
        settings = json.dumps({**how, "forms_only": forms_only})
        np.savez(folder / "work.npz", how=settings, **work)
        ran = subprocess.run(  # noqa: S603
            words, cwd=folder, capture_output=True, text=True, check=False, env=environment
        )
        if ran.returncode:
            return {"said": (ran.stderr.strip().splitlines() or ["nothing"])[-1]}
    answer: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return answer
