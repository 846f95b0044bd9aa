"""The moving cavity: closed, unfolded, and as large as its wall's motion says."""

from dataclasses import replace

import numpy as np
import pytest
from pulsing import PERIOD, pulsing_spheroid

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import CavityTemplate, make_cavity, wall_frames
from cardiotwin.geometry.cavity.disc import Window, cut_disc
from cardiotwin.geometry.cavity.motion import area_vectors, flux, volume_rate
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.regions import boundary, cell_sizes
from cardiotwin.geometry.template import Template, wall_mesh

COARSE = CavityTemplate(edge=0.16, layers=12)


@pytest.fixture(scope="module")
def cavity():
    return make_cavity(pulsing_spheroid(), PERIOD, COARSE)


def test_below_its_rim_the_cavity_has_the_volume_of_the_spheroid(cavity):
    cap = np.cos(1.75)
    spheroid = np.pi * 0.028**2 * 0.075 * (2 / 3 - cap + cap**3 / 3)
    assert cavity.ventricle_volume(0.0) == pytest.approx(spheroid, rel=0.03)


def test_the_named_facets_close_the_boundary(cavity):
    sides = {tuple(side) for side in np.sort(boundary(cavity.region.cells), axis=1).tolist()}
    named = np.concatenate([np.sort(f, axis=1) for f in cavity.region.facets.values()])
    assert len(named) == len(sides)
    assert {tuple(side) for side in named.tolist()} == sides
    everything = np.concatenate(list(cavity.region.facets.values()))
    total = area_vectors(cavity.region.points, everything).sum(axis=0)
    np.testing.assert_allclose(total, 0, atol=1e-15)


@pytest.mark.parametrize("share", [0.0, 0.13, 0.37, 0.71])
def test_the_volume_grows_by_the_flux_of_the_wall(cavity, share):
    time = share * PERIOD
    points, speed = cavity.motion.positions(time), cavity.motion.velocity(time)
    everything = np.concatenate(list(cavity.region.facets.values()))
    rate = volume_rate(points, cavity.region.cells, speed)
    step = 1e-5
    ahead, behind = (
        cell_sizes(cavity.motion.positions(time + h), cavity.region.cells).sum()
        for h in (step, -step)
    )
    assert flux(points, everything, speed) == pytest.approx(rate, abs=1e-12 * 1e-4)
    assert rate == pytest.approx((ahead - behind) / (2 * step), rel=1e-6, abs=1e-10)


def test_the_motion_is_periodic_and_turns_no_cell_over(cavity):
    again = cavity.motion.positions(PERIOD)
    np.testing.assert_allclose(again, cavity.motion.positions(0.0), atol=1e-15)
    assert 0.2 < cavity.shrinkage < 1


def test_a_wall_that_folds_is_refused_with_the_moment():
    frames = pulsing_spheroid()
    frames.positions[8:13, :, 0] *= -1  # turned inside out for a quarter of the beat
    with pytest.raises(InputError, match=r"folds the cavity: \d+ of \d+ cells .* \d+ ms after"):
        make_cavity(frames, PERIOD, COARSE)


def test_a_valve_outside_the_base_is_refused_by_name():
    frames = pulsing_spheroid()
    far = tuple(np.array([[0.09, 0.0, 0.01], [0.1, 0.0, 0.01]]) for _ in frames.positions)
    with pytest.raises(InputError, match=r"aortic valve does not lie .* points 3\.4 radii"):
        make_cavity(replace(frames, valves={"aortic": far}), PERIOD, COARSE)


def test_more_harmonics_than_the_frames_tell_are_refused():
    with pytest.raises(InputError, match=r"20 frames tell 1 to 9 harmonics of a beat, found 10"):
        make_cavity(pulsing_spheroid(), PERIOD, COARSE, harmonics=10)


def test_windows_that_touch_are_refused_by_name():
    near = (
        Window(name="mitral", x=-0.3, y=0, radius=0.4),
        Window(name="aortic", x=0.45, y=0, radius=0.3),
    )
    with pytest.raises(InputError, match=r"between mitral and aortic, found 0\.050"):
        cut_disc(near, 0.1)


def test_the_wall_of_a_mechanical_model_gives_the_same_cavity_as_its_surface():
    def surface(u, angle, t):
        polar, wide = 1.75 * u, 0.028 + 0.01 * t
        across = wide * np.sin(polar)
        high = -(0.075 + 0.01 * t) * np.cos(polar)
        return np.stack([across * np.cos(angle), across * np.sin(angle), high], axis=1)

    mesh = wall_mesh(Template(rings=8, layers=1), surface)
    beats = [1 - 0.2 * (1 - np.cos(2 * np.pi * k / 12)) / 2 for k in range(12)]
    frames = wall_frames(mesh, np.stack([mesh.points * scale for scale in beats]))
    cavity = make_cavity(frames, 0.8, COARSE, harmonics=3)
    largest, smallest = (cavity.ventricle_volume(t) for t in (0.0, 0.4))
    assert smallest / largest == pytest.approx(0.8**3, rel=1e-3)
    assert largest == pytest.approx(cavity_volume(mesh.points, mesh), rel=0.03)
    with pytest.raises(InputError, match=r"wall's \d+ nodes, found 3"):
        wall_frames(mesh, np.zeros((12, 3, 3)))
