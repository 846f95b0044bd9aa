"""The members' space is brought to the images, and the images tell what it lacks."""

from dataclasses import dataclass, replace

import flow4d_ensemble
import flow4d_phantoms as phantoms
import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import box
from cardiotwin.imaging.phase_contrast import (
    BoxAverage,
    FlowSeries,
    VelocitySignal,
    VoxelGrid,
    encodings,
)
from cardiotwin.measurement.flow import Lumen, Strength, retrieve_flow
from cardiotwin.measurement.flow.ensemble import drawn_about, foresee
from cardiotwin.measurement.flow.images import Images, view
from cardiotwin.measurement.flow.prior import FlowPrior, flow_prior

FRAMES, SAMPLES, NOISE = 5, 2, 0.05
REGION = box((5, 5, 5), (0.0, 0.0, 0.0), (2e-2, 2e-2, 2e-2))
GRID = VoxelGrid(shape=(11, 11, 11), affine=np.diag([2e-3, 2e-3, 2e-3, 1.0]))


@dataclass(frozen=True)
class Beat:
    """A member as `foresee` takes it."""

    means: np.ndarray
    middles: np.ndarray


def room() -> Lumen:
    points = REGION.points
    return Lumen(
        positions=points[None],
        cells=REGION.cells,
        wall=points[:, 0] == 0,
        open=points[:, 0] != 0,
        wall_velocity=np.zeros((1, len(points), 3)),
    )


def swirls(number: int) -> np.ndarray:
    """Return a field of five frames that rests at the wall, up to 0.3 m/s."""
    rng = np.random.default_rng(number)
    waves = rng.integers(1, 4, (3, 3)) * np.pi / 2e-2
    turns = np.sin(REGION.points @ waves.T + rng.uniform(0, 6, 3))
    course = np.cos(2 * np.pi * (np.arange(FRAMES) / FRAMES) + rng.uniform(0, 6))
    return 0.3 * course[:, None, None] * turns * (REGION.points[:, :1] / 2e-2)


def imaged(field: np.ndarray, seed: int) -> Images:
    seen = view(REGION.points, room(), GRID, SAMPLES)
    fine = (seen.samples @ field.transpose(1, 0, 2).reshape(len(REGION.points), -1)).reshape(
        *seen.blood.shape, FRAMES, 3
    )
    encoding = encodings(1.0, np.array(phantoms.REFERENCE_ENCODING))
    model = VelocitySignal(
        average=BoxAverage(per_edge=SAMPLES),
        encoding=encoding,
        brightness=np.repeat(np.where(seen.blood, 1.0, 0.5)[..., None], FRAMES, axis=3),
        window=np.eye(FRAMES),
        background=np.zeros((1, 1, 1, 1, len(encoding))),
    )
    signal = model.forward(fine)
    noise = NOISE * np.random.default_rng(seed).standard_normal((2, *signal.shape))
    series = FlowSeries(
        signal=signal + noise[0] + 1j * noise[1],
        grid=GRID,
        encoding=encoding,
        times=np.arange(FRAMES) / FRAMES,
        period=1.0,
        noise_sd=NOISE,
    )
    return Images(series=series, average=BoxAverage(per_edge=SAMPLES), views=(seen,), tissue=0.5)


def ensemble(parameters: np.ndarray) -> list[Beat]:
    fields = [swirls(0) + sum(p * swirls(k + 1) for k, p in enumerate(row)) for row in parameters]
    return [Beat(means=field, middles=2 * field) for field in fields]


PARAMETERS = np.random.default_rng(3).normal(size=(8, 3))
HIDDEN = np.array([0.6, -0.4, 0.9])


def test_the_members_space_and_the_parameters_behind_it_are_found_in_the_images():
    truth = ensemble(HIDDEN[None])[0].means
    lumen, members = room(), ensemble(PARAMETERS)
    found = foresee(imaged(truth, 1), members, lumen.wall, lumen.wall_velocity)
    before = np.mean([one.means for one in members], axis=0)
    assert np.abs(before - truth).max() > 0.15
    assert np.abs(found.means - truth).max() < 0.02
    np.testing.assert_allclose(found.middles, 2 * found.means, atol=1e-12)
    np.testing.assert_allclose(found.left, 1.0, atol=0.05)
    told, covariance = found.closer(PARAMETERS)
    np.testing.assert_allclose(told, HIDDEN, atol=0.05)
    assert (np.sqrt(np.diag(covariance)) < 0.05).all()


