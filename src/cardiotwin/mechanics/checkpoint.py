"""States of a body by nodes, so that any number of processes goes on from them.

Arrays are in the mesh's own numbering and the same on every process; each number comes back to
the last bit.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np

from cardiotwin.mechanics.dynamics import Kinematics
from cardiotwin.mechanics.fields import Fields
from cardiotwin.mechanics.loads import LOADS, Loads
from cardiotwin.mechanics.solved import Solved

Arrays = Mapping[str, Any]


def solved_arrays(fields: Fields, solved: Solved) -> dict[str, Any]:
    """Return an equilibrium by nodes."""
    return {
        **fields.to_arrays(solved.unknown),
        "given": fields.nodal.to_nodes(solved.other),
        "loads": np.array([getattr(solved.loads, name) for name in LOADS]),
    }


def solved_from(fields: Fields, arrays: Arrays) -> Solved:
    """Return the equilibrium that `solved_arrays` had."""
    return Solved(
        unknown=fields.from_arrays(arrays),
        other=fields.nodal.to_dofs(arrays["given"]),
        loads=Loads(**dict(zip(LOADS, arrays["loads"].tolist(), strict=True))),
    )


def motion_arrays(fields: Fields, motion: Kinematics) -> dict[str, Any]:
    """Return a motion by nodes, with the earlier times and unknowns that predict its next step."""
    result = solved_arrays(fields, motion.solved) | {
        "time": np.array(motion.time),
        "velocity": fields.nodal.to_nodes(motion.velocity),
        "acceleration": fields.nodal.to_nodes(motion.acceleration),
        "past_time": np.array([time for time, _ in motion.past]),
    }
    for number, (_, unknown) in enumerate(motion.past):
        arrays = fields.to_arrays(unknown)
        result |= {f"past_{number}_{name}": values for name, values in arrays.items()}
    return result


def motion_from(fields: Fields, arrays: Arrays) -> Kinematics:
    """Return the motion that `motion_arrays` had."""
    past = []
    for number, time in enumerate(arrays["past_time"].tolist()):
        head = f"past_{number}_"
        parts = {name.removeprefix(head): arrays[name] for name in arrays if name.startswith(head)}
        past.append((time, fields.from_arrays(parts)))
    return Kinematics(
        time=float(arrays["time"]),
        solved=solved_from(fields, arrays),
        velocity=fields.nodal.to_dofs(arrays["velocity"]),
        acceleration=fields.nodal.to_dofs(arrays["acceleration"]),
        past=tuple(past),
    )


def write_arrays(path: Path, arrays: Arrays, comm: MPI.Intracomm = MPI.COMM_SELF) -> None:
    """Write arrays that all processes have to an `.npz` file, by the first one, whole or not.

    Raises
    ------
    OSError
        If the file cannot be written; every process raises it.
    """
    failure = None
    if comm.rank == 0:
        part = path.with_suffix(".part")
        try:
            with part.open("wb") as file:
                np.savez(file, **arrays)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            failure = error
    failure = comm.bcast(failure)
    if failure is not None:
        raise failure


def read_arrays(path: Path) -> dict[str, Any]:
    """Return what `write_arrays` wrote."""
    with path.open("rb") as file, np.load(file) as page:
        return {name: page[name] for name in page.files}
