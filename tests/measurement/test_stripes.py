"""Stripes on a wall whose motion is known in closed form."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry.template import Template
from cardiotwin.imaging.encoded import EncodedSeries
from cardiotwin.measurement.field_evidence import Believed, learnt
from cardiotwin.measurement.field_fit import Linear, Material, wall_of
from cardiotwin.measurement.motion import Smoothness
from cardiotwin.measurement.stripe_images import Remainder
from cardiotwin.measurement.stripes import Stripes, motion_from_stripes, stripes_of

COARSE = Smoothness(heights=2, turns=2, layers=1)
FINER = Smoothness(heights=4, turns=4, layers=1)
STRETCHED = np.array([0.96, 0.965, 1 / (0.96 * 0.965)])  # of lengths at the last frame: J = 1
PIXEL, THICK, SPACING, NOISE = 1.8e-3, 8e-3, 7e-3, 0.01
TIMES = np.array([0.0, 0.1, 0.2])


@pytest.fixture(scope="module")
def mesh(hearts):
    return hearts.heart_mesh(Template(rings=6, layers=1))


def in_wall(first):
    """Return what lies well within the ellipsoids between which the wall is, at the R wave."""
    height = -first[..., 2] / 0.066
    round_it = np.hypot(first[..., 0], first[..., 1])
    inner = (round_it / 0.025) ** 2 + (first[..., 2] / 0.062) ** 2
    outer = (round_it / 0.034) ** 2 + (first[..., 2] / 0.071) ** 2
    return (inner > 1.05) & (outer < 0.95) & (height > -0.25) & (height < 0.85)


def tagged(mesh, axes, steps, slices, rng):
    """Return a tagged series along the columns of `axes`, `slices` of it through the middle."""
    affine = np.eye(4)
    affine[:3, :3] = axes * steps
    local = mesh.points @ axes
    low, size = local.min(axis=0) - 4e-3, np.ptp(local, axis=0) + 8e-3
    shape = [*np.ceil(size[:2] / steps[:2]).astype(int), slices]
    low[2] = local[:, 2].mean() - 0.5 * (slices - 1) * steps[2]
    affine[:3, 3] = axes @ low
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    place = index @ affine[:3, :3].T + affine[:3, 3]
    waves = 2 * np.pi / SPACING * np.eye(2)
    images, known = [], []
    for share in TIMES / TIMES[-1]:
        first = place / STRETCHED**share
        phase = (first - affine[:3, 3]) @ axes[:, :2] @ waves.T
        clean = 1.0 + 0.1 * first[..., :1] / 0.03 - 0.5 * np.cos(phase)
        images.append(clean + NOISE * rng.standard_normal(clean.shape))
        known.append(in_wall(first))
    return Stripes(
        times=TIMES,
        images=np.stack(images),
        known=np.stack(known),
        affine=affine,
        waves=waves,
        noise_sd=NOISE,
    )


@pytest.fixture(scope="module")
def views(mesh):
    rng = np.random.default_rng(0)
    across = np.array([PIXEL, PIXEL, THICK])
    two = [np.array(columns).T for columns in (([1, 0, 0], [0, 0, 1], [0, -1, 0]),
                                               ([0, 1, 0], [0, 0, 1], [1, 0, 0]))]  # fmt: skip
    long = [tagged(mesh, axes.astype(float), across, 1, rng) for axes in two]
    return tagged(mesh, np.eye(3), across, 5, rng), *long


def errors(motion, mesh):
    """Return the error of the last frame and its standard deviation where pixels were."""
    height = mesh.point_fields["apicobasal"]
    seen = (height > 0.3) & (height < 0.8)
    true = mesh.points * (STRETCHED - 1)
    return (motion.displacement[-1] - true)[seen], motion.sd[-1][seen]


def size(values):
    """Return the root of the mean square by direction."""
    return np.sqrt(np.mean(values**2, axis=0))


@pytest.mark.slow
def test_stripes_give_the_motion_within_its_error(mesh, views):
    """Those of the short axis do not see a shift along it; two long-axis views at four angles do.

    The field has five terms round the ventricle: one of them is known by smoothness alone.
    """
    motion = motion_from_stripes(views, mesh, COARSE, every=2)
    np.testing.assert_allclose(motion.times, TIMES[2:])
    error, sd = errors(motion, mesh)
    assert size(sd)[:2].max() < 0.2e-3  # of a pixel of 1.8 mm, and of up to 1.4 mm
    assert 0.3 < np.linalg.norm(size(error / sd)) / np.sqrt(3) < 1.5
    alone = motion_from_stripes(views[:1], mesh, COARSE, every=2)
    error, without = errors(alone, mesh)
    assert size(without)[2] > 2 * size(sd)[2]
    assert np.linalg.norm(size(error / without)) / np.sqrt(3) < 1.5


def test_the_wall_s_volume_is_told_with_its_slope(mesh):
    wall, rng = wall_of(mesh, COARSE), np.random.default_rng(1)
    field = 1e-3 * rng.standard_normal((len(COARSE.spread()), 3))
    change = rng.standard_normal(field.shape)
    step = 1e-7
    ahead, behind = (wall.volume.left(field + sign * step * change) for sign in (1, -1))
    slope = -wall.volume.rows(field) @ change.ravel()
    np.testing.assert_allclose((ahead - behind) / (2 * step), slope, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(wall.volume.left(0 * field), 0, atol=1e-12)


def test_how_smooth_a_motion_is_told_by_its_own_readings(mesh):
    """Truth drawn from a prior and read with noise: that prior makes the readings likeliest."""
    rng = np.random.default_rng(3)
    true = replace(FINER, largest=8e-3, fall=1.5)
    wall = wall_of(mesh, replace(true, largest=15e-3, fall=2.5))
    spread = np.repeat(true.spread(), 3)
    rows = rng.standard_normal((900, len(spread))) / 0.5e-3
    told = rows @ (spread * rng.standard_normal(len(spread))) + rng.standard_normal(len(rows))
    none = np.zeros((1, 3))
    found = Linear(
        field=np.zeros((len(spread) // 3, 3)),
        material=Material(
            basis=np.zeros((1, len(spread) // 3)),
            back=none,
            gradient=np.eye(3)[None],
            cell=np.zeros(1, dtype=int),
            beyond=np.zeros(1),
        ),
        rows=rows,
        told=told,
        volume_rows=np.zeros((1, len(spread))),
        volume_left=np.zeros(1),
        likelihood=float(told @ told),
        cost=float(told @ told),
    )
    wide = Remainder(sd=1.0, length=1.0)

    def again(_, remainder):
        return replace(found, likelihood=found.likelihood + 9 * abs(np.log(remainder.sd / 0.25)))

    believed = learnt(Believed(wall=wall, remainder=wide), found, again)
    assert believed.wall.smoothness.largest == pytest.approx(8e-3, rel=0.25)
    assert believed.wall.smoothness.fall == pytest.approx(1.5, abs=0.2)
    assert believed.remainder.sd == pytest.approx(0.25)


def test_series_of_other_times_are_refused(mesh, views):
    other = replace(views[1], times=TIMES + 0.01)
    with pytest.raises(InputError, match=r"same frame times, found \[0.0, 0.1, 0.2\] and \[0.01"):
        motion_from_stripes([views[0], other], mesh, COARSE)


def test_another_place_is_refused(mesh, views):
    affine = views[0].affine.copy()
    affine[0, 3] += 1.0
    with pytest.raises(InputError, match=r"Only 0 of \d+ pixels with stripes come from the wall"):
        motion_from_stripes([replace(views[0], affine=affine)], mesh, COARSE)


def test_a_wall_without_pixels_is_refused(mesh, views):
    none = replace(views[0], known=np.zeros_like(views[0].known))
    with pytest.raises(InputError, match=r"Only 0 pixels of a tagged frame at 0 s are wall"):
        motion_from_stripes([none], mesh, COARSE)


def series(**changes):
    given = {
        "contrast": "tagging",
        "signal": np.ones((4, 4, 1, 4)),
        "affine": np.eye(4),
        "encoded": np.tile(np.eye(2), (2, 1)),
        "frame_times": np.array([0.0, 0.0, 0.1, 0.1]),
        "field_strength": 1.5,
        "noise_sd": 0.1,
        "flags": (),
        "source": Path("tagging.nii.gz"),
    }
    return EncodedSeries(**given | changes)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"noise_sd": None}, "found tagging, FrameTime True, NoiseSD None"),
        ({"contrast": "dense"}, "found dense, FrameTime True"),
        ({"frame_times": None}, "FrameTime False"),
        ({"encoded": np.arange(8.0).reshape(4, 2)}, "same two directions of stripes in all"),
    ],
)
def test_a_series_that_does_not_say_its_stripes_is_refused(changes, match):
    with pytest.raises(InputError, match=match):
        stripes_of(series(**changes), np.ones((4, 4, 1, 2), dtype=bool))
