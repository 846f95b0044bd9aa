"""Where compiled forms are kept."""

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
