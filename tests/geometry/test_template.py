import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry import Template, quality, wall_mesh, wall_volume
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.mesh import TETRAHEDRON_EDGES, TRIANGLE_EDGES
from cardiotwin.geometry.shapes import INNER, INNER_WEIGHTS, jacobians
from cardiotwin.geometry.volumes import area_vector

from .ellipsoids import half_ellipsoid

CAVITY = 2 / 3 * np.pi * 25e-3**2 * 60e-3
WALL = 2 / 3 * np.pi * 35e-3**2 * 68e-3 - CAVITY


def test_six_rings_of_two_layers_are_1296_cells_and_2345_nodes():
    mesh = wall_mesh(Template(rings=6, layers=2), half_ellipsoid)
    assert (len(mesh.cells), len(mesh.points)) == (1296, 2345)


@pytest.mark.parametrize(("rings", "layers"), [(2, 1), (5, 3)])
def test_the_facets_close_the_wall(rings, layers):
    mesh = wall_mesh(Template(rings=rings, layers=layers), half_ellipsoid)
    corners = np.concatenate([facets[:, :3] for facets in mesh.facets.values()])
    directed = corners[:, TRIANGLE_EDGES].reshape(-1, 2)
    forth, back = (set(map(tuple, edges.tolist())) for edges in (directed, directed[:, ::-1]))
    assert len(forth) == len(directed)
    assert forth == back


def test_the_nodes_stand_in_vtks_order():
    mesh = wall_mesh(Template(rings=16, layers=4), half_ellipsoid)
    for elements, edges in [(mesh.cells, TETRAHEDRON_EDGES)] + [
        (facets, TRIANGLE_EDGES) for facets in mesh.facets.values()
    ]:
        n_corners = 4 if elements.shape[1] == 10 else 3
        for k, (a, b) in enumerate(edges):
            middle = mesh.points[elements[:, [a, b]]].mean(axis=1)
            length = np.linalg.norm(
                np.diff(mesh.points[elements[:, [a, b]]], axis=1)[:, 0], axis=1
            )
            off = np.linalg.norm(mesh.points[elements[:, n_corners + k]] - middle, axis=1)
            assert (off < 0.15 * length).all()


def test_volumes_converge_faster_than_the_third_power_of_the_cells_size():
    errors = []
    for rings in (6, 12):
        mesh = wall_mesh(Template(rings=rings, layers=2), half_ellipsoid)
        errors.append(
            [
                cavity_volume(mesh.points, mesh) / CAVITY - 1,
                wall_volume(mesh.points, mesh) / WALL - 1,
            ]
        )
    order = np.log2(np.abs(errors[0]) / np.abs(errors[1]))
    assert (order > 3).all()


def test_a_mirror_image_has_cells_of_positive_volume_too():
    def mirrored(u, angle, t):
        return half_ellipsoid(u, angle, t) * [1, -1, 1]

    meshes = [wall_mesh(Template(), surface) for surface in (half_ellipsoid, mirrored)]
    for mesh in meshes:
        assert (np.linalg.det(jacobians(mesh.points, mesh, INNER)) > 0).all()
        assert cavity_volume(mesh.points, mesh) > 0
    np.testing.assert_allclose(*(wall_volume(mesh.points, mesh) for mesh in meshes), rtol=1e-12)


def test_the_walls_volume_is_the_sum_of_its_cells():
    mesh = wall_mesh(Template(rings=4, layers=2), half_ellipsoid)
    rng = np.random.default_rng(3)
    points = mesh.points + rng.normal(0, 1e-3, mesh.points.shape)
    by_cell = (np.linalg.det(jacobians(points, mesh, INNER)) @ INNER_WEIGHTS).sum()
    assert wall_volume(points, mesh) == pytest.approx(by_cell, rel=1e-12)


def test_a_folded_cell_is_counted():
    mesh = wall_mesh(Template(rings=4, layers=2), half_ellipsoid)
    assert quality(mesh.points, mesh).inverted == 0
    points = mesh.points.copy()
    points[mesh.cells[100, 4]] += 2 * (points[mesh.cells[100, 2]] - points[mesh.cells[100, 0]])
    folded = quality(points, mesh)
    assert folded.inverted > 0
    assert folded.distortion_min < 0


def test_the_dihedral_angles_of_a_regular_tetrahedron_are_known():
    mesh = wall_mesh(Template(rings=2, layers=1), half_ellipsoid)
    points = mesh.points.copy()
    points[mesh.cells[0, :4]] = [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]
    one = type(mesh)(points=points, cells=mesh.cells[:1], facets=mesh.facets)
    found = quality(points, one)
    expected = np.arccos(1 / 3)
    assert [found.dihedral_min, found.dihedral_max] == pytest.approx([expected] * 2)


def test_too_coarse_a_template_is_refused_by_name():
    with pytest.raises(InputError, match=r"Template.rings must be at least 2, found 1"):
        Template(rings=1)
    with pytest.raises(InputError, match=r"Template.layers must be at least 1, found 0"):
        Template(layers=0)
    with pytest.raises(InputError, match=r"Template.widest must be at least 0, found -1"):
        Template(widest=-1)


def test_a_template_that_stops_widening_closes_the_same_wall_with_fewer_cells():
    whole, slim = Template(rings=8, layers=2), Template(rings=8, layers=2, widest=4)
    meshes = [wall_mesh(template, half_ellipsoid) for template in (whole, slim)]
    assert len(meshes[0].cells) == 6 * 3 * 2 * 8**2
    assert len(meshes[1].cells) == 6 * 3 * 2 * (4**2 + 4 * 2 * 4)
    mesh = meshes[1]
    assert len(mesh.facets["base"]) == 6 * 4 * 2 * 2
    assert (np.linalg.det(jacobians(mesh.points, mesh, INNER)) > 0).all()
    closed = sum(area_vector(mesh.points, facets) for facets in mesh.facets.values())
    np.testing.assert_allclose(closed, 0, atol=1e-12)
    assert wall_volume(mesh.points, mesh) == pytest.approx(WALL, rel=2e-3)
    assert cavity_volume(mesh.points, mesh) == pytest.approx(CAVITY, rel=2e-3)
