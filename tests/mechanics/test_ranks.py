"""One and two processes: the same answers, and each goes on from what the other wrote."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from mpi4py import MPI

import numpy as np
import pytest

from cardiotwin.mechanics.checkpoint import read_arrays, write_arrays

from . import ranks

CASES = ("contraction", "volume", "unloading", "free", "clamped", "motion", "beat")
AGREEMENT = 1e-8  # of an array's largest number


def launcher():
    """Return the program that starts processes: the wheel's own, or the system's."""
    beside = Path(sys.executable).with_name("mpiexec")
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        pytest.skip("no mpiexec beside Python or on the path")
    return found


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return how each case ends by where it began and who went on: (1 or 2, 1 or 2)."""
    folder, launch = tmp_path_factory.mktemp("ranks"), launcher()
    alone = ranks.cases(MPI.COMM_SELF, folder)
    for name, case in alone.items():
        write_arrays(folder / f"{name}_of_1.npz", case.begin() | {"size": 1})
    program = [launch, "-n", "2", sys.executable, ranks.__file__, str(folder)]
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(  # noqa: S603 - our own program
        program, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ends = {}
    for name, case in alone.items():
        for size in (1, 2):
            start = read_arrays(folder / f"{name}_of_{size}.npz")
            ends[name, size, 1] = case.go_on(start)
            ends[name, size, 2] = read_arrays(folder / f"{name}_of_{size}_by_2.npz")
    return ends


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_give_the_answer_of_one_whoever_began(results, name):
    reference = results[name, 1, 1]
    assert np.abs(reference["displacement"]).max() > 1e-4
    for began, went_on in ((1, 2), (2, 1), (2, 2)):
        found = results[name, began, went_on]
        assert found.keys() == reference.keys()
        for key, expected in reference.items():
            size = np.abs(expected).max(initial=0.0)
            np.testing.assert_allclose(
                found[key], expected, rtol=0, atol=AGREEMENT * size, err_msg=f"{key} {began}"
            )
