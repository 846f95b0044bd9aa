"""A ventricle of finite elements as the loop sees it: linear about a beat that it made."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from cardiotwin.circulation import Record, RecordedChamber, Stores
from cardiotwin.errors import InputError
from cardiotwin.units import ML, MMHG

STEEPEST = 50.0  # of an exponential's exponent at end-diastole
REACH = 0.15  # share of its volume that a chamber may lose before its pressure is gone
LEAST = 1 * MMHG  # Pa: a pressure below counts as this for its reach


@dataclass(frozen=True, kw_only=True)
class Filling:
    """The passive pressure of a ventricle: scale (exp(rate (V - unloaded)) - 1).

    Parameters
    ----------
    scale
        Pa.
    rate
        1/m^3.
    unloaded
        Volume without pressure, m^3.
    """

    scale: float
    rate: float
    unloaded: float

    @classmethod
    def through(
        cls, *, unloaded: float, volume: float, pressure: float, slope: float
    ) -> "Filling":
        """Return the law through an end-diastole, m^3 and Pa, with its slope dp/dV there, Pa/m^3.

        Raises
        ------
        InputError
            If these are not those of a ventricle that fills and stiffens.
        """
        steepness = slope * (volume - unloaded) / pressure if pressure > 0 else 0.0
        if not (volume > unloaded and 1 < steepness < STEEPEST):
            msg = (
                "A ventricle that fills grows stiffer, found "
                f"{unloaded / ML:.4g} mL unloaded, {volume / ML:.4g} mL at {pressure / MMHG:.3g} "
                f"mmHg, and a slope of {slope * ML / MMHG:.3g} mmHg/mL there."
            )
            raise InputError(msg)
        exponent = brentq(lambda x: x / -np.expm1(-x) - steepness, 1e-9, STEEPEST)
        return cls(
            scale=pressure / float(np.expm1(exponent)),
            rate=exponent / (volume - unloaded),
            unloaded=unloaded,
        )

    def pressure(self, volume: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Return the passive pressure, Pa."""
        return np.asarray(self.scale * np.expm1(self.rate * (volume - self.unloaded)))

    def slope(self, volume: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Return dp/dV, Pa/m^3."""
        return np.asarray(self.rate * (self.pressure(volume) + self.scale))


def recorded_chamber(
    record: Record, chamber: str, filling: Filling, unstressed: float
) -> RecordedChamber:
    """Return a chamber that repeats a beat where it was and answers near it as the wall does.

    The passive wall answers with its slope, but not so steeply that it would suck within `REACH`;
    what the muscle adds to its pressure is taken for proportional to the volume above
    `unstressed`, m^3 (a time-varying elastance).

    Parameters
    ----------
    record
        One beat.
    chamber
        ``lv`` or ``rv``.
    filling
        Its passive law.
    unstressed
        m^3.
    """
    store = Stores._fields.index(chamber)
    time = record.time[1:] - record.time[0]  # the first row may belong to another beat
    volume, pressure = record.volume[1:, store], record.pressure[1:, store]
    added = np.maximum(pressure - filling.pressure(volume), 0.0)
    gentle = np.maximum(pressure, LEAST) / (REACH * volume)
    elastance = np.minimum(filling.slope(volume), gentle) + added / (volume - unstressed)
    return RecordedChamber(
        time=time, elastance=elastance, unstressed_volume=volume - pressure / elastance
    )


__all__ = ["Filling", "recorded_chamber"]
