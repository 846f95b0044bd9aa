"""A wall whose base is dented as a computed heart's is: the cells of its cavity do not fold."""

import numpy as np
import pytest
from pulsing import PERIOD, pulsing_spheroid

from cardiotwin.geometry.cavity import CavityTemplate, EndocardialFrames, make_cavity
from cardiotwin.geometry.cavity.motion import PeriodicMotion, area_vectors, flux, volume_rate
from cardiotwin.geometry.cavity.unfold import _distortion, _patch, unfolded
from cardiotwin.geometry.regions import box, cell_sizes

COARSE = CavityTemplate(edge=0.16, layers=8)


def dented_spheroid(depth: float, lean: float) -> EndocardialFrames:
    """Return a spheroid that beats, its base dented on one side while it relaxes.

    At the rim a share `depth` of the radius is pushed in, and aside by an angle `lean`: where the
    dent overhangs, the rim runs back before it goes on, as in a computed heart at 500 ms.
    """
    frames = pulsing_spheroid(n_rings=17)
    apart = (frames.angle - 1.2 + np.pi) % (2 * np.pi) - np.pi
    dent = np.exp(-((apart / 0.5) ** 2)) * np.clip((frames.u - 0.5) / 0.5, 0, 1) ** 2
    phase = np.arange(len(frames.positions)) / len(frames.positions)
    share = dent * np.exp(-(((phase - 0.6) / 0.15) ** 2))[:, None]
    x, y, z = np.moveaxis(frames.positions, 2, 0)
    less, turned = 1 - depth * share, lean * share
    cos, sin = less * np.cos(turned), less * np.sin(turned)
    places = np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=2)
    return EndocardialFrames(u=frames.u, angle=frames.angle, positions=places)


@pytest.fixture(scope="module")
def dented():
    return dented_spheroid(depth=0.5, lean=0.8)


@pytest.fixture(scope="module")
def cavity(dented):
    return make_cavity(dented, PERIOD, COARSE, harmonics=4)


def test_spokes_of_the_dented_rim_cross(dented):
    angle = 2 * np.pi * np.arange(200) / 200
    rim = dented.at(np.ones(200), angle)
    spokes = rim - rim.mean(axis=1, keepdims=True)
    onwards = np.cross(spokes, np.roll(spokes, -1, axis=1))[..., 2]
    assert onwards[0].min() > 0 > onwards[12].min()


def test_no_cell_of_a_dented_cavity_folds_at_any_moment(cavity):
    times = (np.arange(400) + 0.5) / 400 * PERIOD
    volumes = [cell_sizes(cavity.motion.positions(t), cavity.region.cells) for t in times]
    assert (np.min(volumes, axis=0) / np.mean(volumes, axis=0)).min() > 0.04


@pytest.mark.parametrize("share", [0.2, 0.55, 0.6, 0.9])
def test_a_dented_cavity_grows_by_the_flux_of_its_boundary(cavity, share):
    points, speed = (
        each(share * PERIOD) for each in (cavity.motion.positions, cavity.motion.velocity)
    )
    everything = np.concatenate(list(cavity.region.facets.values()))
    rate = volume_rate(points, cavity.region.cells, speed)
    assert flux(points, everything, speed) == pytest.approx(rate, abs=1e-12 * 1e-4)


def test_the_valves_rings_keep_their_size_while_the_rim_narrows(cavity):
    for name in ("mitral", "aortic"):
        areas = [
            np.linalg.norm(area_vectors(cavity.motion.positions(t), triangles).sum(axis=0))
            for triangles in [cavity.region.facets[name]]
            for t in np.arange(20) / 20 * PERIOD
        ]
        assert np.ptp(areas) < 2e-3 * np.mean(areas)


def pricked_box() -> tuple[PeriodicMotion, np.ndarray, np.ndarray]:
    """Return a box into whose side a node moves beyond the next one, its cells, its inside."""
    region = box((8, 8, 8), (0.0,) * 3, (1.0,) * 3)
    inside = (np.abs(region.points - 0.5) < 0.49).all(axis=1)
    waves = np.zeros((5, *region.points.shape))
    waves[0] = region.points
    pricked = np.linalg.norm(region.points - [0.0, 0.5, 0.5], axis=1) < 0.01
    waves[1, pricked, 0], waves[3, pricked, 0] = 0.12, 0.08
    return PeriodicMotion(coefficients=waves, period=1.0), region.cells, inside


def test_nodes_inside_make_way_for_a_node_of_the_side():
    motion, cells, inside = pricked_box()
    before = np.array([cell_sizes(motion.positions(t / 50), cells) for t in range(50)])
    assert before.min() < 0
    found = unfolded(motion, cells, inside)
    after = np.array([cell_sizes(found.positions(t / 50), cells) for t in range(50)])
    assert (after.min(axis=0) / after.mean(axis=0)).min() > 0.1
    np.testing.assert_array_equal(found.coefficients[:, ~inside], motion.coefficients[:, ~inside])


def test_a_motion_without_bad_cells_stays_what_it_is():
    motion, cells, inside = pricked_box()
    gentle = PeriodicMotion(coefficients=motion.coefficients * [[[1]], *[[[0.3]]] * 4], period=1.0)
    assert unfolded(gentle, cells, inside) is gentle


@pytest.mark.parametrize("eps", [1e-2, 0.5])
def test_the_distortions_derivative_is_that_of_its_differences(eps):
    motion, cells, inside = pricked_box()
    nodes = np.flatnonzero(inside)
    patch = _patch(motion, cells[inside[cells].any(axis=1)], nodes)
    random = np.random.default_rng(3)
    start = motion.coefficients[:, nodes]
    start = start + 0.02 * random.standard_normal(start.shape)
    aside = random.standard_normal(start.shape)
    ahead, behind = (_distortion(patch, start + h * aside, eps)[0] for h in (1e-6, -1e-6))
    slope = float((_distortion(patch, start, eps)[1] * aside).sum())
    assert slope == pytest.approx((ahead - behind) / 2e-6, rel=1e-5)
