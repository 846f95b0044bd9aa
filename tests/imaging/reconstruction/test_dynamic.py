import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.imaging.encoding import random_lines, regular_lines, to_image
from cardiotwin.imaging.reconstruction import LineSense, low_rank_sparse, sense
from cardiotwin.imaging.reconstruction.dynamic import (
    shrink_singular_values,
    shrink_temporal_spectrum,
)

from .series import SHAPE, beating, coil_maps, error, samples

OTAZO = {"low_rank": 0.01, "sparse": 0.0025}  # for coils that are evenly bright, as here


def random(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def problem(acceleration=4, noise=0.02):
    rng = np.random.default_rng(3)
    mask = random_lines(SHAPE[1], acceleration=acceleration, n_frames=12, rng=rng, n_calibration=4)
    return samples(beating(), mask, noise=noise), mask, coil_maps()


@given(seed=st.integers(0, 99), limit=st.floats(0, 20))
def test_shrunk_singular_values_are_the_singular_values_less_the_limit(seed, limit):
    series = random(4, 5, 3, seed=seed)
    left, singular, right = np.linalg.svd(series.reshape(4, -1), full_matrices=False)
    kept = np.maximum(singular - limit, 0)
    found, nuclear = shrink_singular_values(series, limit)
    np.testing.assert_allclose(found.reshape(4, -1), (left * kept) @ right, atol=1e-9)
    assert nuclear == pytest.approx(kept.sum(), abs=1e-9)


@given(seed=st.integers(0, 99), limit=st.floats(0, 3))
def test_shrinking_frequencies_is_the_proximal_point(seed, limit):
    """No neighbour has a smaller 1/2 |x - z|^2 + limit |T x|_1."""

    def cost(x):
        return (
            0.5 * np.linalg.norm(x - z) ** 2
            + limit * np.abs(np.fft.fft(x, axis=0, norm="ortho")).sum()
        )

    z = random(4, 3, 2, seed=seed)
    found, absolute = shrink_temporal_spectrum(z, limit)
    best = cost(found)
    assert best == pytest.approx(0.5 * np.linalg.norm(found - z) ** 2 + limit * absolute)
    for number in range(5):
        assert cost(found + 0.01 * random(4, 3, 2, seed=seed + number + 1)) >= best - 1e-12


def test_the_objective_settles_where_a_longer_iteration_leads():
    settled = low_rank_sparse(*problem(), **OTAZO, tolerance=1e-3).objective[-1]
    longer = low_rank_sparse(*problem(), **OTAZO, tolerance=1e-5, iterations=1000)
    assert settled / longer.objective[-1] == pytest.approx(1, abs=3e-3)
    assert longer.objective[-1] == pytest.approx(min(longer.objective), rel=1e-4)


def test_an_objective_that_has_not_settled_is_told():
    with pytest.raises(ConvergenceError, match="stopped after 20 steps at an objective") as caught:
        low_rank_sparse(*problem(), iterations=20)
    assert caught.value.state.shape == (2, 12, *SHAPE)


def test_a_beating_phantom_comes_out_better_than_by_sense():
    kspace, mask, maps = problem()
    truth = beating()
    found = low_rank_sparse(kspace, mask, maps, **OTAZO)
    plain = error(sense(kspace, mask, maps), truth)
    assert error(found.image, truth) < 0.65 * plain
    values = np.linalg.svd(found.background.reshape(12, -1), compute_uv=False)
    assert (values > 1e-4 * values[0]).sum() <= 4


def test_a_series_that_stands_still_is_all_background():
    """Without noise the truth's objective is its penalty: what is found has none larger."""
    still = np.repeat(beating(1), 12, axis=0)
    mask, maps = regular_lines(SHAPE[1], acceleration=4, n_frames=12), coil_maps()
    kspace = samples(still, mask)
    found = low_rank_sparse(kspace, mask, maps, low_rank=1e-3, sparse=0.05, tolerance=1e-4)
    assert not found.change.any()
    values = np.linalg.svd(found.background.reshape(12, -1), compute_uv=False)
    assert values[1] < 0.02 * values[0]
    combined = LineSense(coil_maps=maps, mask=mask).adjoint(to_image(kspace, (-2,)))
    largest = np.linalg.norm(combined.reshape(12, -1), 2)
    assert found.objective[-1] < 1e-3 * largest * np.linalg.norm(still)


def test_a_share_of_nought_is_refused():
    with pytest.raises(InputError, match=r"found 0 and 0\.01"):
        low_rank_sparse(*problem(), low_rank=0.0, sparse=0.01)
