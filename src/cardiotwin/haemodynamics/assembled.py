"""Matrices and vectors of forms that are assembled again and again, each process its share."""

from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to
from petsc4py import PETSc

import dolfinx
import dolfinx.fem.petsc
import numpy as np
from jaxtyping import Float


class Matrix:
    """A bilinear form's matrix, assembled anew each time it is asked for."""

    def __init__(self, form: Any) -> None:
        self._form = form
        self._matrix: Any = dolfinx.fem.petsc.create_matrix(form)
        keep: Any = PETSc.Mat.Option.KEEP_NONZERO_PATTERN
        self._matrix.setOption(keep, True)  # noqa: FBT003

    def assembled(self) -> Any:
        """Return the matrix of the fields as they are."""
        self._matrix.zeroEntries()
        assemble: Any = dolfinx.fem.petsc.assemble_matrix
        assemble(self._matrix, self._form)
        self._matrix.assemble()
        return self._matrix


class Vector:
    """A linear form's vector, assembled anew each time it is asked for."""

    def __init__(self, form: Any) -> None:
        self._form = form
        self._vector = dolfinx.fem.create_vector(form.function_spaces[0])

    def assembled(self) -> Float[np.ndarray, " dofs"]:
        """Return the values at the process's own dofs, and at ghosts their owners'."""
        self._vector.array[:] = 0
        dolfinx.fem.assemble_vector(self._vector.array, self._form)
        self._vector.scatter_reverse(dolfinx.la.InsertMode.add)
        self._vector.scatter_forward()
        return np.array(self._vector.array)


__all__ = ["Matrix", "Vector"]
