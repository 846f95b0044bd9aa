"""Retrieval: from the signals of whole stacks to tissue, with a standard error for each voxel.

This package loads torch; `cardiotwin.imaging` does not load this package.
"""

from cardiotwin.imaging.retrieval.harmonic_phase import harmonic, tagged_displacement
from cardiotwin.imaging.retrieval.models import MODELS
from cardiotwin.imaging.retrieval.result import Retrieval, Status
from cardiotwin.imaging.retrieval.retrieve import fit
from cardiotwin.imaging.retrieval.separable import Nonlinear, SeparableModel

__all__ = [
    "MODELS",
    "Nonlinear",
    "Retrieval",
    "SeparableModel",
    "Status",
    "fit",
    "harmonic",
    "tagged_displacement",
]
