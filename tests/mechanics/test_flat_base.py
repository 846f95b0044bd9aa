"""The base moves as a plane for nothing and is held against warping."""

import numpy as np
import pytest

from cardiotwin.geometry.volumes import facet_rule
from cardiotwin.mechanics.flat_base import base_normal
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.springs import Springs

from .ventricle import coarse_wall

STIFFNESS = 1e6


@pytest.fixture(scope="module")
def walls():
    return [coarse_wall(Springs(base_warp=k)) for k in (0.0, STIFFNESS)]


def extra_force(walls, shift, problem):
    """Return the residual that warping adds, N, where the present placement is shifted, m."""
    residuals = []
    for wall in walls:
        fields = wall.body.fields
        fields.unknown.x.array[:] = 0
        fields.given.x.array[:] = 0
        if problem == "forward":
            fields.unknown.x.array[:] = fields.of_nodes(shift)
        else:
            fields.unknown.x.array[:] = fields.of_nodes(-shift)
        wall.body.apply(Loads(cavity_pressure=2e3))
        residual = getattr(wall.body, problem).residual()[fields.displacement_dofs]
        residuals.append(fields.nodal.to_nodes(residual))
    return residuals[1] - residuals[0]


def over_base(mesh, values):
    """Return the integral over the base of the square of nodal values."""
    facets = mesh.facets["base"]
    shapes, areas, _ = facet_rule(mesh.points, facets)
    return float(np.sum(areas * (values[facets] @ shapes.T) ** 2))


@pytest.mark.parametrize("problem", ["forward", "inverse"])
def test_shifts_tilts_and_what_lies_in_the_plane_cost_nothing(walls, problem):
    mesh = walls[0].mesh
    n = base_normal(mesh)
    x = mesh.points - mesh.points.mean(axis=0)
    within = np.linalg.svd(n[None])[2][1:]
    warp = 1e-3 * (x @ within[0]) ** 2 / np.max(x**2)
    per_warp = np.abs(extra_force(walls, warp[:, None] * n, problem)).max()
    for height in (1e-3 * np.ones(len(x)), 0.05 * x @ within[0], 0.05 * x @ within[1]):
        force = extra_force(walls, height[:, None] * n, problem)
        assert np.abs(force).max() < 1e-6 * per_warp
    sideways = extra_force(walls, warp[:, None] * within[0], problem)
    assert np.abs(sideways).max() < 1e-6 * per_warp


@pytest.mark.parametrize("problem", ["forward", "inverse"])
def test_warping_is_held_by_its_distance_from_a_plane(walls, problem):
    mesh = walls[0].mesh
    n = base_normal(mesh)
    x = mesh.points - mesh.points[np.unique(mesh.facets["base"])].mean(axis=0)
    first, second = (
        x @ np.linalg.svd(n[None])[2][1:].T @ np.eye(2)[0],
        x @ np.linalg.svd(n[None])[2][2],
    )
    saddle = first * second / np.max(np.abs(x)) ** 2 * 1e-3  # orthogonal to planes on a round base
    force = extra_force(walls, saddle[:, None] * n, problem)
    work = float(np.sum(force * saddle[:, None] * n))
    assert work == pytest.approx(STIFFNESS * over_base(mesh, saddle), rel=1e-3)
