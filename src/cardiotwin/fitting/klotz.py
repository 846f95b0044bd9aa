"""The empirical end-diastolic pressure-volume relation of human hearts.

Klotz, Hay, Dickstein, et al. (2006), Am J Physiol Heart Circ Physiol 291:H403-H412; equations as
restated in Klotz, Dickstein & Burkhoff (2007), Nat Protoc 2:2152-2158.
"""

from dataclasses import dataclass

from cardiotwin.errors import InputError
from cardiotwin.units import MMHG

_A_N = 27.78 * MMHG  # pressure at normalised volume one, eq. 2
_B_N = 2.76  # exponent of the normalised relation, eq. 2
_RMS = 2.79 * MMHG  # predicted against measured relations, root mean square (2006, abstract)
_V30_PRESSURE = 30 * MMHG


@dataclass(frozen=True, kw_only=True)
class Klotz:
    """The relation through one measured end-diastolic point.

    Parameters
    ----------
    volume
        Measured end-diastolic volume, m^3.
    pressure
        End-diastolic pressure, Pa.
    unloaded_fraction_sd
        Standard deviation of V0 / EDV between hearts (our reading of the scatter; the paper gives
        the root mean square of the pressures only).
    """

    volume: float
    pressure: float
    unloaded_fraction_sd: float = 0.05

    def __post_init__(self) -> None:
        """Refuse a pressure for which the relation has no meaning."""
        if not 1 * MMHG <= self.pressure <= 40 * MMHG:
            msg = (
                f"The end-diastolic pressure must lie between 1 and 40 mmHg for the relation of "
                f"Klotz, found {self.pressure / MMHG:.3g} mmHg. Give it in mmHg."
            )
            raise InputError(msg)

    @property
    def unloaded_volume(self) -> float:
        """Return V0 = EDV (0.6 - 0.006 EDP / mmHg), m^3 (eq. 3)."""
        return self.volume * (0.6 - 0.006 * self.pressure / MMHG)

    @property
    def unloaded_volume_sd(self) -> float:
        """Return the scatter of the unloaded volume between hearts, m^3."""
        return self.unloaded_fraction_sd * self.volume

    @property
    def volume_at_30_mmhg(self) -> float:
        """Return V30 = V0 + (EDV - V0) / (EDP / A_n)^(1/B_n), m^3 (eq. 4)."""
        v0 = self.unloaded_volume
        return float(v0 + (self.volume - v0) / (self.pressure / _A_N) ** (1 / _B_N))

    @property
    def volume_at_30_mmhg_sd(self) -> float:
        """Return the published pressure error, 2.79 mmHg, as a volume at the slope there, m^3."""
        span = self.volume_at_30_mmhg - self.unloaded_volume
        normalised = (_V30_PRESSURE / _A_N) ** (1 / _B_N)
        slope = _A_N * _B_N * normalised ** (_B_N - 1) / span
        return float(_RMS / slope)

    def volume_at(self, pressure: float) -> float:
        """Return the volume at a pressure, m^3 (eq. 2 inverted)."""
        span = self.volume_at_30_mmhg - self.unloaded_volume
        return float(self.unloaded_volume + span * (pressure / _A_N) ** (1 / _B_N))
