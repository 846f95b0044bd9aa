"""The left ventricle's cavity as a region of tetrahedra that moves with the wall."""

from cardiotwin.geometry.cavity.cavity import MovingCavity, make_cavity
from cardiotwin.geometry.cavity.frames import EndocardialFrames, wall_frames
from cardiotwin.geometry.cavity.measured import measured_frames
from cardiotwin.geometry.cavity.template import CavityTemplate

__all__ = [
    "CavityTemplate",
    "EndocardialFrames",
    "MovingCavity",
    "make_cavity",
    "measured_frames",
    "wall_frames",
]
