"""A heart with known truth, examined like anybody's: the built-in volunteer."""

from cardiotwin.exam.make import make_volunteer
from cardiotwin.exam.scan import Scan
from cardiotwin.exam.shape import Shape
from cardiotwin.exam.volunteer import BeatSolver, TrueBeat, Volunteer, end_diastolic_wall

__all__ = [
    "BeatSolver",
    "Scan",
    "Shape",
    "TrueBeat",
    "Volunteer",
    "end_diastolic_wall",
    "make_volunteer",
]
