import numpy as np
import pytest

from cardiotwin.exam.cavity_flow import cavity_flow
from cardiotwin.exam.heart import volunteer_heart
from cardiotwin.geometry.volumes import rim_nodes

TIME = 0.2  # s: the ventricle ejects


@pytest.fixture(scope="module")
def beating(heart):
    return volunteer_heart(heart.volunteer, heart.mesh, heart.beat, 30)


@pytest.fixture(scope="module")
def flow(beating):
    return cavity_flow(beating)


def places(beating, flow, rng):
    """Return points of the lower two thirds of the cavity."""
    inner = beating.at(TIME)[np.unique(beating.mesh.facets["lv_endocardium"])]
    height = (inner - flow.origin) @ flow.axis
    middle = inner.mean(axis=0)
    chosen = inner[(height < np.quantile(height, 0.7)) & (height > np.quantile(height, 0.15))]
    return middle + rng.uniform(0.1, 0.7, (len(chosen), 1)) * (chosen - middle)


def test_the_field_has_no_divergence(beating, flow):
    points, step = places(beating, flow, np.random.default_rng(0)), 1e-5
    slopes = np.stack(
        [
            (flow(points + step * unit, TIME) - flow(points - step * unit, TIME)) / (2 * step)
            for unit in np.eye(3)
        ],
        axis=2,
    )
    divergence = np.trace(slopes, axis1=1, axis2=2)
    assert np.abs(divergence).max() < 1e-4 * np.abs(slopes).max()


def test_what_leaves_through_the_base_is_what_the_cavity_loses(beating, flow):
    """Both are the model's own: its sections' volume is a few percent off the mesh's."""
    step = 0.01
    before, after = (
        np.interp(t, beating.times, beating.volumes) for t in (TIME - step, TIME + step)
    )
    lost = (before - after) / (2 * step)
    rim = beating.at(TIME)[rim_nodes(beating.mesh)]
    level = 0.97 * float(((rim - flow.origin) @ flow.axis).mean())
    radius = np.linalg.norm(rim - rim.mean(axis=0), axis=1).mean()
    on_axis = flow.origin + level * flow.axis
    speed = float((flow(on_axis[None], TIME) @ flow.axis)[0])
    base_speed = ((beating.at(TIME + step) - beating.at(TIME - step)) / (2 * step))[
        rim_nodes(beating.mesh)
    ].mean(axis=0) @ flow.axis
    # Through a base that itself moves, the volume lost flows at the relative speed.
    assert (speed - base_speed) * np.pi * radius**2 == pytest.approx(lost, rel=0.1)


def test_blood_follows_the_wall_that_it_touches(beating, flow):
    """Across the endocardium; along it blood slides."""
    corners = beating.mesh.facets["lv_endocardium"][:, :3]
    height = beating.mesh.point_fields["apicobasal"][corners].mean(axis=1)
    corners = corners[(height > 0.3) & (height < 0.8)]
    step = 2e-3
    a, b, c = beating.at(TIME)[corners].transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)  # into the cavity, as long as the facet is large
    moved = (beating.at(TIME + step) - beating.at(TIME - step))[corners].mean(axis=1) / (2 * step)
    swept = np.einsum("fi,fi->f", moved, normal)
    crossed = np.einsum("fi,fi->f", flow((a + b + c) / 3, TIME), normal)
    assert swept.sum() > 0
    assert crossed.sum() == pytest.approx(swept.sum(), rel=0.1)
