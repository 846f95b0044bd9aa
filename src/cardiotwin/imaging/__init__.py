"""Examinations in: labels, contours and images of one heart, checked and placed in the world."""

from cardiotwin.imaging.check import Findings, describe
from cardiotwin.imaging.examination import (
    Contours,
    Curve,
    Examination,
    ImageStack,
    LabelMap,
    Phase,
    Slice,
    Structure,
    Subject,
    Tissue,
    View,
)
from cardiotwin.imaging.read import read_examination
from cardiotwin.imaging.sources import Reading
from cardiotwin.imaging.subject import subject_of, with_numbers
from cardiotwin.imaging.trace import trace_labels

__all__ = [
    "Contours",
    "Curve",
    "Examination",
    "Findings",
    "ImageStack",
    "LabelMap",
    "Phase",
    "Reading",
    "Slice",
    "Structure",
    "Subject",
    "Tissue",
    "View",
    "describe",
    "read_examination",
    "subject_of",
    "trace_labels",
    "with_numbers",
]
