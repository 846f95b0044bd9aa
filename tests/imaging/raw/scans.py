"""A small Cartesian scan with everything that a file may hold."""

import numpy as np
from scipy.spatial.transform import Rotation

from cardiotwin.imaging.encoding import complex_noise, to_kspace
from cardiotwin.imaging.raw import Protocol, RawScan, Readouts, Trace

SHAPE = (12, 10)
PIXEL = (2e-3, 3e-3, 8e-3)
COVARIANCE = np.array([[2.0, 0.3, 0.0], [0.3, 1.0, 0.2j], [0.0, -0.2j, 0.5]])


def images(n_slices=2, n_phases=3):
    """Return images by slice, coil and phase."""
    rng = np.random.default_rng(1)
    shape = (n_slices, 3, n_phases, *SHAPE)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def affines(n_slices=2):
    """Return oblique slices, 10 mm apart, m."""
    axes = Rotation.from_euler("xyz", [20, -30, 50], degrees=True).as_matrix()
    found = np.tile(np.eye(4), (n_slices, 1, 1))
    found[:, :3, :3] = axes * PIXEL
    found[:, :3, 3] = np.array([0.02, -0.05, 0.1]) + 10e-3 * np.outer(range(n_slices), axes[:, 2])
    return found


def scan(truth=None, *, acceleration=1):
    """Return the scan of images, every `acceleration`-th line of them, with noise and traces."""
    spectra = to_kspace(images() if truth is None else truth)
    slices, _, phases, _, lines = spectra.shape
    order = [
        (k, t, j)
        for k in range(slices)
        for t in range(phases)
        for j in range(0, lines, acceleration)
    ]
    k, t, j = np.array(order).T
    n = np.zeros(len(order), int)
    return RawScan(
        protocol=Protocol(
            name="cine_sax",
            encoded_matrix=(*SHAPE, 1),
            encoded_field_of_view=(24e-3, 30e-3, 8e-3),
            matrix=(*SHAPE, 1),
            field_of_view=(24e-3, 30e-3, 8e-3),
            middle_line=5,
            acceleration=acceleration,
            repetition_time=3e-3,
            echo_times=(1.5e-3,),
            flip_angle=1.0,
            field_strength=1.5,
        ),
        readouts=Readouts(
            samples=spectra[k, :, t, :, j],
            line=j,
            phase=t,
            slice_number=k,
            contrast=n,
            repetition=n,
            average=n,
            set_number=n,
            time=3e-3 * np.arange(len(k)) + 1.0,
            since_r_wave=0.05 * t + 0.1,
            centre_sample=n + 6,
            sample_time=4e-6,
        ),
        affines=affines(slices),
        noise=complex_noise(COVARIANCE, (20000,), np.random.default_rng(2)).astype(np.complex64),
        traces=(
            Trace(
                kind="ecg",
                samples=np.sin(np.arange(800.0).reshape(2, 400)),
                start=0.5,
                sample_time=2.5e-3,
            ),
            Trace(kind="respiratory", samples=np.ones((1, 50)), start=0.0, sample_time=0.02),
        ),
    )
