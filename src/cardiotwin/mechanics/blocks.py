"""The parts of a body's tangent that its iterative solver treats apart."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx.fem.petsc
import numpy as np
import ufl

from cardiotwin.fem.compilation import compile_form
from cardiotwin.fem.domain import QUADRATURE
from cardiotwin.fem.iterative import Blocks, IterativeSolver, PressureBlock
from cardiotwin.fem.layout import Layout
from cardiotwin.fem.linear import DirectSolver, LinearSolver
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.fields import PRESSURE_UNIT, Fields


def solver_of(
    fields: Fields,
    conditions: Sequence[dolfinx.fem.DirichletBC[Any]],
    discretisation: Discretisation,
    *,
    symmetric: bool = False,
) -> Callable[[Any, Layout], LinearSolver]:
    """Return what makes the solver of a body's tangents, which may be symmetric."""
    if discretisation.linear_solver == "direct":
        return partial(DirectSolver, symmetric=symmetric)
    blocks = elastic_blocks(fields, conditions, discretisation.bulk_modulus)
    return partial(IterativeSolver, blocks=blocks, schur=discretisation.schur)


def elastic_blocks(
    fields: Fields, conditions: Sequence[dolfinx.fem.DirichletBC[Any]], bulk_modulus: float
) -> Blocks:
    """Return displacement and pressure with what preconditions them, on the imaged mesh."""
    n_owned = fields.placement_layout.n_owned
    displacement = fields.displacement_dofs[:n_owned].astype(np.int32)
    x = fields.nodal.to_dofs(fields.points).reshape(-1, 3)[: n_owned // 3]
    around = x - fields.points.mean(axis=0)
    motions = [np.broadcast_to(unit, x.shape) for unit in np.eye(3)]
    motions += [np.cross(unit, around) for unit in np.eye(3)]
    pressure = None
    if fields.nodal_pressure is not None:
        pressure = _pressure_block(fields, conditions, 1 / bulk_modulus)
    return Blocks(
        displacement=displacement,
        rigid_motions=np.stack([motion.ravel() for motion in motions]),
        pressure=pressure,
    )


def _pressure_block(
    fields: Fields, conditions: Sequence[dolfinx.fem.DirichletBC[Any]], compressibility: float
) -> PressureBlock:
    assert fields.nodal_pressure is not None  # noqa: S101 - the caller has asked
    volume = ufl.Measure(
        "dx", domain=fields.domain.mesh, metadata={"quadrature_degree": QUADRATURE}
    )
    placements, pressures = fields.placements, fields.nodal_pressure.space
    u, v = ufl.TrialFunction(placements), ufl.TestFunction(placements)
    p, q = ufl.TrialFunction(pressures), ufl.TestFunction(pressures)
    unit = _assembled(ufl.inner(ufl.grad(u) + ufl.grad(u).T, ufl.grad(v)) * volume)
    n_pressures = pressures.dofmap.index_map.size_local
    number = np.full(fields.nodal.n_nodes, -1)
    nodes = fields.nodal.node_of_dof[: placements.dofmap.index_map.size_local]
    number[nodes] = np.arange(len(nodes))
    corners = 3 * number[fields.nodal_pressure.node_of_dof[:n_pressures]][:, None] + np.arange(3)
    held = np.zeros(fields.layout.n_local, dtype=bool)
    for condition in conditions:
        held[condition.dof_indices()[0]] = True
    dofs = fields.pressure_dofs[:n_pressures].astype(np.int32)
    return PressureBlock(
        dofs=dofs,
        mass=_assembled(PRESSURE_UNIT**2 * p * q * volume),
        corners=corners,
        free=~held[fields.displacement_dofs[corners[:, 0]]],
        unit_diagonal=np.array(unit.getDiagonal().array_r),
        compressibility=compressibility,
    )


def _assembled(form: ufl.Form) -> Any:
    matrix = dolfinx.fem.petsc.assemble_matrix(compile_form(form))
    matrix.assemble()
    return matrix
