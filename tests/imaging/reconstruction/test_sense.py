import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.encoding import regular_lines, to_kspace
from cardiotwin.imaging.reconstruction import LineSense, espirit_maps, reconstruct, sense
from cardiotwin.imaging.reconstruction.sense import mean_middle
from cardiotwin.operators import adjoint_error, operator_norm

from .series import SHAPE, beating, coil_maps, error, samples


def random(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def lines(frames=12, acceleration=3, n_calibration=0):
    return regular_lines(
        SHAPE[1], acceleration=acceleration, n_frames=frames, n_calibration=n_calibration
    )


@pytest.mark.parametrize("n_lines", [44, 45])
def test_the_encoding_has_its_adjoint_and_its_normal_operator(n_lines):
    encoding = LineSense(
        coil_maps=random(3, 20, n_lines), mask=np.random.default_rng(1).random((2, n_lines)) < 0.5
    )
    x, y = random(2, 20, n_lines, seed=2), random(3, 2, 20, n_lines, seed=3)
    assert adjoint_error(encoding, x, y) < 1e-13
    both = encoding.adjoint(encoding.forward(x))
    np.testing.assert_allclose(encoding.normal(x), both, atol=1e-12 * np.abs(both).max())


def test_with_unit_maps_no_singular_value_exceeds_1():
    start = random(2, *SHAPE).astype(np.complex64)
    whole = LineSense(coil_maps=coil_maps(), mask=lines(2, 1))
    assert operator_norm(whole, start) == pytest.approx(1, abs=1e-3)
    assert operator_norm(LineSense(coil_maps=coil_maps(), mask=lines(2)), start) < 1


def test_without_noise_sense_gives_back_the_truth():
    truth, mask = beating(), lines(12, 2)
    found = sense(samples(truth, mask), mask, coil_maps(), damping=0.0, tolerance=1e-5)
    assert error(found, truth) < 1e-3


def test_noise_grows_by_the_g_factor_and_the_root_of_acceleration():
    """The noise of unaliased pixels is that of the inverse matrix (Pruessmann et al. 1999)."""
    mask, maps = lines(1, 2), coil_maps()
    repeats = np.concatenate(
        [
            sense(samples(0 * beating(1), mask, noise=1.0, seed=seed), mask, maps, damping=0.0)
            for seed in range(100)
        ]
    )
    half = SHAPE[1] // 2
    pair = np.stack([maps[..., :half], maps[..., half:]], axis=-1)  # pixels that fold together
    gram = np.einsum("cijr,cijs->ijrs", pair.conj(), pair) / 2
    expected = np.sqrt(np.linalg.inv(gram)[..., 0, 0].real)
    found = repeats.std(axis=0)[:, :half]
    assert np.median(found / expected) == pytest.approx(1, abs=0.02)
    assert np.std(found / expected) < 1.5 / np.sqrt(2 * 100)


def test_maps_from_the_data_are_the_true_ones_up_to_a_phase():
    calibration = mean_middle(samples(beating(), lines(12, 1)), lines(12, 1))
    maps = espirit_maps(calibration, SHAPE)
    inside = np.abs(beating()[0]) > 0.2
    agree = np.abs(np.einsum("cij,cij->ij", maps.conj(), coil_maps()))[inside]
    assert np.quantile(agree, 0.01) > 0.998
    size = np.linalg.norm(maps, axis=0)
    np.testing.assert_allclose(size[inside], 1, rtol=1e-5)
    assert (size[:3, :3] < 1e-6).mean() > 0.5  # nothing is there


def test_maps_of_a_moved_phase_reference_stay_smooth():
    maps = espirit_maps(mean_middle(samples(beating(), lines(12, 1)), lines(12, 1)), SHAPE)
    inside = np.abs(beating()[0]) > 0.2
    both = inside[1:] & inside[:-1]
    turn = np.angle(np.einsum("cij,cij->ij", maps[:, 1:], maps[:, :-1].conj()))[both]
    assert np.abs(turn).max() < 0.3


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_series_is_reconstructed_with_maps_of_its_own(noise):
    truth, mask = beating(), lines(12, 2)
    found = reconstruct(samples(truth, mask, noise=noise), mask).image
    scale = np.abs(found) * (np.abs(truth) > 0)
    assert error(scale, np.abs(truth)) < 0.05 + 2 * noise


def test_maps_of_too_few_samples_are_refused():
    with pytest.raises(InputError, match="12 x 12 calibration samples at least, found 20 x 8"):
        espirit_maps(random(4, 20, 8), SHAPE)


def test_a_middle_that_no_frame_sampled_is_refused():
    mask = lines(1, 3)
    with pytest.raises(InputError, match="24 middle lines of k-space, found 8 sampled"):
        reconstruct(to_kspace(random(4, 1, *SHAPE)) * mask, mask)
