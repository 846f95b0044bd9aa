"""Chambers of finite elements joined to the circulation."""

from cardiotwin.coupling.closed_loop import Beats, ClosedLoop, Moment

__all__ = ["Beats", "ClosedLoop", "Moment"]
