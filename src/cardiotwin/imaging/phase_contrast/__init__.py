"""Phase contrast as it is measured: velocities to complex voxels, series in, background out."""

from cardiotwin.imaging.phase_contrast.background import (
    Background,
    fit_background,
    monomials,
    without_background,
)
from cardiotwin.imaging.phase_contrast.files import read_flow, write_flow
from cardiotwin.imaging.phase_contrast.series import (
    FlowSeries,
    check_alike,
    from_velocities,
    noise_of,
)
from cardiotwin.imaging.phase_contrast.signal import (
    SignalDerivative,
    VelocitySignal,
    encodings,
    frame_window,
)
from cardiotwin.imaging.phase_contrast.voxels import BoxAverage, KSpaceCrop, VoxelGrid

__all__ = [
    "Background",
    "BoxAverage",
    "FlowSeries",
    "KSpaceCrop",
    "SignalDerivative",
    "VelocitySignal",
    "VoxelGrid",
    "check_alike",
    "encodings",
    "fit_background",
    "frame_window",
    "from_velocities",
    "monomials",
    "noise_of",
    "read_flow",
    "without_background",
    "write_flow",
]
