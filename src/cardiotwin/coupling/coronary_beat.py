"""A beat of the closed loop with both coronary arteries beside it: the steps, and what they show.

What a bed takes, gives and stores follows from the pressures at the step's end, so it enters the
loop's own Newton step (`circulation.stepping.Beside`): no drop of blood is lost between them. Each
ventricle squeezes its own bed; the right atrium's pressure is the veins'.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from cardiotwin.circulation import Circulation, State, step
from cardiotwin.circulation.stepping import Beside
from cardiotwin.coupling.coronaries import ARTERIES, LV, RV, Coronary
from cardiotwin.perfusion.coronary_bed import BedState, BedStep, bed_step

RA = 4  # of the circulation's stores
VENTRICLES = (LV, RV)  # that squeeze the left bed and the right one
Rows = Float[np.ndarray, " rows"]


@dataclass(frozen=True, kw_only=True, eq=False)
class CoronaryCourse:
    """One artery's beat, by the rows of the loop's record; flows are those of the steps before.

    Parameters
    ----------
    inflow, outflow
        From the aorta and into the right atrium, m^3/s.
    volume
        Of its blood, m^3.
    distal_pressure
        Behind the narrowing, Pa.
    mbf
        Mean blood flow of each layer from epi- to endocardium, m^3/(s kg).
    tone
        Of each layer's arterial side.
    """

    inflow: Rows
    outflow: Rows
    volume: Rows
    distal_pressure: Rows
    mbf: Float[np.ndarray, " layers"]
    tone: Float[np.ndarray, " layers"]

    @property
    def flow(self) -> float:
        """Return the mean flow, m^3/s."""
        return float(self.inflow[1:].mean())


@dataclass(frozen=True, kw_only=True, eq=False)
class Joined:
    """Where all blood is.

    Parameters
    ----------
    loop
        The ring.
    beds
        Of the left and the right artery.
    tones
        Theirs, by layer.
    """

    loop: State
    beds: tuple[BedState, ...]
    tones: tuple[Float[np.ndarray, " layers"], ...]

    @classmethod
    def rest(cls, loop: State, arteries: Sequence[Coronary]) -> "Joined":
        """Return full beds beside a loop, whose blood they add to."""
        aorta = loop.pressure.systemic_arteries
        beds = tuple(BedState.rest(artery.bed, aorta) for artery in arteries)
        return cls(
            loop=loop, beds=beds, tones=tuple(np.ones(len(own.bed.squeeze)) for own in arteries)
        )

    def blood(self, arteries: Sequence[Coronary]) -> float:
        """Return all of it, m^3."""
        return self.loop.blood + sum(_volumes(self, arteries))


def _volumes(at: Joined, arteries: Sequence[Coronary]) -> list[float]:
    return [
        float(own.mass * bed.volume(own.bed)[0])
        for own, bed in zip(arteries, at.beds, strict=True)
    ]


@dataclass(kw_only=True)
class JoinedBeat:
    """A beat as it is made, step by step.

    Parameters
    ----------
    arteries
        The left and the right one.
    moments
        Where the blood was, the beat's begin first.
    flows
        From the aorta and into the atrium, m^3/s, by step and artery.
    layers
        Blood flow of each artery's layers, m^3/(s kg), by step.
    """

    arteries: Sequence[Coronary]
    moments: list[Joined]
    flows: list[Float[np.ndarray, "arteries 2"]] = field(default_factory=list)
    layers: list[list[Float[np.ndarray, " layers"]]] = field(default_factory=list)

    def grow(self, circulation: Circulation, dt: float, implicitness: float) -> None:
        """Make a step."""
        here = self.moments[-1]
        steps = [
            bed_step(
                own.bed,
                bed,
                dt,
                tone=here.tones[i][None],
                resistance=own.stenosis.resistance,
                separation=own.stenosis.separation,
            )
            for i, (own, bed) in enumerate(zip(self.arteries, here.beds, strict=True))
        ]
        masses = [own.mass for own in self.arteries]
        loop = step(
            circulation, here.loop, dt, implicitness=implicitness, beside=beside(steps, masses)
        ).state
        beds, flows, layers = [], [], []
        for mass, squeezed, after in zip(masses, VENTRICLES, steps, strict=True):
            given = loop.pressure[ARTERIES], loop.pressure[squeezed], loop.pressure[RA]
            bed, mbf = after.at(*given)
            beds.append(bed)
            layers.append(mbf[0])
            flows.append([float(mass * q[0] @ [1, *given]) for q in (after.inflow, after.outflow)])
        self.moments.append(Joined(loop=loop, beds=tuple(beds), tones=here.tones))
        self.flows.append(np.array(flows))
        self.layers.append(layers)

    def mbf(self) -> list[Float[np.ndarray, " layers"]]:
        """Return each artery's mean flow by layer, m^3/(s kg)."""
        return [np.mean(rows, axis=0) for rows in zip(*self.layers, strict=True)]

    def course(self, i: int) -> CoronaryCourse:
        """Return the course of an artery, by its number."""
        flows = np.array([self.flows[0], *self.flows])[:, i]
        return CoronaryCourse(
            inflow=flows[:, 0],
            outflow=flows[:, 1],
            volume=np.array([_volumes(at, self.arteries)[i] for at in self.moments]),
            distal_pressure=np.array([float(at.beds[i].distal[0]) for at in self.moments]),
            mbf=self.mbf()[i],
            tone=self.moments[0].tones[i],
        )


def beside(steps: Sequence[BedStep], masses: Sequence[float]) -> Beside:
    """Return what the left and the right bed take of the ring's stores and give to them."""
    flow, slope = np.zeros(8), np.zeros((8, 8))
    for mass, squeezed, after in zip(masses, VENTRICLES, steps, strict=True):
        for store, rate in ((ARTERIES, -mass * after.inflow[0]), (RA, mass * after.outflow[0])):
            flow[store] += rate[0]
            slope[store, [ARTERIES, squeezed, RA]] += rate[1:]
    return Beside(flow=flow, slope=slope)


__all__ = ["CoronaryCourse", "Joined", "JoinedBeat", "beside"]
