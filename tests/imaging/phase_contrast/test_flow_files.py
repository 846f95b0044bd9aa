"""4D flow in a subject's folder: what is written is read again, and what is wrong is named."""

import json

import nibabel as nib
import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.phase_contrast import (
    FlowSeries,
    VoxelGrid,
    encodings,
    read_flow,
    write_flow,
)

TURN = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]


@pytest.fixture
def written(tmp_path):
    rng = np.random.default_rng(0)
    affine = np.eye(4)
    affine[:3, :3] = TURN * [2e-3, 2.5e-3, 3e-3]
    affine[:3, 3] = 0.01, -0.02, 0.03
    signal = rng.normal(size=(9, 8, 7, 5, 4)) + 1j * rng.normal(size=(9, 8, 7, 5, 4))
    encoding = np.vstack([np.zeros(3), encodings(1.2, np.eye(3)) @ TURN.T])
    series = FlowSeries(
        signal=signal,
        grid=VoxelGrid(shape=(9, 8, 7), affine=affine),
        encoding=encoding,
        times=0.03 + np.arange(5) * 0.16,
        period=0.8,
        noise_sd=0.07,
        window=0.9,
    )
    file = tmp_path / "flow" / "flow.nii.gz"
    write_flow(file, series)
    return file, series


def mended(file, **changes):
    """Change a header's keys; None takes a key away."""
    beside = file.with_name("flow.json")
    header = json.loads(beside.read_text()) | changes
    beside.write_text(json.dumps({k: v for k, v in header.items() if v is not None}))


def test_a_series_is_read_as_it_was_written(written):
    file, series = written
    found, flags = read_flow(file)
    assert flags == ()
    np.testing.assert_allclose(found.signal, series.signal, atol=1e-6)
    np.testing.assert_allclose(found.encoding, series.encoding, atol=1e-9)
    np.testing.assert_allclose(found.grid.affine, series.grid.affine, atol=1e-9)
    np.testing.assert_allclose(found.times, series.times)
    told = found.period, found.noise_sd, found.window, found.referenced
    assert told == (0.8, 0.07, 0.9, False)


def test_noise_that_is_not_stated_is_that_of_the_air(written):
    file, series = written
    rng = np.random.default_rng(5)
    air = np.zeros(series.grid.shape, dtype=bool)
    air[:3] = True
    noise = 0.01 * (
        rng.normal(size=series.signal.shape) + 1j * rng.normal(size=(*air.shape, 5, 4))
    )
    images = np.where(air[..., None, None], 0, series.signal) + noise
    changed = {name: getattr(series, name) for name in ("grid", "encoding", "times", "period")}
    write_flow(file, FlowSeries(signal=images, noise_sd=1.0, **changed))
    mended(file, NoiseSD=None)
    assert read_flow(file)[0].noise_sd == pytest.approx(0.01, rel=0.02)


def test_the_subjects_period_stands_in_for_the_headers(written):
    file, _ = written
    mended(file, HeartPeriod=None)
    assert read_flow(file, period=0.8)[0].period == 0.8
    with pytest.raises(InputError, match="no HeartPeriod"):
        read_flow(file)


def one_way(header):
    return {"VelocityEncoding": [[*row[:2], 0.0] for row in header["VelocityEncoding"]]}


def in_plane(header):
    return {"VelocityEncoding": [row[:2] for row in header["VelocityEncoding"]]}


def turned_late(header):
    rows = header["VelocityEncoding"]
    return {"VelocityEncoding": [*rows[:-2], rows[-1], rows[-2]]}


def shifted(header):
    return {"FrameTime": header["FrameTime"][1:] + header["FrameTime"][:1]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"FrameTime": None}, "no FrameTime"),
        ({"FrameTime": [0.0] * 19}, "one value for each of the 20 images"),
        ({"HeartPeriod": 0.9}, "do not lie evenly over a beat of 900 ms"),
        ({"HeartPeriod": 800}, r"HeartPeriod .* between 0.2 and 3, found 800"),
        ({"Contrast": "dense"}, "no DisplacementEncoding"),
        ({"PhaseDifference": "false"}, "PhaseDifference of flow.json must be true or false"),
        (shifted, "another order"),
        (one_way, "do not encode the velocity along"),
        (in_plane, "must have three numbers per image, found 2"),
        (turned_late, "must repeat in every frame, found .* in frame 4"),
    ],
)
def test_a_header_that_contradicts_the_images_is_named(written, change, said):
    file, _ = written
    if callable(change):
        change = change(json.loads(file.with_name("flow.json").read_text()))
    mended(file, **change)
    with pytest.raises(InputError, match=said):
        read_flow(file)


def test_images_without_signal_are_refused(written):
    file, _ = written
    image = nib.load(file)
    nib.save(nib.Nifti1Image(np.zeros(image.shape, dtype=np.float32), image.affine), file)
    with pytest.raises(InputError, match="has no signal"):
        read_flow(file)


def test_a_direction_that_was_not_exported_is_missed(written):
    file, _ = written
    for name in ("flow.nii.gz", "flow_phase.nii.gz"):
        image = nib.load(file.with_name(name))
        kept = np.asanyarray(image.dataobj)[..., [k for k in range(20) if k != 7]]
        nib.save(nib.Nifti1Image(kept, image.affine), file.with_name(name))
    header = json.loads(file.with_name("flow.json").read_text())
    lists = {key: header[key][:7] + header[key][8:] for key in ("VelocityEncoding", "FrameTime")}
    mended(file, **lists)
    with pytest.raises(InputError, match="found 3 to 4 images in 5 frames"):
        read_flow(file)
