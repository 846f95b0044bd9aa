from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry.template import Template
from cardiotwin.imaging.examination import Phase
from cardiotwin.imaging.read import read_examination
from cardiotwin.measurement.images_motion import (
    DisplacementFrame,
    motion_from_contours,
    motion_from_displacement,
)
from cardiotwin.measurement.motion import Motion, Readings, Smoothness, node_basis, regress
from cardiotwin.measurement.strain_of import global_strains, node_slopes

COARSE = Smoothness(heights=2, turns=2, layers=1)
SHRUNK = np.array([0.86, 0.86, 0.88])  # of lengths along the world's axes


@pytest.fixture(scope="module")
def mesh(hearts):
    return hearts.heart_mesh(Template(rings=6, layers=1))


def imaged(mesh, noise, rng):
    """Return what images on a grid read of a wall that shrinks towards the origin."""
    pixel, thickness = 2e-3, 8e-3
    affine = np.diag([pixel, pixel, thickness, 1.0])
    affine[:3, 3] = mesh.points.min(axis=0)
    n = np.ceil(np.ptp(mesh.points, axis=0) / [pixel, pixel, thickness]).astype(int) + 1
    place = np.stack(np.meshgrid(*map(np.arange, n), indexing="ij"), -1) @ affine[:3, :3].T
    place = place + affine[:3, 3]
    first = place / SHRUNK
    height = -first[..., 2] / 0.066  # of the ellipsoids between which the wall lies
    inner = np.hypot(first[..., 0], first[..., 1]) / 0.025
    outer = np.hypot(first[..., 0], first[..., 1]) / 0.034
    known = (inner**2 + (first[..., 2] / 0.062) ** 2 > 1.05) & (
        outer**2 + (first[..., 2] / 0.071) ** 2 < 0.95
    )
    known &= (height > -0.25) & (height < 0.85)
    displacement = place - first + noise * rng.standard_normal(place.shape)
    frame = DisplacementFrame(
        time=0.3, displacement=displacement, sd=np.full(place.shape, noise), known=known
    )
    return frame, affine


def test_terms_have_one_value_at_the_apex():
    angle = np.linspace(0, 2 * np.pi, 9)
    found = COARSE.basis(np.zeros(9), angle, np.full(9, 0.5))
    np.testing.assert_allclose(found, np.tile(found[:1], (9, 1)), atol=1e-12)


def test_the_error_of_a_field_is_what_its_covariance_says():
    """Truth drawn from the prior, readings with noise: errors over their deviations are normal."""
    rng = np.random.default_rng(0)
    n, sd = 300, 1e-3
    basis = COARSE.basis(rng.uniform(0.2, 1, n), rng.uniform(0, 6.28, n), rng.uniform(0, 1, n))
    ratios = []
    for _ in range(40):
        true = COARSE.spread()[:, None] * rng.standard_normal((basis.shape[1], 3))
        readings = Readings(
            basis=basis,
            displacement=basis @ true + sd * rng.standard_normal((n, 3)),
            root=np.tile(np.eye(3) / sd, (n, 1, 1)),
            independent=n,
        )
        mean, covariance = regress(readings, COARSE)
        ratios.append((mean - true).ravel() / np.sqrt(np.diag(covariance)))
    assert np.sqrt(np.mean(np.concatenate(ratios) ** 2)) == pytest.approx(1, abs=0.06)


def test_readings_that_share_an_error_tell_less(mesh):
    basis = node_basis(mesh, COARSE)
    n = len(basis)
    given = {
        "basis": basis,
        "displacement": np.zeros((n, 3)),
        "root": np.tile(np.eye(3), (n, 1, 1)) * 1e3,
    }
    many = regress(Readings(**given, independent=n), COARSE)[1]
    few = regress(Readings(**given, independent=n / 16), COARSE)[1]
    gain = np.sqrt(np.diag(few) / np.diag(many))
    assert 1 < np.median(gain) <= 4


