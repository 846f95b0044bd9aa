"""Coronary beds over one step of the loop: what they take of it, and where their blood then is.

What a bed takes, gives and stores follows from the pressures at the step's end, so it enters the
loop's own Newton step (`circulation.stepping.Beside`): no drop of blood is lost between them. Each
ventricle squeezes its own bed; the right atrium's pressure is the veins'.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.circulation import Stores
from cardiotwin.circulation.stepping import Beside
from cardiotwin.coupling.coronaries import ARTERIES, LV, RA, RV, Coronary
from cardiotwin.perfusion.coronary_bed import BedState, BedStep, bed_step

VENTRICLES = (LV, RV)  # that squeeze the left bed and the right one
LEAST = 0.1  # of the demand: a flow below it widens a bed no faster
Layers = tuple[Float[np.ndarray, " layers"], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Perfused:
    """The beds of the left and the right artery at one time.

    Parameters
    ----------
    beds
        Where their blood is.
    tones
        Of each layer's arterial side.
    flows
        From the aorta and into the atrium over the step before, m^3/s.
    layers
        Blood flow of each layer over the step before, m^3/(s kg).
    """

    beds: tuple[BedState, ...]
    tones: Layers
    flows: Float[np.ndarray, "arteries 2"]
    layers: Layers

    @classmethod
    def rest(cls, arteries: Sequence[Coronary], aortic_pressure: float) -> "Perfused":
        """Return full beds at rest under an aortic pressure, Pa, without flow."""
        counts = [len(own.bed.squeeze) for own in arteries]
        return cls(
            beds=tuple(BedState.rest(own.bed, aortic_pressure) for own in arteries),
            tones=tuple(np.ones(n) for n in counts),
            flows=np.zeros((len(arteries), 2)),
            layers=tuple(np.zeros(n) for n in counts),
        )


def bed_volumes(
    arteries: Sequence[Coronary], beds: Sequence[BedState]
) -> Float[np.ndarray, " arteries"]:
    """Return the blood of each bed, m^3."""
    pairs = zip(arteries, beds, strict=True)
    return np.array([own.mass * bed.volume(own.bed)[0] for own, bed in pairs])


def regulated(arteries: Sequence[Coronary], mbf: Layers, tones: Layers) -> Layers:
    """Return the tones by which the beds answer to their layers' mean flows, m^3/(s kg)."""
    answers = []
    for own, had, tone in zip(arteries, mbf, tones, strict=True):
        ratio = own.demand / np.maximum(had, LEAST * own.demand)
        answers.append(np.clip(tone * ratio, own.bed.least_tone, own.bed.most_tone))
    return tuple(answers)


@dataclass(frozen=True, kw_only=True, eq=False)
class BedSteps:
    """A step of all beds, affine in the loop's pressures at its end.

    Parameters
    ----------
    arteries
        Theirs.
    tones
        Of each layer's arterial side.
    steps
        Of each bed.
    """

    arteries: Sequence[Coronary]
    tones: Layers
    steps: tuple[BedStep, ...]

    @classmethod
    def of(
        cls, arteries: Sequence[Coronary], beds: Sequence[BedState], tones: Layers, dt: float
    ) -> "BedSteps":
        """Return the step of so many seconds from where the beds are."""
        steps = tuple(
            bed_step(
                own.bed,
                bed,
                dt,
                tone=tone[None],
                resistance=own.stenosis.resistance,
                separation=own.stenosis.separation,
            )
            for own, bed, tone in zip(arteries, beds, tones, strict=True)
        )
        return cls(arteries=arteries, tones=tones, steps=steps)

    @property
    def beside(self) -> Beside:
        """Return what the beds take of the ring's stores and give to them."""
        flow, slope = np.zeros(8), np.zeros((8, 8))
        for own, squeezed, after in zip(self.arteries, VENTRICLES, self.steps, strict=True):
            taken, given = -own.mass * after.inflow[0], own.mass * after.outflow[0]
            for store, rate in ((ARTERIES, taken), (RA, given)):
                flow[store] += rate[0]
                slope[store, [ARTERIES, squeezed, RA]] += rate[1:]
        return Beside(flow=flow, slope=slope)

    def end(self, pressure: Stores) -> Perfused:
        """Return the beds under the loop's pressures at the step's end, Pa."""
        beds, flows, layers = [], [], []
        for own, squeezed, after in zip(self.arteries, VENTRICLES, self.steps, strict=True):
            around = pressure[ARTERIES], pressure[squeezed], pressure[RA]
            bed, mbf = after.at(*around)
            beds.append(bed)
            layers.append(mbf[0])
            rates = (after.inflow, after.outflow)
            flows.append([float(own.mass * rate[0] @ [1, *around]) for rate in rates])
        return Perfused(
            beds=tuple(beds), tones=self.tones, flows=np.array(flows), layers=tuple(layers)
        )


__all__ = ["VENTRICLES", "BedSteps", "Perfused", "bed_volumes", "regulated"]
