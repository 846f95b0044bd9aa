from pathlib import Path

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.encoded import EncodedSeries
from cardiotwin.imaging.retrieval import Status, fit
from cardiotwin.imaging.retrieval.from_series import retrieve
from cardiotwin.imaging.retrieval.turns import continuous_phases

ENCODING = np.vstack([np.zeros(3), np.diag([400.0, 400.0, 200.0])])
PLACE = np.stack(np.meshgrid(*(np.linspace(-1, 1, 32),) * 2, indexing="ij"))
RING = np.abs(np.hypot(*PLACE) - 0.6) < 0.2


def moving(frames=6, farthest=20e-3):
    """Return displacements that grow to 20 mm and differ by a centimetre across a ring."""
    x, y = PLACE
    shape = np.stack([0.25 * x + 0.1, 0.25 * y, 0.75 + 0.25 * x], axis=-1)
    shares = np.arange(1, frames + 1) / frames
    return farthest * shares[:, None, None, None, None] * shape[None, :, :, None]


def series(displacement, noise=0.0, seed=0):
    phase = -displacement @ ENCODING.T
    rng = np.random.default_rng(seed)
    signal = np.exp(1j * phase) * RING[None, :, :, None, None]
    signal = signal + noise * (rng.standard_normal((2, *signal.shape)).T @ [1, 1j]).T
    frames = len(displacement)
    return EncodedSeries(
        contrast="dense",
        signal=np.concatenate(list(signal), axis=-1),
        affine=np.eye(4),
        encoded=np.tile(ENCODING, (frames, 1)),
        frame_times=np.repeat(0.05 * np.arange(1, frames + 1), len(ENCODING)),
        field_strength=1.5,
        noise_sd=noise or None,
        flags=(),
        source=Path("dense.nii.gz"),
    )


def test_phases_are_followed_through_many_turns():
    phase = -moving() @ ENCODING.T
    assert np.abs(phase).max() > np.pi
    wrapped = np.angle(np.exp(1j * phase))
    mask = np.repeat(RING[None, :, :, None], len(phase), axis=0)
    found = continuous_phases(wrapped, mask)
    np.testing.assert_allclose(found[mask], phase[mask], atol=1e-9)
    np.testing.assert_array_equal(found[~mask], wrapped[~mask])


def test_displacements_beyond_half_a_turn_are_retrieved_with_their_error():
    true, noise = moving(), 0.05
    found = retrieve(series(true, noise), RING[..., None])
    np.testing.assert_allclose(found.times, 0.05 * np.arange(1, 7))
    ratios = []
    for one, displacement in zip(found.frames, true, strict=True):
        for axis, name in enumerate("xyz"):
            error = (one.values[f"displacement_{name}"] - displacement[..., axis])[RING]
            ratios.append(error / one.standard_errors[f"displacement_{name}"][RING])
    ratio = np.concatenate(ratios)
    assert np.isfinite(ratio).all()
    assert np.sqrt(np.mean(ratio**2)) == pytest.approx(1, abs=0.05)


def test_one_frame_alone_says_where_the_phase_may_have_gone_round():
    late = series(moving()[-1:], 0.05)
    found = fit("displacement", late.signal, noise_sd=0.05, encoding=ENCODING)
    assert (found.status[RING] == Status.AT_BOUND).any()


def test_a_mask_of_another_grid_is_refused():
    with pytest.raises(InputError, match=r"must be on the series' \(32, 32, 1\) voxels"):
        retrieve(series(moving()), RING[:5, :5, None])
