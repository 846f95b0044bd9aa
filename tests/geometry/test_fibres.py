import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry import FibreAngles, Template, fibre_axes, wall_mesh
from cardiotwin.geometry.shapes import CENTROID, INNER, NODES, tetrahedron_shapes

INNER_AXES, OUTER_AXES = np.array([25e-3, 65e-3]), np.array([35e-3, 72e-3])
ANGLES = FibreAngles(sheet_endo=-0.3, sheet_epi=0.2)


def truncated(u, angle, t):
    radius, length = (INNER_AXES + np.multiply.outer(t, OUTER_AXES - INNER_AXES)).T
    polar = u * np.arccos(-20e-3 / length)
    across = radius * np.sin(polar)
    return np.stack(
        [across * np.cos(angle), -across * np.sin(angle), -length * np.cos(polar)], axis=1
    )


MESH = wall_mesh(Template(), truncated)


def analytic_fibre(x, angles):
    """Return the fibre on the ellipsoid through x, whose depth is found by bisection."""
    across, height = np.hypot(x[..., 0], x[..., 1]), x[..., 2]
    low, high = np.full(across.shape, -0.1), np.full(across.shape, 1.1)
    for _ in range(50):
        depth = (low + high) / 2
        radius, length = np.moveaxis(
            INNER_AXES + np.multiply.outer(depth, OUTER_AXES - INNER_AXES), -1, 0
        )
        outside = (across / radius) ** 2 + (height / length) ** 2 > 1
        low, high = np.where(outside, depth, low), np.where(outside, high, depth)
    normal = np.stack([x[..., 0] / radius**2, x[..., 1] / radius**2, height / length**2], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    round_axis = np.cross([0.0, 0.0, 1.0], normal)
    round_axis /= np.linalg.norm(round_axis, axis=-1, keepdims=True)
    helix = (angles.endo * (1 - depth) + angles.epi * depth)[..., None]
    return np.cos(helix) * round_axis + np.sin(helix) * np.cross(normal, round_axis)


@pytest.mark.parametrize("reference", [CENTROID, INNER])
def test_fibres_of_an_ellipsoid_are_within_half_a_degree_of_the_analytic_ones(reference):
    f0, _, _ = fibre_axes(MESH, ANGLES, reference)
    values, _ = tetrahedron_shapes(reference)
    exact = analytic_fibre(np.einsum("qn,cni->cqi", values, MESH.points[MESH.cells]), ANGLES)
    error = np.degrees(np.arccos(np.clip(np.abs(np.sum(f0 * exact, axis=2)), 0, 1)))
    assert np.median(error) < 0.5
    assert np.quantile(error, 0.95) < 3


@pytest.mark.parametrize("reference", [CENTROID, INNER, NODES])
def test_the_axes_are_orthonormal_and_right_handed_everywhere_even_at_the_apex(reference):
    axes = np.stack(fibre_axes(MESH, ANGLES, reference), axis=-1)
    products = np.swapaxes(axes, 2, 3) @ axes
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), products.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(axes), 1, atol=1e-9)


def test_a_positive_helix_rises_to_the_right_seen_from_the_epicardium():
    angles = FibreAngles(endo=np.pi / 4, epi=np.pi / 4)
    f0, _, _ = fibre_axes(MESH, angles, CENTROID)
    middle = MESH.points[MESH.cells[:, :4]].mean(axis=1)
    on_side = (np.abs(middle[:, 2]) < 10e-3) & (middle[:, 0] > 0.9 * np.hypot(*middle[:, :2].T))
    fibre = f0[on_side, 0] * np.sign(f0[on_side, 0, 2])[:, None]  # towards the base, +z
    # Looking along -x with z up, right is +y.
    assert on_side.sum() > 20
    assert (fibre[:, 1] > 0.5).all()


def test_sheets_are_radial_unless_they_are_turned():
    _, s0, _ = fibre_axes(MESH, FibreAngles(), CENTROID)
    middle = MESH.points[MESH.cells[:, :4]].mean(axis=1)
    near_equator = np.abs(middle[:, 2]) < 10e-3
    outwards = middle[near_equator, :2] / np.linalg.norm(middle[near_equator, :2], axis=1)[:, None]
    assert (np.sum(s0[near_equator, 0, :2] * outwards, axis=1) > 0.97).all()


def test_degrees_are_refused():
    with pytest.raises(InputError, match=r"FibreAngles.endo must lie within .* found 60"):
        FibreAngles(endo=60.0)
