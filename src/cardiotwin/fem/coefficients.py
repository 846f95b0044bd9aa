"""A model's numbers as constants of the forms, so that another value compiles nothing."""

import copy
from dataclasses import fields
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx


def as_constants[Model](model: Model, mesh: dolfinx.mesh.Mesh[Any]) -> Model:
    """Return the model, a dataclass, with constants of the mesh for its numbers.

    What is zero stays a number: the form has no term for it.
    """
    symbolic = copy.copy(model)
    for field in fields(model):  # type: ignore[arg-type]
        value = getattr(model, field.name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value != 0:
            object.__setattr__(symbolic, field.name, dolfinx.fem.Constant(mesh, float(value)))
    return symbolic
