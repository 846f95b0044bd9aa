"""Linear systems of elasticity by a preconditioned Krylov method.

The displacement's block is preconditioned by smoothed aggregation with the rigid motions as near
null space (Vanek, Mandel & Brezina 1996, Computing 56:179-196). With a pressure the tangent is

    K  B^T        and the upper triangular factor of its block elimination needs the Schur
    B  -C         complement S = -(C + B K^-1 B^T).

B K^-1 B^T is spectrally equivalent to the pressure's mass matrix weighted by 1/mu where mu is the
tangent's shear modulus (Silvester & Wathen 1994, SIAM Journal on Numerical Analysis
31:1352-1367): by the inf-sup condition the bounds do not depend on the mesh. The modulus at each
corner is read from the tangent itself: its diagonal over that of an elastic body of unit modulus.
It thus follows how the tissue stiffens.
"""

from dataclasses import dataclass
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to
from petsc4py import PETSc

import numpy as np
from jaxtyping import Bool, Float, Integer

from cardiotwin.errors import ConvergenceError
from cardiotwin.fem.bordering import Columns, Dofs
from cardiotwin.fem.layout import Layout

RELATIVE = 1e-10  # of the residual's norm: derivatives by loads keep eight digits
RESTART = 150  # vectors that are kept
ITERATIONS = 600
AGGREGATION = {
    "pc_type": "gamg",
    "pc_gamg_type": "agg",
    "pc_gamg_threshold": "0.01",
    "pc_gamg_reuse_interpolation": "true",
    "mg_levels_ksp_type": "chebyshev",
    "mg_levels_ksp_max_it": "2",
    "mg_levels_pc_type": "sor",
}
SPLITTING = {
    "pc_type": "fieldsplit",
    "pc_fieldsplit_schur_fact_type": "upper",
    "fieldsplit_u_ksp_type": "preonly",
    **{f"fieldsplit_u_{name}": value for name, value in AGGREGATION.items()},
    "fieldsplit_p_ksp_type": "preonly",
    "fieldsplit_p_pc_type": "sor",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class PressureBlock:
    """What the pressure's Schur complement is made of.

    Parameters
    ----------
    dofs
        Of the pressure.
    mass
        Its mass matrix, in units in which the Schur complement is `mass` / modulus.
    corners
        For each pressure dof its node's displacement dofs, as positions in the displacement's.
    free
        Which nodes are held by no condition (the others have the mean modulus).
    unit_diagonal
        The diagonal of an elastic body of unit shear modulus, for each displacement dof.
    compressibility
        1 / bulk modulus, 1/Pa.
    """

    dofs: Integer[np.ndarray, " pressures"]
    mass: Any
    corners: Integer[np.ndarray, "pressures 3"]
    free: Bool[np.ndarray, " pressures"]
    unit_diagonal: Float[np.ndarray, " displacements"]
    compressibility: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Blocks:
    """The parts of an elastic body's unknown, each process's own dofs.

    Parameters
    ----------
    displacement
        Dofs of the displacement, three by three.
    rigid_motions
        Shifts and turns, by displacement dof.
    pressure
        The pressure's, in the mixed form.
    """

    displacement: Integer[np.ndarray, " displacements"]
    rigid_motions: Float[np.ndarray, "motions displacements"]
    pressure: PressureBlock | None = None


class IterativeSolver:
    """Solutions by flexible GMRES.

    Parameters
    ----------
    matrix
        Whose values may change between factorisations.
    layout
        Of its rows.
    blocks
        Of its rows.
    schur
        ``mass`` for the pressure's weighted mass matrix, ``selfp`` for B diag(K)^-1 B^T.
    """

    def __init__(
        self, matrix: Any, layout: Layout, blocks: Blocks, *, schur: str = "mass"
    ) -> None:
        self._matrix, self._layout, self._blocks = matrix, layout, blocks
        self._pressure_matrix: Any = None
        self.iterations: list[int] = []
        self._solver = solver = PETSc.KSP().create(matrix.comm)
        solver.setOperators(matrix)
        solver.setType("fgmres")
        solver.setGMRESRestart(RESTART)
        solver.setTolerances(rtol=RELATIVE, atol=0.0, max_it=ITERATIONS)
        first = matrix.getOwnershipRange()[0]
        u = PETSc.IS().createGeneral(first + blocks.displacement, comm=matrix.comm)
        u.setBlockSize(3)
        motions = self._near_null_space(u)
        options = PETSc.Options()
        if blocks.pressure is None:
            prefix, chosen = "cardiotwin_elastic_", AGGREGATION
            matrix.setBlockSize(3)
            matrix.setNearNullSpace(motions)
        else:
            prefix, chosen = "cardiotwin_mixed_", SPLITTING
        for name, value in chosen.items():
            options.setValue(prefix + name, value)
        solver.setOptionsPrefix(prefix)
        if blocks.pressure is not None:
            u.compose("nearnullspace", motions)
            p = PETSc.IS().createGeneral(first + blocks.pressure.dofs, comm=matrix.comm)
            pc: Any = solver.getPC()
            pc.setType("fieldsplit")
            pc.setFieldSplitType(PETSc.PC.CompositeType.SCHUR)
            pc.setFieldSplitIS(("u", u), ("p", p))
            if schur == "selfp":
                pc.setFieldSplitSchurPreType(PETSc.PC.FieldSplitSchurPreType.SELFP)
            else:
                self._pressure_matrix = blocks.pressure.mass.duplicate(copy=True)
                pc.setFieldSplitSchurPreType(
                    PETSc.PC.FieldSplitSchurPreType.USER, self._pressure_matrix
                )
        solver.setFromOptions()

    def _near_null_space(self, u: Any) -> Any:
        """Return the rigid motions, orthonormal."""
        vectors: list[Any] = []
        for motion in self._blocks.rigid_motions:
            sizes: Any = (len(motion), None)
            vector = PETSc.Vec().createMPI(sizes, bsize=3, comm=u.comm)
            vector.array_w[:] = motion
            for earlier in vectors:
                vector.axpy(-vector.dot(earlier), earlier)
            vector.normalize()
            vectors.append(vector)
        return PETSc.NullSpace().create(vectors=vectors, comm=u.comm)

    def factorise(self) -> None:
        """Prepare the preconditioner of the matrix as it is now."""
        pressure = self._blocks.pressure
        if pressure is not None and self._pressure_matrix is not None:
            self._weigh(pressure)
        self._solver.setUp()
        self._solver.getPC().setUp()  # now, not with the first solution

    def _weigh(self, pressure: PressureBlock) -> None:
        """Weigh the pressure's mass matrix by what yields: 1 / shear and 1 / bulk modulus."""
        diagonal = self._matrix.getDiagonal().array_r[self._blocks.displacement]
        stiffness = np.abs(diagonal) / pressure.unit_diagonal
        modulus = stiffness[pressure.corners].mean(axis=1)
        comm = self._layout.comm
        free = [
            comm.allreduce(part) for part in (modulus[pressure.free].sum(), pressure.free.sum())
        ]
        modulus[~pressure.free] = free[0] / free[1]
        yielding = 1 / modulus + pressure.compressibility
        scale = pressure.mass.createVecRight()
        scale.array_w[:] = np.sqrt(yielding)
        pressure.mass.copy(self._pressure_matrix)
        self._pressure_matrix.diagonalScale(scale, scale)
        self._pressure_matrix.scale(-1.0)

    def solve(self, right_hand_side: Dofs) -> Dofs:
        """Return the solution with the preconditioner prepared last.

        Raises
        ------
        ConvergenceError
            If `ITERATIONS` do not suffice.
        """
        b, x = self._matrix.createVecRight(), self._matrix.createVecRight()
        b.array_w[:] = right_hand_side[: self._layout.n_owned]
        self._solver.solve(b, x)
        self.iterations.append(self._solver.getIterationNumber())
        reason: Any = self._solver.getConvergedReason()
        left = self._solver.getResidualNorm()
        result, start = np.array(x.array_r), b.norm()
        b.destroy()
        x.destroy()
        if int(reason) < 0:
            msg = (
                f"The linear iteration stopped after {self.iterations[-1]} steps at residual "
                f"{left:.3g} (start {start:.3g}, reason {reason} of PETSc). Take a smaller step "
                "of the load, or linear_solver='direct'."
            )
            raise ConvergenceError(msg, (start, left))
        return self._layout.shared(result)

    def solve_columns(self, columns: Columns) -> Columns:
        """Return the solutions of several right-hand sides, one after another."""
        if columns.shape[1] == 0:
            return columns
        return np.stack([self.solve(column) for column in columns.T], axis=1)
