"""The blood's closed loop: chambers, valves and vessels as lumped elements."""

from cardiotwin.circulation.beats import LimitCycle, Record, beat, limit_cycle
from cardiotwin.circulation.elements import (
    Chamber,
    Elastance,
    RecordedChamber,
    Twitch,
    Valve,
    Vessel,
)
from cardiotwin.circulation.loop import Circulation, from_end_diastole, with_valves
from cardiotwin.circulation.preload import preload
from cardiotwin.circulation.state import State, Stores
from cardiotwin.circulation.stepping import Step, step

__all__ = [
    "Chamber",
    "Circulation",
    "Elastance",
    "LimitCycle",
    "Record",
    "RecordedChamber",
    "State",
    "Step",
    "Stores",
    "Twitch",
    "Valve",
    "Vessel",
    "beat",
    "from_end_diastole",
    "limit_cycle",
    "preload",
    "step",
    "with_valves",
]
