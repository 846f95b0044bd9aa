"""Both coronary arteries on a circulation's beat: what they take of its output, and when.

The aorta drives them, each ventricle squeezes its own. What they take (a twentieth of the output)
is not taken from the circulation, whose systemic vessels have it already among their own;
`coronary_loop` has them within it.
"""

from dataclasses import dataclass, field

import numpy as np

from cardiotwin.circulation.beats import Record
from cardiotwin.errors import InputError
from cardiotwin.perfusion.coronary import (
    PER_MINUTE,
    CoronaryBeat,
    CoronaryBed,
    Drive,
    Stenosis,
    coronary_beat,
)
from cardiotwin.perfusion.regulation import regulated_tone

LV, ARTERIES, RA, RV = 1, 2, 4, 5  # of the circulation's stores
RIGHT_DEMAND = 0.8 * PER_MINUTE  # of the right one's muscle at rest, which works less
SAMPLES = 400


@dataclass(frozen=True, kw_only=True)
class Coronary:
    """One coronary artery with the muscle that it feeds.

    Parameters
    ----------
    mass
        Of the muscle, kg.
    demand
        What it asks for at rest, m^3/(s kg).
    bed
        Its vessels.
    stenosis
        What narrows the artery.
    """

    mass: float
    demand: float = PER_MINUTE
    bed: CoronaryBed = field(default_factory=CoronaryBed)
    stenosis: Stenosis = field(default_factory=Stenosis)

    def __post_init__(self) -> None:
        """Refuse muscle without mass or demand."""
        for name in ("mass", "demand"):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                msg = (
                    f"Coronary.{name} must be positive and finite, found {value:g}. Give SI units."
                )
                raise InputError(msg)


@dataclass(frozen=True, kw_only=True, eq=False)
class CoronaryCirculation:
    """Both arteries' beats.

    Parameters
    ----------
    left, right
        Their courses, by mass.
    left_flow, right_flow
        Mean flows, m^3/s.
    left_tone, right_tone
        Of their beds.
    cardiac_output
        Of the left ventricle, m^3/s.
    """

    left: CoronaryBeat
    right: CoronaryBeat
    left_flow: float
    right_flow: float
    left_tone: float
    right_tone: float
    cardiac_output: float

    @property
    def share_of_output(self) -> float:
        """Return what both take of the cardiac output."""
        return (self.left_flow + self.right_flow) / self.cardiac_output


def perfuse(
    record: Record, left: Coronary, right: Coronary, *, hyperaemia: bool = False
) -> CoronaryCirculation:
    """Return the coronary circulation of a recorded beat: regulated, or as wide as it goes."""
    period = float(record.time[-1] - record.time[0])
    time = record.time[0] + period * np.arange(SAMPLES) / SAMPLES
    aorta, *ventricles = (
        np.interp(time, record.time, record.pressure[:, store]) for store in (ARTERIES, LV, RV)
    )
    beats, tones = [], []
    for artery, ventricle in zip((left, right), ventricles, strict=True):
        drive = Drive(aortic_pressure=aorta, lv_pressure=ventricle, period=period)
        bed, narrow = artery.bed, artery.stenosis
        regulated = regulated_tone(bed, drive, artery.demand, narrow)
        tones.append(bed.most_tone if hyperaemia else regulated)
        beats.append(coronary_beat(bed, drive, tone=np.array(tones[-1:]), stenosis=narrow))
    volume = record.volume[:, LV]
    into_aorta = np.maximum(record.outflow[:, LV], 0.0)
    output = float(np.trapezoid(into_aorta, record.time) / period)
    if not output > 0:
        msg = (
            f"The recorded beat ejects nothing, found an LV between {1e6 * volume.min():.0f} and "
            f"{1e6 * volume.max():.0f} mL. Let the circulation settle first."
        )
        raise InputError(msg)
    return CoronaryCirculation(
        left=beats[0],
        right=beats[1],
        left_flow=float(beats[0].flow[0]) * left.mass,
        right_flow=float(beats[1].flow[0]) * right.mass,
        left_tone=tones[0],
        right_tone=tones[1],
        cardiac_output=output,
    )


__all__ = ["Coronary", "CoronaryCirculation", "perfuse"]