def test_draws_spread_as_the_standard_deviation_says(mesh):
    basis = node_basis(mesh, COARSE)
    rng = np.random.default_rng(2)
    root = rng.standard_normal((3 * basis.shape[1],) * 2) * 1e-4
    motion = Motion(
        times=np.array([0.1]),
        basis=basis,
        coefficients=np.zeros((1, basis.shape[1], 3)),
        covariance=(root @ root.T)[None],
        source="drawn",
    )
    spread = motion.draws(2000, rng)[:, 0].std(axis=0)
    np.testing.assert_allclose(spread, motion.sd[0], rtol=0.12)


def test_displacement_images_give_the_motion_within_its_error(mesh):
    frame, affine = imaged(mesh, 0.5e-3, np.random.default_rng(1))
    motion = motion_from_displacement([frame], affine, mesh)
    true = mesh.points * (SHRUNK - 1)
    height = mesh.point_fields["apicobasal"]
    seen = (height > 0.3) & (height < 0.8)
    error, sd = (motion.displacement[0] - true)[seen], motion.sd[0][seen]
    assert np.sqrt(np.mean(sd**2)) < 0.5e-3  # better than one pixel, of up to 9 mm
    assert np.sqrt(np.mean((error / sd) ** 2)) < 1.5
    beyond = height > 0.95  # where no pixel was: the field says that it does not know
    assert motion.sd[0][beyond].mean() > 2 * sd.mean()


def test_an_even_shrinking_has_one_strain(mesh):
    motion = Motion(
        times=np.array([0.3]),
        basis=mesh.points,
        coefficients=-0.1 * np.eye(3)[None],
        covariance=np.zeros((1, 9, 9)),
        source="known",
    )
    # Wherever its lines lie: even strain is no other a little beside.
    elsewhere = (
        0.5e-3
        * np.random.default_rng(1).standard_normal((2, 1, 3))
        * np.ones((1, len(mesh.points), 1))
    )
    found = global_strains(motion, mesh, np.random.default_rng(0), draws=2, wall=elsewhere)
    for name in ("longitudinal", "circumferential", "radial"):
        assert getattr(found, name)[0] == pytest.approx(-0.1, abs=1e-6)
        assert getattr(found, f"{name}_sd")[0] == pytest.approx(0, abs=1e-9)
    assert found.twist[0] == pytest.approx(0, abs=1e-6)


def test_slopes_of_terms_are_those_of_the_curved_wall(mesh):
    change = np.random.default_rng(4).standard_normal((3, 2))
    slopes = node_slopes(mesh, mesh.points @ change)
    np.testing.assert_allclose(slopes, np.tile(change, (len(slopes), 1, 1)), atol=1e-9)


def test_images_of_another_place_are_refused(mesh):
    frame, affine = imaged(mesh, 0.5e-3, np.random.default_rng(1))
    affine[0, 3] += 1.0
    with pytest.raises(InputError, match=r"Only 0 of \d+ pixels with a displacement come from"):
        motion_from_displacement([frame], affine, mesh)


def test_a_field_that_no_image_resolves_is_refused():
    with pytest.raises(InputError, match=r"Smoothness\.turns must be between 0 and 12, found 13"):
        Smoothness(turns=13)


@pytest.mark.real_data
@pytest.mark.slow
def test_the_contours_of_a_real_beat_shorten_as_a_healthy_heart_does(real_data):
    """Patient 1, its end-systole: GLS, GCS and GRS of healthy adults, Lim et al. 2021."""
    found = read_examination(real_data / "cine" / "patient1" / "guidepoints")
    frames = (found.motion[0], found.motion[9])
    motion, mesh = motion_from_contours(replace(found, motion=frames), Template(rings=6, layers=1))
    strains = global_strains(motion, mesh, np.random.default_rng(0), draws=8)
    assert strains.longitudinal[0] == pytest.approx(-0.17, abs=2 * 0.021)
    assert strains.circumferential[0] == pytest.approx(-0.192, abs=2 * 0.023)
    assert strains.radial[0] == pytest.approx(0.346, abs=3 * 0.071)
    assert strains.twist_sd[0] > np.deg2rad(1)  # contours do not see the wall turn
    with pytest.raises(InputError, match="has no contours of frames beside"):
        motion_from_contours(replace(found, motion=found.motion[:1]), Template(rings=6, layers=1))
    assert frames[0].phase is Phase.END_DIASTOLE
