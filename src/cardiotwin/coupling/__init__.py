"""Chambers of finite elements joined to the circulation."""

from cardiotwin.coupling.closed_loop import Beats, ClosedLoop, Moment
from cardiotwin.coupling.personal import Beat, personal_circulation

__all__ = ["Beat", "Beats", "ClosedLoop", "Moment", "personal_circulation"]
