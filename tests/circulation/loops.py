"""Circulations whose answer is known in closed form."""

import numpy as np

from cardiotwin.circulation import Circulation, Elastance, Twitch, Valve, with_valves
from cardiotwin.circulation.loop import VESSEL_FLOWS
from cardiotwin.circulation.valves import SMOOTH_WIDTH
from cardiotwin.units import ML, MMHG

ADULT = Circulation()
SMOOTH = with_valves(ADULT, "softplus", SMOOTH_WIDTH)
AT_REST = dict.fromkeys(VESSEL_FLOWS, 0.0)


def still(volume=100 * ML):
    """Return a chamber that never contracts, of 0.1 mmHg/mL."""
    return Elastance(
        passive=0.1 * MMHG / ML, active=1e-6, unstressed_volume=volume, twitch=Twitch()
    )


def passage(resistance=0.01):
    """Return a valve that is all but a plain resistance, mmHg s/mL."""
    low = resistance * MMHG / ML
    return Valve(open_resistance=low, closed_resistance=low * (1 + 1e-9), width=MMHG)


def pipes():
    """Return a loop without diodes or contraction: every flow is linear."""
    chambers = ("left_atrium", "left_ventricle", "right_atrium", "right_ventricle")
    valves = ("mitral", "aortic", "tricuspid", "pulmonary")
    return Circulation(**dict.fromkeys(chambers, still()), **dict.fromkeys(valves, passage()))


def largest(sequence):
    return float(np.abs(np.array(sequence)).max())
