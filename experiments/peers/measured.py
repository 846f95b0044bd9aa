"""What every peer's program answers in the same way; it needs dolfinx alone."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def given() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the problem and the settings in the file that the command line names first."""
    with np.load(sys.argv[1]) as file:
        work = {name: file[name] for name in file.files}
    return work, json.loads(str(work.pop("how")))


def answer(numbers: Mapping[str, Any]) -> None:
    """Write numbers and the peak memory into the file that the command line names second."""
    Path(sys.argv[2]).write_text(json.dumps({**numbers, "memory_gb": peak_memory()}))


def peak_memory() -> float:
    """Return the most memory that this process has held, GB (getrusage's is the parent's too)."""
    status = Path("/proc/self/status").read_text()
    return 1024e-9 * float(status.partition("VmHWM:")[2].split()[0])


def deformed_z(displacement: Any, where: Any) -> list[float]:
    """Return the deformed z of nodes, numbered as they were given, by a P2 displacement."""
    space = displacement.function_space
    geometry = space.mesh.geometry
    nodes = np.asarray(geometry.input_global_indices)
    dof = np.empty(len(nodes), dtype=int)
    dof[nodes[np.asarray(geometry.dofmaps[0]).ravel()]] = space.dofmap.list.ravel()
    place = np.argsort(nodes)[where]
    z: list[float] = (geometry.x[place, 2] + displacement.x.array[3 * dof[where] + 2]).tolist()
    return z
