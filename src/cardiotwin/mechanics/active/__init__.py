"""Sources of active tension: given courses, load curves, cross-bridges, diseased segments."""

from cardiotwin.mechanics.active.land2017 import Contraction, CrossBridges, Land2017
from cardiotwin.mechanics.active.load_curves import PressureCurve, Switch, TensionCurve
from cardiotwin.mechanics.active.prescribed import (
    CalciumTransient,
    DoubleHill,
    SystolicTwitch,
    Table,
)
from cardiotwin.mechanics.active.segments import per_segment, segment_factors

__all__ = [
    "CalciumTransient",
    "Contraction",
    "CrossBridges",
    "DoubleHill",
    "Land2017",
    "PressureCurve",
    "Switch",
    "SystolicTwitch",
    "Table",
    "TensionCurve",
    "per_segment",
    "segment_factors",
]
