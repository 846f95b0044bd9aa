"""A coronary bed and its step in time: what it takes and returns, by the pressures around it.

The intramyocardial pump of Spaan, Breuls & Laird (1981), Circ Res 49:584-593, in layers of
which each feels its share of the ventricle's pressure; resistances follow the vessels' volume
as 1/V^2 (Bruinsma et al. 1988, Basic Res Cardiol 83:510-524). All by mass of muscle.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.units import ML, MMHG

EMPTIEST = 0.2  # of the reference volume: vessels do not close altogether
GRAM = 1e-3  # kg
PER_MINUTE = ML / 60 / GRAM  # m^3/(s kg) of 1 mL/min/g
OPEN = 0.01 * MMHG / PER_MINUTE  # Pa s kg/m^3, a healthy artery's resistance
AORTA, VENTRICLE, VEINS = 1, 2, 3  # columns of what is affine in these pressures; 0: a constant
Affine = Float[np.ndarray, "cases 4"]


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
class BedState:
    """Where the blood of a bed is, for each of some cases.

    Parameters
    ----------
    distal
        Pressure behind the narrowing, Pa.
    transmural
        Across the walls of each layer's vessels, Pa.
    inflow
        From the aorta, m^3/(s kg).
    """

    distal: Float[np.ndarray, " cases"]
    transmural: Float[np.ndarray, "cases layers"]
    inflow: Float[np.ndarray, " cases"]

    @classmethod
    def rest(cls, bed: CoronaryBed, aortic_pressure: float, n_cases: int = 1) -> "BedState":
        """Return a bed at its reference volume, without flow, under an aortic pressure, Pa."""
        return cls(
            distal=np.full(n_cases, aortic_pressure),
            transmural=np.full((n_cases, len(bed.squeeze)), bed.reference_pressure),
            inflow=np.zeros(n_cases),
        )

    def wall_volume(self, bed: CoronaryBed) -> Float[np.ndarray, "cases layers"]:
        """Return the volume of each layer's vessels, m^3/kg of the layer."""
        more = self.transmural - bed.reference_pressure
        return np.asarray(bed.reference_volume + bed.wall_compliance * more)

    def volume(self, bed: CoronaryBed) -> Float[np.ndarray, " cases"]:
        """Return all blood of the bed, its arteries' included, m^3/kg."""
        return np.asarray(
            bed.arterial_compliance * self.distal + self.wall_volume(bed).mean(axis=1)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class BedStep:
    """A step's end, affine in the pressures there: of a constant, aorta, ventricle and veins.

    Parameters
    ----------
    bed
        Whose.
    way
        Resistance from the aorta to behind the narrowing, Pa s kg/m^3.
    into, out
        Conductances before and behind the vessels within the wall, m^3/(Pa s kg).
    distal, within
        Pressures behind the narrowing and in the layers' vessels.
    """

    bed: CoronaryBed
    way: Float[np.ndarray, " cases"]
    into: Float[np.ndarray, "cases layers"]
    out: Float[np.ndarray, "cases layers"]
    distal: Affine
    within: Float[np.ndarray, "cases layers 4"]

    @cached_property
    def inflow(self) -> Affine:
        """Return what is taken from the aorta, m^3/(s kg)."""
        return np.asarray((_unit(AORTA) - self.distal) / self.way[:, None])

    @cached_property
    def outflow(self) -> Affine:
        """Return what is given to the veins, m^3/(s kg)."""
        return np.asarray((self.out[..., None] * (self.within - _unit(VEINS))).mean(axis=1))

    def at(
        self, aorta: float, ventricle: float, veins: float
    ) -> tuple[BedState, Float[np.ndarray, "cases layers"]]:
        """Return the state under pressures, Pa, and each layer's blood flow, m^3/(s kg)."""
        given = np.array([1.0, aorta, ventricle, veins])
        distal, within = self.distal @ given, self.within @ given
        muscle = np.array(self.bed.squeeze) * ventricle
        state = BedState(distal=distal, transmural=within - muscle, inflow=self.inflow @ given)
        return state, np.asarray(self.into * (distal[:, None] - within))


def _unit(which: int) -> Float[np.ndarray, "4"]:
    return np.asarray(np.eye(4)[which])


def bed_step(
    bed: CoronaryBed,
    start: BedState,
    dt: float,
    *,
    tone: Float[np.ndarray, " cases"] | Float[np.ndarray, "cases layers"],
    resistance: float | Float[np.ndarray, " cases"] = 0.0,
    separation: float = 0.0,
) -> BedStep:
    """Return a step of implicit Euler, with the resistances of the volumes and the flow before.

    What is stored is what flows in less what flows out, to rounding. A tone is of the whole bed or
    of each layer. `resistance` and `separation`
    are those of `Stenosis`.
    """
    way, into, out, distal, within = affine_step(
        bed,
        (start.distal, start.transmural, start.inflow),
        dt,
        tone=tone.reshape(len(tone), -1),
        resistance=resistance,
        separation=separation,
    )
    return BedStep(bed=bed, way=way, into=into, out=out, distal=distal, within=within)


def affine_step(
    bed: CoronaryBed, start: Any, dt: float, *, tone: Any, resistance: Any, separation: float
) -> tuple[Any, ...]:
    """Return what a `BedStep` holds, of a state's three arrays: for loops of many steps."""
    distal_before, transmural, inflow = start
    volume = bed.reference_volume + bed.wall_compliance * (transmural - bed.reference_pressure)
    size = np.maximum(volume / bed.reference_volume, EMPTIEST) ** 2
    into = tone / bed.arterial_resistance * size
    out = size / bed.venous_resistance
    way = np.maximum(resistance + separation * np.abs(inflow), OPEN)
    charge, charge_a = bed.wall_compliance / dt, bed.arterial_compliance / dt
    held = charge + into + out
    share = into / held
    own = np.zeros((*held.shape, 4))
    own[..., 0] = charge * transmural / held
    own[..., VENTRICLE] = charge * np.array(bed.squeeze) / held
    own[..., VEINS] = out / held
    distal = (into[..., None] * own).mean(axis=1)
    distal[:, 0] += charge_a * distal_before
    distal[:, AORTA] += 1 / way
    distal /= (charge_a + 1 / way + (into * (1 - share)).mean(axis=1))[:, None]
    return way, into, out, distal, own + share[..., None] * distal[:, None]


__all__ = [
    "OPEN",
    "PER_MINUTE",
    "BedState",
    "BedStep",
    "CoronaryBed",
    "Stenosis",
    "affine_step",
    "bed_step",
]
