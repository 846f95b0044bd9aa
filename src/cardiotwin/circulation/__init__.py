"""The blood's closed loop: chambers, valves and vessels as lumped elements.

`simulate` and `limit_cycle` run batches of hearts in torch, with gradients; `step` and `settle`
run one heart in implicit steps, for chambers of finite elements. Both read the same laws.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from cardiotwin.circulation.arteries import Aorta, Arm, InertialValve
from cardiotwin.circulation.beats import LimitCycle, Record, beat, settle
from cardiotwin.circulation.elements import (
    Chamber,
    Elastance,
    RecordedChamber,
    Twitch,
    Valve,
    Vessel,
)
from cardiotwin.circulation.loop import (
    Circulation,
    from_end_diastole,
    resistive,
    with_valves,
)
from cardiotwin.circulation.preload import preload
from cardiotwin.circulation.state import State, Stores
from cardiotwin.circulation.stepping import Step, step
from cardiotwin.circulation.twitches import HillTwitch

if TYPE_CHECKING:
    from cardiotwin.circulation.march import Trace
    from cardiotwin.circulation.names import parameter_values
    from cardiotwin.circulation.periodic import Cycle, limit_cycle
    from cardiotwin.circulation.simulation import simulate

IN_TORCH = {
    "Cycle": "periodic",
    "Trace": "march",
    "limit_cycle": "periodic",
    "parameter_values": "names",
    "simulate": "simulation",
}

__all__ = [
    "Aorta",
    "Arm",
    "Chamber",
    "Circulation",
    "Cycle",
    "Elastance",
    "HillTwitch",
    "InertialValve",
    "LimitCycle",
    "Record",
    "RecordedChamber",
    "State",
    "Step",
    "Stores",
    "Trace",
    "Twitch",
    "Valve",
    "Vessel",
    "beat",
    "from_end_diastole",
    "limit_cycle",
    "parameter_values",
    "preload",
    "resistive",
    "settle",
    "simulate",
    "step",
    "with_valves",
]


def __getattr__(name: str) -> object:
    """Load torch at the first use of a name that needs it."""
    if name in IN_TORCH:
        return getattr(import_module(f"cardiotwin.circulation.{IN_TORCH[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
