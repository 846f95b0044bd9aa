"""One and two processes give the same flow."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from mpi4py import MPI

import numpy as np
import pytest

from . import flow_ranks


def test_two_processes_give_the_flow_of_one(tmp_path):
    beside = Path(sys.executable).with_name("mpiexec")
    launch = str(beside) if beside.exists() else shutil.which("mpiexec")
    if launch is None:
        pytest.skip("no mpiexec beside Python or on the path")
    file = tmp_path / "by_two.npy"
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(  # noqa: S603 - our own program
        [launch, "-n", "2", sys.executable, flow_ranks.__file__, str(file)],
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    alone, shared = flow_ranks.systole(MPI.COMM_SELF), np.load(file)
    size = np.abs(alone).max(axis=0)
    assert size[:3].max() > 0.1
    assert (np.abs(shared - alone).max(axis=0) / size).max() < 1e-8
