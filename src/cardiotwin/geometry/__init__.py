"""Labels and contours to one wall of tetrahedra, with coordinates and fibres."""

from cardiotwin.geometry.anatomy import Anatomy, HeartFrame, PhaseFit
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.coordinates import aha_segments, frame_of, thickness, with_coordinates
from cardiotwin.geometry.fibres import FibreAngles, fibre_axes, local_axes
from cardiotwin.geometry.fit import fit_anatomy
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.quality import Quality, quality
from cardiotwin.geometry.template import Template, wall_mesh
from cardiotwin.geometry.volumes import wall_volume

__all__ = [
    "Anatomy",
    "FibreAngles",
    "HeartFrame",
    "PhaseFit",
    "Quality",
    "Template",
    "TetMesh",
    "aha_segments",
    "cavity_volume",
    "fibre_axes",
    "fit_anatomy",
    "frame_of",
    "local_axes",
    "quality",
    "thickness",
    "wall_mesh",
    "wall_volume",
    "with_coordinates",
]
