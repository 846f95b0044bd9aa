"""Where compiled forms are kept."""

import fcntl
import itertools
import os
import subprocess
import sys

from mpi4py import MPI

import dolfinx
import pytest
import ufl

from cardiotwin.errors import InputError
from cardiotwin.fem.compilation import compile_form


def test_a_cache_that_cannot_be_made_is_told_with_its_variable(tmp_path, monkeypatch):
    mesh = dolfinx.mesh.create_unit_cube(MPI.COMM_SELF, 1, 1, 1)
    form = ufl.as_ufl(1.0) * ufl.dx(domain=mesh)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"file/cardiotwin/forms, found: Not a .*XDG_CACHE_HOME"):
        compile_form(form)


def test_a_form_is_the_same_however_many_constants_came_before():
    mesh = dolfinx.mesh.create_unit_cube(MPI.COMM_SELF, 1, 1, 1)
    made = [dolfinx.fem.Constant(mesh, 1.0) for _ in range(1100)]  # past 9, 99 and 999
    pairs = itertools.pairwise(made)
    forms = [first * second * ufl.dx(domain=mesh) for first, second in pairs]
    assert len({form.signature() for form in forms}) == 1


COMPILE = """
import sys
from mpi4py import MPI
import dolfinx, ufl
from cardiotwin.fem.compilation import compile_form
mesh = dolfinx.mesh.create_unit_cube(MPI.COMM_SELF, 1, 1, 1)
form = ufl.as_ufl(float(sys.argv[1])) * ufl.dx(domain=mesh)
print(round(dolfinx.fem.assemble_scalar(compile_form(form)), 9))
"""


def compiling(value, cache):
    """Return a process that compiles a form whose integral is `value`."""
    command = [sys.executable, "-c", COMPILE, value]
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    return subprocess.Popen(  # noqa: S603 - our own words
        command, stdout=subprocess.PIPE, text=True, env=environment
    )


def test_a_form_waits_for_its_own_compiler_alone_and_not_for_a_killed_one(tmp_path):
    first = [compiling("2.5", tmp_path) for _ in range(2)]
    assert [float(one.communicate()[0]) for one in first] == [2.5, 2.5]
    (made,) = (tmp_path / "cardiotwin" / "forms").glob("*/*/*.c.cached")
    made.unlink()  # as if the compiler had been killed
    with (made.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        other = compiling("3.5", tmp_path)  # does not wait for this form
        assert float(other.communicate(timeout=60)[0]) == 3.5
    assert float(compiling("2.5", tmp_path).communicate()[0]) == 2.5
    assert made.exists()
    assert not list(made.parent.glob("*.o"))  # half of the room, and nobody's


def test_a_form_that_nobody_asked_for_in_a_season_is_removed_and_one_that_is_used_stays(tmp_path):
    for value in ("2.5", "3.5"):
        assert float(compiling(value, tmp_path).communicate()[0]) == float(value)
    locks = sorted((tmp_path / "cardiotwin" / "forms").glob("*/*/.lock"))
    for lock in locks:
        os.utime(lock, (0, 0))
    assert float(compiling("3.5", tmp_path).communicate()[0]) == 3.5  # compiled again
    (kept,) = (tmp_path / "cardiotwin" / "forms").glob("*/*/.lock")
    assert kept in locks
    assert kept.stat().st_mtime > 0
    os.utime(kept, (kept.stat().st_mtime - 86400,) * 2)
    before = kept.stat().st_mtime
    assert float(compiling("3.5", tmp_path).communicate()[0]) == 3.5
    assert kept.stat().st_mtime > before
