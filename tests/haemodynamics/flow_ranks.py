"""The same beat on any number of processes: `mpiexec -n 2 python flow_ranks.py file`."""

import sys
from pathlib import Path

from mpi4py import MPI

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from pulsing import PERIOD, pulsing_spheroid

from cardiotwin.geometry.cavity import CavityTemplate, make_cavity
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import HeartFlow

STEPS = 8


def systole(comm: MPI.Intracomm) -> np.ndarray:
    """Return velocity and pressure in early systole, at all nodes on every process."""
    template = CavityTemplate(edge=0.16, layers=8, collar_layers=2, stub_layers=2)
    cavity = make_cavity(pulsing_spheroid(), PERIOD, template)
    heart = HeartFlow(cavity, Fluid(), steps=60, tolerance=1e-12, comm=comm)
    *_, last = heart.run(STEPS)
    return np.column_stack([last.velocity, last.pressure])


if __name__ == "__main__":
    found = systole(MPI.COMM_WORLD)
    if MPI.COMM_WORLD.rank == 0:
        np.save(sys.argv[1], found)
