"""The measured ventricle of `flow4d_ensemble.py`: truths, the lumen, and the flow's members."""

import time
from dataclasses import dataclass

import numpy as np
from flow4d_heart import LAYERS, TRUE, frame_times, seen_frames
from flow4d_phantoms import FRAMES, PERIOD, Field
from heart_flow import KINDS

from cardiotwin.geometry.cavity import CavityTemplate, MovingCavity, make_cavity
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import HeartFlow
from cardiotwin.haemodynamics.leaflets import Leaflets
from cardiotwin.haemodynamics.valved import ValvedFlow
from cardiotwin.measurement.flow import Lumen, moving_lumen
from cardiotwin.measurement.flow.members import (
    FlowMember,
    InflowFlow,
    chart_between,
    forecast,
)
from cardiotwin.measurement.flow.unknowns import values_of
from cardiotwin.units import MMHG

STEPS = 9 * FRAMES  # of the truth's beat: three for each of a frame's moments
COARSE = CavityTemplate(edge=0.15, layers=18)  # of a member
PER_FRAME = 8  # steps of a member
ATRIUM, AORTA = 10 * MMHG, 95 * MMHG  # of the truth whose valves resist


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """The heart in which flow is looked for.

    Parameters
    ----------
    lumen
        Of the retrieval.
    cavity
        What it is cut from.
    template
        How.
    """

    lumen: Lumen
    cavity: MovingCavity
    template: CavityTemplate


def setting(edge: float, path: str) -> Setting:
    """Return the lumen that moves with the measured wall, as `flow4d_heart` has it."""
    template = CavityTemplate(edge=edge, layers=LAYERS)
    looked = make_cavity(seen_frames(path), PERIOD, template)
    lumen = moving_lumen(looked, frame_times())
    return Setting(lumen=lumen, cavity=looked, template=template)


def true_flow(kind: str, deviations: np.ndarray, path: str) -> HeartFlow | ValvedFlow:
    """Return the truth at its start: of the members' kind, or with valves that resist."""
    frames, given = seen_frames(path), values_of(deviations)
    if kind == "window":
        cavity = make_cavity(frames, PERIOD, TRUE)
        return InflowFlow(cavity, TRUE, given, steps=STEPS)
    template = CavityTemplate(edge=TRUE.edge, layers=TRUE.layers, **KINDS["resistive"])
    return ValvedFlow(
        make_cavity(frames, PERIOD, template),
        Fluid(viscosity=given["viscosity"]),
        steps=STEPS,
        atrium=lambda _: ATRIUM,
        aorta=lambda _: AORTA,
        leaflets=Leaflets(ramp=given["ramp"]),
    )


def true_beat(flow: HeartFlow | ValvedFlow) -> list[tuple[Field, Field, Field]]:
    """Return places, velocities and pressures after each step of the beat after that from rest."""
    for _ in flow.run(STEPS):
        pass
    return [(m.points, m.velocity, m.pressure) for m in flow.run(STEPS)]


class Members:
    """The members' flows in a measured heart, and what they cost.

    Parameters
    ----------
    of
        The lumen at whose nodes they are told.
    path
        A folder of a cine's contours.
    """

    def __init__(self, of: Setting, path: str) -> None:
        self.cavity = make_cavity(seen_frames(path), PERIOD, COARSE)
        self.charts = (
            chart_between(self.cavity, COARSE, of.cavity, of.template),
            chart_between(of.cavity, of.template, self.cavity, COARSE),
        )
        self.costs: list[float] = []

    def __call__(self, deviations: np.ndarray, told: Field) -> FlowMember:
        """Return the member of some deviations from the priors' middles."""
        start = time.process_time()
        flow = InflowFlow(self.cavity, COARSE, values_of(deviations), steps=PER_FRAME * FRAMES)
        found = forecast(flow, self.charts, told, per_frame=PER_FRAME, window=1.0)
        self.costs.append(time.process_time() - start)
        return found


__all__ = ["Members", "Setting", "setting", "true_beat", "true_flow"]