def test_what_the_members_lack_is_told_by_the_size_of_their_samples():
    """The truth is 3 standard deviations of the members off, along a field that none of them has.

    The members' own deviations are along it too, but for their mean: they cannot go there.
    """
    lumen = room()
    foreign, along = swirls(20), [swirls(21 + k) for k in range(6)]
    own = [0.05 * (one - np.mean(along, axis=0)) for one in along]
    members = [Beat(means=one, middles=one) for one in own]
    size = np.sqrt(np.mean([np.sum(one**2) for one in own]) * 6 / 5)
    truth = foreign * 3 * size / np.linalg.norm(foreign)
    found = foresee(imaged(truth, 2), members, lumen.wall, lumen.wall_velocity)
    assert 2 < np.sqrt(np.mean(found.spread**2)) < 4
    spread = np.sqrt(np.sum(found.samples**2) / 5)
    assert spread == pytest.approx(np.linalg.norm(found.means - truth), rel=0.5)


def test_a_retrieval_keeps_what_was_foreseen_and_the_images_do_not_tell():
    """A reach far beyond the swirls flattens them unless they were foreseen."""
    lumen, truth = room(), ensemble(HIDDEN[None])[0].means
    images = imaged(truth, 3)
    found = foresee(images, ensemble(PARAMETERS), lumen.wall, lumen.wall_velocity)
    options = {
        "per_edge": SAMPLES,
        "tissue": 0.5,
        "strength": Strength(smooth=8e-3, solenoidal=4e-3, steady=0.1),
        "views": images.views,
        "n_draws": 4,
    }
    plain, foreseen = (
        retrieve_flow(
            images.series,
            lumen,
            images.average,
            rng=np.random.default_rng(0),
            foreseen=each,
            **options,
        )
        for each in (None, replace(found, middles=found.means, sharper=found.samples))
    )
    wrong, right = (np.sqrt(np.mean((each.velocity - truth) ** 2)) for each in (plain, foreseen))
    assert right < 0.2 * wrong
    assert foreseen.draws.shape == (4, *truth.shape)
    np.testing.assert_array_equal(foreseen.draws[:, :, lumen.wall], 0)


def test_penalties_suit_the_places_where_samples_are_irregular():
    """Beyond the middle samples are three times as large."""
    prior, n = flow_prior(room(), 0.1, 1e-3), len(REGION.points)
    rng = np.random.default_rng(5)
    large = np.where(REGION.points[:, 2] > 1e-2, 3.0, 1.0)[:, None]
    samples = rng.standard_normal((40, 9, n, 3)) * large
    strength = Strength(smooth=1e-3, solenoidal=1e-3, steady=0.1)
    inside = np.flatnonzero(~room().wall)
    near, far = (
        np.flatnonzero((REGION.points[inside, 2] - 1e-2) * side > 5e-3) for side in (-1, 1)
    )

    def ratios(of: FlowPrior) -> tuple[float, float]:
        roots = [of.roots(x, strength) for x in samples]
        lap, jerk = (np.mean([r[k] ** 2 for r in roots], axis=(0, 1, 3)) for k in (0, 3))
        return (
            lap[far].mean() / lap[near].mean(),
            jerk[inside[far]].mean() / jerk[inside[near]].mean(),
        )

    suited = prior.suited(samples)
    assert min(ratios(prior)) > 7
    np.testing.assert_allclose(ratios(suited), 1.0, atol=0.3)
    unit = np.zeros((9, n, 3))
    unit[2, inside[40], 1] = 1.0
    parts = suited.roots(unit, strength)
    size = sum(float(np.sum(parts[k] ** 2)) for k in (0, 1, 3))  # the layers are no diagonal's
    assert suited.diagonal(strength, 9)[2, inside[40], 1] == pytest.approx(size, rel=1e-12)


def test_draws_have_the_mean_and_the_covariance_that_are_asked_for():
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    drawn = drawn_about(np.array([1.0, -2.0]), covariance, 7, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.mean(axis=0), [1.0, -2.0], atol=1e-12)
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=1e-12)
    few = drawn_about(np.zeros(9), np.eye(9), 4, np.random.default_rng(0))
    np.testing.assert_allclose(few.mean(axis=0), 0, atol=1e-12)


def test_ensembles_that_tell_nothing_are_refused():
    lumen, images = room(), imaged(swirls(0), 4)
    with pytest.raises(InputError, match=r"at least three members, found 2"):
        foresee(images, ensemble(PARAMETERS[:2]), lumen.wall, lumen.wall_velocity)
    short = [Beat(means=one.means[:3], middles=one.middles[:3]) for one in ensemble(PARAMETERS)]
    with pytest.raises(InputError, match=r"have 5 frames, found members of \[3\]"):
        foresee(images, short, lumen.wall, lumen.wall_velocity)


def test_experiments_that_cannot_be_are_refused():
    with pytest.raises(InputError, match=r"window or resistive, found 'glass'"):
        flow4d_ensemble.solve(flow4d_ensemble.Options(truth="glass"))
    with pytest.raises(InputError, match=r"found rounds=0 and draws=6"):
        flow4d_ensemble.solve(flow4d_ensemble.Options(rounds=0))
    with pytest.raises(InputError, match=r"needs a folder of a cine's contours, found path=''"):
        flow4d_ensemble.solve(flow4d_ensemble.Options())
