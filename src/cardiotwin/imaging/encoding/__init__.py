"""From spins to samples: coils, Fourier encoding, sampling and noise, as linear operators."""

from cardiotwin.imaging.encoding.coils import (
    CoilArray,
    elliptic_body,
    noise_covariance,
    receive_sensitivity,
    torso_array,
)
from cardiotwin.imaging.encoding.fourier import CartesianFourier, to_image, to_kspace
from cardiotwin.imaging.encoding.noise import Whitening, complex_noise, sample_covariance
from cardiotwin.imaging.encoding.nonuniform import NonuniformFourier
from cardiotwin.imaging.encoding.off_resonance import OffResonance, time_segments
from cardiotwin.imaging.encoding.sampling import random_lines, regular_lines
from cardiotwin.imaging.encoding.sensitivity import Sensitivity
from cardiotwin.imaging.encoding.timing import LineTiming, SegmentedCine, segmented_cine
from cardiotwin.imaging.encoding.trajectory import Trajectory, radial, spiral

__all__ = [
    "CartesianFourier",
    "CoilArray",
    "LineTiming",
    "NonuniformFourier",
    "OffResonance",
    "SegmentedCine",
    "Sensitivity",
    "Trajectory",
    "Whitening",
    "complex_noise",
    "elliptic_body",
    "noise_covariance",
    "radial",
    "random_lines",
    "receive_sensitivity",
    "regular_lines",
    "sample_covariance",
    "segmented_cine",
    "spiral",
    "time_segments",
    "to_image",
    "to_kspace",
    "torso_array",
]
