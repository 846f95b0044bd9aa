"""A beat of the closed loop with both coronary arteries beside it: its steps, and their course."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.circulation import Circulation, State, step
from cardiotwin.coupling.coronaries import Coronary
from cardiotwin.coupling.coronary_step import BedSteps, Layers, Perfused, bed_volumes
from cardiotwin.perfusion.coronary_bed import BedState

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
    tones: Layers

    @classmethod
    def rest(cls, loop: State, arteries: Sequence[Coronary]) -> "Joined":
        """Return full beds beside a loop, whose blood they add to."""
        full = Perfused.rest(arteries, loop.pressure.systemic_arteries)
        return cls(loop=loop, beds=full.beds, tones=full.tones)

    def blood(self, arteries: Sequence[Coronary]) -> float:
        """Return all of it, m^3."""
        return float(self.loop.blood + bed_volumes(arteries, self.beds).sum())


@dataclass(kw_only=True)
class JoinedBeat:
    """A beat as it is made, step by step.

    Parameters
    ----------
    arteries
        The left and the right one.
    moments
        Where the blood was, the beat's begin first.
    perfused
        The beds after each step.
    """

    arteries: Sequence[Coronary]
    moments: list[Joined]
    perfused: list[Perfused]

    def grow(self, circulation: Circulation, dt: float, implicitness: float) -> None:
        """Make a step."""
        here = self.moments[-1]
        beds = BedSteps.of(self.arteries, here.beds, here.tones, dt)
        beside = beds.beside
        loop = step(circulation, here.loop, dt, implicitness=implicitness, beside=beside).state
        self.perfused.append(beds.end(loop.pressure))
        self.moments.append(Joined(loop=loop, beds=self.perfused[-1].beds, tones=here.tones))

    def mbf(self) -> Layers:
        """Return each artery's mean flow by layer, m^3/(s kg)."""
        rows = zip(*(after.layers for after in self.perfused), strict=True)
        return tuple(np.mean(layers, axis=0) for layers in rows)

    def course(self, i: int) -> CoronaryCourse:
        """Return the course of an artery, by its number."""
        flows = np.array([after.flows[i] for after in (self.perfused[0], *self.perfused)])
        volumes = [bed_volumes(self.arteries, at.beds)[i] for at in self.moments]
        return CoronaryCourse(
            inflow=flows[:, 0],
            outflow=flows[:, 1],
            volume=np.array(volumes),
            distal_pressure=np.array([float(at.beds[i].distal[0]) for at in self.moments]),
            mbf=self.mbf()[i],
            tone=self.moments[0].tones[i],
        )


__all__ = ["CoronaryCourse", "Joined", "JoinedBeat"]
