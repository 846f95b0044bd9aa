"""A wall goes into dolfinx and comes back in its own numbering."""

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import basix.ufl
import dolfinx
import numpy as np
import pytest
import ufl
from benchmark_bodies import box, ellipsoid

from cardiotwin.fem.compilation import compile_form
from cardiotwin.fem.domain import NodalField, make_domain, quadrature_function, quadrature_rule
from cardiotwin.geometry.shapes import tetrahedron_shapes
from cardiotwin.geometry.template import Template
from cardiotwin.geometry.volumes import area_vector, wall_volume


@pytest.fixture(scope="module")
def wall():
    return ellipsoid(Template(rings=3, layers=1), size=3.5)


@pytest.fixture(scope="module")
def domain(wall):
    return make_domain(wall)


@pytest.mark.parametrize("degree", [2, 4])
def test_the_rules_in_use_have_no_negative_weight(degree):
    points, weights = quadrature_rule(degree)
    assert weights.min() > 0
    assert weights.sum() == pytest.approx(1 / 6)
    assert weights @ points[:, 0] ** degree == pytest.approx(
        {2: 1 / 60, 4: 1 / 210}[degree], rel=1e-12
    )


def test_nodal_values_come_back_to_the_last_bit(wall, domain):
    vector = basix.ufl.element("Lagrange", "tetrahedron", 2, shape=(3,))
    field = NodalField(domain, dolfinx.fem.functionspace(domain.mesh, vector))
    np.testing.assert_array_equal(field.to_nodes(field.to_dofs(wall.points)), wall.points)


def test_the_coordinate_field_is_the_identity(wall, domain):
    vector = basix.ufl.element("Lagrange", "tetrahedron", 2, shape=(3,))
    space = dolfinx.fem.functionspace(domain.mesh, vector)
    placed = dolfinx.fem.Function(space)
    placed.x.array[:] = NodalField(domain, space).to_dofs(wall.points)
    off = placed - ufl.SpatialCoordinate(domain.mesh)
    form = compile_form(ufl.inner(off, off) * ufl.dx(metadata={"quadrature_degree": 4}))
    assert dolfinx.fem.assemble_scalar(form) < 1e-30


def test_volume_and_areas_are_those_of_the_curved_wall(wall, domain):
    one = dolfinx.fem.Constant(domain.mesh, 1.0)
    volume = dolfinx.fem.assemble_scalar(
        compile_form(one * ufl.dx(domain=domain.mesh, metadata={"quadrature_degree": 4}))
    )
    assert volume == pytest.approx(wall_volume(wall.points, wall), rel=1e-12)
    normal = ufl.FacetNormal(domain.mesh)
    for name, facets in wall.facets.items():
        found = [
            dolfinx.fem.assemble_scalar(compile_form(normal[i] * domain.measure(name, 4)))
            for i in range(3)
        ]
        np.testing.assert_allclose(found, area_vector(wall.points, facets), atol=1e-15)


def test_quadrature_values_stay_with_their_cell_and_point():
    ticks = np.array([0.0, 0.4, 1.0])
    mesh = box(ticks, ticks, ticks, sides={"base": ["x0"]})
    domain = make_domain(mesh)
    points = quadrature_rule(4)[0]
    at_points = np.einsum("qn,cni->cqi", tetrahedron_shapes(points)[0], mesh.points[mesh.cells])
    given = quadrature_function(domain, at_points, 4)
    off = given - ufl.SpatialCoordinate(domain.mesh)
    form = compile_form(ufl.inner(off, off) * ufl.dx(metadata={"quadrature_degree": 4}))
    assert dolfinx.fem.assemble_scalar(form) < 1e-28
