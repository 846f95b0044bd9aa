"""Chambers of finite elements joined to the circulation."""

from cardiotwin.coupling.closed_loop import Beats, ClosedLoop
from cardiotwin.coupling.journal import Course, Journal
from cardiotwin.coupling.moment import Moment
from cardiotwin.coupling.personal import Beat, personal_circulation

__all__ = [
    "Beat",
    "Beats",
    "ClosedLoop",
    "Course",
    "Journal",
    "Moment",
    "personal_circulation",
]
