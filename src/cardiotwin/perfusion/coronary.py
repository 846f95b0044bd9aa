"""A coronary artery and its bed over a beat: driven by the aorta, squeezed by the ventricle.

The bed's own equations are in `coronary_bed`. All by mass of muscle.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.perfusion.coronary_bed import (
    OPEN,
    PER_MINUTE,
    BedState,
    CoronaryBed,
    Stenosis,
    affine_step,
)

Course = Float[np.ndarray, " frames"]

STEPS = 200  # of a beat
BEATS = 100  # at most, until a beat repeats
REPEATS = 1e-5  # relative change of the layers' volumes from beat to beat


@dataclass(frozen=True, kw_only=True, eq=False)
class Drive:
    """The pressures of one beat that repeats.

    Parameters
    ----------
    aortic_pressure, lv_pressure
        At even times from the R wave, Pa; the first follows the last.
    period
        s.
    """

    aortic_pressure: Float[np.ndarray, " _"]
    lv_pressure: Float[np.ndarray, " _"]
    period: float

    def __post_init__(self) -> None:
        """Refuse courses that do not belong together."""
        if len(self.aortic_pressure) != len(self.lv_pressure) or not self.period > 0:
            msg = (
                f"Drive needs two courses of one length and a period, found "
                f"{len(self.aortic_pressure)} and {len(self.lv_pressure)} values in "
                f"{self.period:g} s. Sample both pressures at the same times."
            )
            raise InputError(msg)
        for name in ("aortic_pressure", "lv_pressure"):
            if not np.isfinite(getattr(self, name)).all():
                count = int((~np.isfinite(getattr(self, name))).sum())
                msg = f"Drive.{name} must be known throughout, found {count} gaps. Fill them."
                raise InputError(msg)


def sampled(drive: Drive, n_steps: int = STEPS) -> Drive:
    """Return the beat at other even times, between its own."""
    old = np.arange(len(drive.aortic_pressure)) / len(drive.aortic_pressure)
    new = np.arange(n_steps) / n_steps

    def course(values: Course) -> Float[np.ndarray, " steps"]:
        return np.asarray(np.interp(new, old, values, period=1.0))

    return replace(
        drive,
        aortic_pressure=course(drive.aortic_pressure),
        lv_pressure=course(drive.lv_pressure),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class CoronaryBeat:
    """One beat of the coronary circulation, for each of some cases.

    Parameters
    ----------
    time
        Since the R wave, s.
    inflow
        From the aorta by mass, m^3/(s kg).
    distal_pressure
        Behind the narrowing, Pa.
    mbf
        Mean blood flow of each layer from epi- to endocardium, m^3/(s kg).
    beats
        That passed until one repeated.
    """

    time: Course
    inflow: Float[np.ndarray, "cases frames"]
    distal_pressure: Float[np.ndarray, "cases frames"]
    mbf: Float[np.ndarray, "cases layers"]
    beats: int

    @property
    def flow(self) -> Float[np.ndarray, " cases"]:
        """Return the mean flow, m^3/(s kg)."""
        return np.asarray(self.mbf.mean(axis=1))


def coronary_beat(
    bed: CoronaryBed,
    drive: Drive,
    *,
    tone: Float[np.ndarray, " cases"] | Float[np.ndarray, "cases layers"],
    stenosis: Stenosis | Float[np.ndarray, " cases"] | None = None,
) -> CoronaryBeat:
    """Return the beat that repeats, at some tones of the bed or of its layers.

    `stenosis` may be a resistance for each case, Pa s kg/m^3. Implicit Euler with the volumes'
    resistances of the step before.

    Raises
    ------
    ConvergenceError
        If beats do not come to repeat; it carries their changes.
    """
    drive = sampled(drive)
    given = stenosis if isinstance(stenosis, np.ndarray) else np.zeros(len(tone))
    narrow = stenosis if isinstance(stenosis, Stenosis) else Stenosis()
    R, S = given + narrow.resistance, narrow.separation
    dt = drive.period / STEPS
    rest = BedState.rest(bed, float(drive.aortic_pressure.mean()), len(tone))
    state = (rest.distal, rest.transmural, rest.inflow)
    tones, squeeze = tone.reshape(len(tone), -1), np.array(bed.squeeze)
    changes: list[float] = []
    volume = rest.wall_volume(bed)
    for beat in range(BEATS):
        before, rows = volume, []
        for aorta, ventricle in zip(drive.aortic_pressure, drive.lv_pressure, strict=True):
            way, into, _, *affine = affine_step(
                bed, state, dt, tone=tones, resistance=R, separation=S
            )
            given = np.array([1.0, aorta, ventricle, bed.venous_pressure])
            distal, within = affine[0] @ given, affine[1] @ given
            state = (distal, within - squeeze * ventricle, (aorta - distal) / way)
            rows.append((state[2], distal, into * (distal[:, None] - within)))
        stored = bed.wall_compliance * (state[1] - bed.reference_pressure)
        volume = bed.reference_volume + stored
        changes.append(float(np.abs(volume / before - 1).max()))
        if changes[-1] < REPEATS:
            return CoronaryBeat(
                time=np.arange(STEPS) * dt,
                inflow=np.stack([row[0] for row in rows], axis=1),
                distal_pressure=np.stack([row[1] for row in rows], axis=1),
                mbf=np.mean([row[2] for row in rows], axis=0),
                beats=beat + 1,
            )
    msg = (
        f"The coronary beat did not come to repeat: the {BEATS}th changed the layers' volumes by "
        f"{changes[-1]:.2g} (tolerance {REPEATS:g}). Look at the bed's compliances."
    )
    raise ConvergenceError(msg, changes)


__all__ = [
    "OPEN",
    "PER_MINUTE",
    "CoronaryBeat",
    "CoronaryBed",
    "Drive",
    "Stenosis",
    "coronary_beat",
    "sampled",
]
