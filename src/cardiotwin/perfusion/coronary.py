"""A coronary artery and its bed: driven by the aorta, squeezed by the ventricle, regulated.

The intramyocardial pump of Spaan, Breuls & Laird (1981), Circ Res 49:584-593, in layers of
which each feels its share of the ventricle's pressure; resistances follow the vessels' volume
as 1/V^2 (Bruinsma et al. 1988, Basic Res Cardiol 83:510-524). All by mass of muscle.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.units import ML, MMHG

Course = Float[np.ndarray, " frames"]

STEPS = 200  # of a beat
BEATS = 100  # at most, until a beat repeats
REPEATS = 1e-5  # relative change of the layers' volumes from beat to beat
EMPTIEST = 0.2  # of the reference volume: vessels do not close altogether
GRAM = 1e-3  # kg
PER_MINUTE = ML / 60 / GRAM  # m^3/(s kg) of 1 mL/min/g
OPEN = 0.01 * MMHG / PER_MINUTE  # Pa s kg/m^3, a healthy artery's resistance


@dataclass(frozen=True, kw_only=True)
class CoronaryBed:
    """A bed at rest.

    Parameters
    ----------
    arterial_resistance, venous_resistance
        Before and behind the vessels within the wall, at the reference volume, Pa s kg/m^3.
    arterial_compliance
        Of the arteries before the bed, m^3/(Pa kg).
    wall_compliance
        Of the vessels within the wall, m^3/(Pa kg).
    reference_volume
        Theirs at the reference pressure, m^3/kg.
    reference_pressure
        Across their walls, Pa.
    venous_pressure
        Pa.
    squeeze
        Pressure of the muscle in layers from epi- to endocardium, by the ventricle's.
    least_tone, most_tone
        How far regulation widens (narrows) the arterial side: factors of its conductance.

    Notes
    -----
    The defaults give 1 mL/min/g at 90 mmHg and a reserve of about four. They are recalled of
    the literature's size (Spaan 1985, Circ Res 56:293-309), not fitted.
    """

    arterial_resistance: float = 60 * MMHG / PER_MINUTE
    venous_resistance: float = 20 * MMHG / PER_MINUTE
    arterial_compliance: float = 0.001 * ML / MMHG / 0.1
    wall_compliance: float = 0.07 * ML / MMHG / 0.1
    reference_volume: float = 12 * ML / 0.1
    reference_pressure: float = 15 * MMHG
    venous_pressure: float = 8 * MMHG
    squeeze: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8)
    least_tone: float = 0.25
    most_tone: float = 6.0

    def __post_init__(self) -> None:
        """Refuse a bed that does not conduct or hold blood."""
        for field in fields(self):
            values = np.atleast_1d(getattr(self, field.name))
            if not np.all((values > 0) & np.isfinite(values)) or len(values) == 0:
                msg = (
                    f"CoronaryBed.{field.name} must be positive and finite, found "
                    f"{getattr(self, field.name)}. Give it in SI units by mass."
                )
                raise InputError(msg)
        if self.least_tone >= self.most_tone:
            msg = (
                f"CoronaryBed.least_tone must be below most_tone, found {self.least_tone:g} and "
                f"{self.most_tone:g}. They are factors of the conductance at rest."
            )
            raise InputError(msg)


@dataclass(frozen=True, kw_only=True)
class Stenosis:
    """A narrowing of the artery: the pressure falls by (R + S |q|) q.

    Parameters
    ----------
    resistance
        R, Pa s kg/m^3.
    separation
        S, Pa s^2 kg^2/m^6 (Young & Tsai 1973, J Biomech 6:395-410).
    """

    resistance: float = 0.0
    separation: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a narrowing that drives its blood."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < np.inf:
                msg = (
                    f"Stenosis.{field.name} must be zero or positive, found {value:g}. Give the "
                    "artery's resistance times the mass that it feeds."
                )
                raise InputError(msg)


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
    tone: Float[np.ndarray, " cases"],
    stenosis: Stenosis | Float[np.ndarray, " cases"] | None = None,
) -> CoronaryBeat:
    """Return the beat that repeats, at some tones of the bed.

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
    layers = np.array(bed.squeeze)
    dt, n_layers = drive.period / STEPS, len(layers)
    outside = layers * drive.lv_pressure[:, None]
    C, C_a = bed.wall_compliance, bed.arterial_compliance
    within = np.full((len(tone), n_layers), bed.reference_pressure) + outside[-1]
    distal = np.full(len(tone), drive.aortic_pressure.mean())
    q = np.zeros(len(tone))
    changes: list[float] = []
    volume = np.full_like(within, bed.reference_volume)
    for beat in range(BEATS):
        before, rows = volume, []
        for step in range(STEPS):
            size = np.maximum(volume / bed.reference_volume, EMPTIEST) ** 2
            G1 = tone[:, None] / bed.arterial_resistance * size
            G2 = size / bed.venous_resistance
            squeezed = within + outside[step] - outside[step - 1]
            held = C / dt + G1 + G2
            own = (C / dt * squeezed + G2 * bed.venous_pressure) / held
            share = G1 / held
            way = np.maximum(R + S * np.abs(q), OPEN)
            leaving, returned = (G1 * (1 - share)).mean(axis=1), (G1 * own).mean(axis=1)
            distal = (C_a / dt * distal + drive.aortic_pressure[step] / way + returned) / (
                C_a / dt + 1 / way + leaving
            )
            q = (drive.aortic_pressure[step] - distal) / way
            within = own + share * distal[:, None]
            stored = C * (within - outside[step] - bed.reference_pressure)
            volume = bed.reference_volume + stored
            rows.append((q, distal, G1 * (distal[:, None] - within)))
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
