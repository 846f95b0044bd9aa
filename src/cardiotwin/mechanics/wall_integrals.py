"""What a reduced model of a wall needs of its integrals, as arrays in the mesh's numbering.

Nothing of the physics is written again: axes and springs come from the body's own forms and
terms; only the shape functions' gradients are tabulated.
"""

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.fem.compilation import compile_form
from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.geometry.shapes import jacobians, tetrahedron_shapes
from cardiotwin.mechanics.modes import ModalSprings
from cardiotwin.mechanics.parametric import ParametricWall
from cardiotwin.mechanics.snapshots import WallIntegrals

SPRINGS = {
    "base_stiffness": ("base_normal", "base_plane"),
    "pericardium_stiffness": ("pericardium",),
}


def wall_integrals(model: ParametricWall) -> WallIntegrals:
    """Return the integrals of a wall."""
    mesh, body = model.wall.mesh, model.body
    reference, weights = quadrature_rule(QUADRATURE)
    unloaded = body.fields.placed(model.reference)
    here, there = (jacobians(points, mesh, reference) for points in (mesh.points, unloaded))
    G = there @ np.linalg.inv(here)
    fibre, sheet = model.wall.angles.axes(mesh, reference)[:2]
    axes = _carried(G, fibre, sheet)
    shapes, slopes = tetrahedron_shapes(reference)
    gradients = slopes @ np.linalg.inv(there) @ axes
    equations = body.equations
    assert equations.supports is not None  # noqa: S101 - a parametric wall has springs
    springs = equations.supports.springs
    height = mesh.point_fields["apicobasal"][mesh.cells] @ shapes.T
    share = (height - springs.annulus_height) / (1 - springs.annulus_height)
    corners = np.column_stack([1 - reference.sum(axis=1), reference])
    return WallIntegrals(
        mesh=mesh,
        unloaded=unloaded,
        gradients=gradients,
        weights=np.linalg.det(there) * weights,
        pressure_shapes=corners,
        ring=springs.annulus * np.maximum(share, 0.0),
        active=equations.activation.stress(1.0),
        material=equations.material,
        bulk_modulus=body.discretisation.bulk_modulus,
    )


def _carried(
    G: Float[np.ndarray, "cells points 3 3"],
    fibre: Float[np.ndarray, "cells points 3"],
    sheet: Float[np.ndarray, "cells points 3"],
) -> Float[np.ndarray, "cells points 3 3"]:
    """Return fibre, sheet and normal of the unloaded placement as columns."""
    f0, s0 = (np.einsum("cqij,cqj->cqi", G, axis) for axis in (fibre, sheet))
    f0 /= np.linalg.norm(f0, axis=-1, keepdims=True)
    s0 -= np.sum(s0 * f0, axis=-1, keepdims=True) * f0
    s0 /= np.linalg.norm(s0, axis=-1, keepdims=True)
    return np.stack([f0, s0, np.cross(f0, s0)], axis=-1)


class SpringForces:
    """The springs' forces on a wall moved from its unloaded placement, in which they are linear.

    Parameters
    ----------
    model
        The wall.
    """

    def __init__(self, model: ParametricWall) -> None:
        self._model, body = model, model.body
        fields, equations = body.fields, body.equations
        supports = equations.supports
        assert supports is not None  # noqa: S101 - a parametric wall has springs
        self._shift = dolfinx.fem.Function(fields.placements)
        v = ufl.TestFunction(fields.placements)
        area = equations.unloaded_area(fields.given)
        self._form = compile_form(supports.spring_work(self._shift, area, v))
        self._coefficients = supports.coefficients
        self._warp = [one for one in body.forward.couplings if isinstance(one, ModalSprings)]

    def of(self, moves: Float[np.ndarray, "moves nodes 3"]) -> dict[str, np.ndarray]:
        """Return the forces by parameter, and of what is no parameter (``fixed``), N."""
        model, fields = self._model, self._model.body.fields
        fields.given.x.array[:] = model.reference
        found = {name: np.zeros_like(moves) for name in (*SPRINGS, "fixed")}
        groups = {**SPRINGS, "fixed": ("base_warp",)}
        names = [name for group in groups.values() for name in group]
        constants = {name: getattr(self._coefficients, name) for name in names}
        constants = {name: one for name, one in constants.items() if not isinstance(one, float)}
        kept = {name: float(constant.value) for name, constant in constants.items()}
        for group, members in groups.items():
            for name, constant in constants.items():
                constant.value = model.stiffness.get(name, kept[name]) * (name in members)
            for number, move in enumerate(moves):
                self._shift.x.array[:] = fields.nodal.to_dofs(move)
                force = np.zeros_like(self._shift.x.array)
                dolfinx.fem.assemble_vector(force, self._form)
                found[group][number] = fields.nodal.to_nodes(force)
        for name, constant in constants.items():
            constant.value = kept[name]
        for number, move in enumerate(moves):
            fields.unknown.x.array[fields.displacement_dofs] = (
                model.reference + fields.nodal.to_dofs(move)
            )
            for coupling in self._warp:
                pull = coupling.force()[fields.displacement_dofs]
                found["fixed"][number] += fields.nodal.to_nodes(pull)
        return found
