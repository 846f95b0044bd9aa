"""Measured courses over a beat, and what the instruments did to them.

A fluid-filled catheter is a mass of fluid on a spring: second order in time, of 10 to 40 Hz and a
damping of 0.1 to 0.6 (Gardner 1981, Anesthesiology 54:227-236; Glantz & Tyberg 1979, Am J Physiol
236:H376-H378). A clock that is off, or the pulse's way along the catheter, delays.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.fitting.priors import LogNormal, Normal, Prior
from cardiotwin.measurement.mains import KEYS, waves

Course = Float[np.ndarray, "rows batch"]
KINDS = ("lv_pressure", "aortic_pressure", "lv_volume", "aortic_flow")


@dataclass(frozen=True, kw_only=True)
class Catheter:
    """What is believed of a fluid-filled catheter.

    Parameters
    ----------
    frequency
        Its natural one, Hz.
    damping
        As a share of the critical one.
    """

    frequency: Prior
    damping: Prior


FLUID_FILLED = Catheter(
    frequency=LogNormal(median=25.0, sd=0.35, source="Gardner 1981, fig. 5: 10 to 50 Hz"),
    damping=LogNormal(median=0.3, sd=0.4, source="Gardner 1981, fig. 5: 0.1 to 0.8"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Channel:
    """A measured course over one beat.

    Parameters
    ----------
    name
        One of `KINDS`.
    time
        s since the R wave, by the channel's own clock.
    value
        SI.
    noise
        Standard deviation of the measurement, in the same unit.
    level_sd
        How far its zero may be off, in the same unit; 0: it is right.
    shift_sd
        How far its clock may be off, s; 0: it is the others'.
    gain_sd
        How far its scale may be off, as a share; 0: it is right.
    drift_sd
        How far it may wander over the beat (a breath, another preload), in the same unit.
    hum_sd
        How much of the mains (`measurement.mains`) it may hold, in the same unit; 0: none.
    catheter
        What it was measured with, if that was slow.
    """

    name: str
    time: Float[np.ndarray, " frames"]
    value: Float[np.ndarray, " frames"]
    noise: float
    level_sd: float = 0.0
    shift_sd: float = 0.0
    gain_sd: float = 0.0
    drift_sd: float = 0.0
    hum_sd: float = 0.0
    catheter: Catheter | None = None

    def __post_init__(self) -> None:
        """Refuse a channel that nothing can be compared with."""
        if self.name not in KINDS:
            msg = f"Channel.name must be one of {', '.join(KINDS)}, found {self.name!r}."
            raise InputError(msg)
        if len(self.time) != len(self.value) or not np.all(np.isfinite(self.value)):
            msg = (
                f"{self.name} has {len(self.time)} times and {len(self.value)} values, "
                f"{int((~np.isfinite(self.value)).sum())} of them missing. Give one finite value "
                "for each time."
            )
            raise InputError(msg)
        if not self.noise > 0 or any(getattr(self, f.name) < 0 for f in fields(self)[4:9]):
            msg = (
                f"{self.name} must have a positive noise, found {self.noise:g}, and level, "
                "clock, gain, drift and hum of standard deviations of 0 or more."
            )
            raise InputError(msg)

    def priors(self) -> dict[str, Prior]:
        """Return what is believed of the instrument, by name."""
        found: dict[str, Prior] = {}
        for key in ("level", "shift", "drift"):
            sd = getattr(self, f"{key}_sd")
            if sd:
                source = f"the channel's {key}_sd"
                found[f"{self.name}.{key}"] = Normal(mean=0.0, sd=sd, source=source)
        if self.hum_sd:
            hum = Normal(mean=0.0, sd=self.hum_sd, source="the channel's hum_sd")
            found |= {f"{self.name}.{key}": hum for key in KEYS}
        if self.gain_sd:
            gain = LogNormal(median=1.0, sd=self.gain_sd, source="the channel's gain_sd")
            found[f"{self.name}.gain"] = gain
        if self.catheter:
            found[f"{self.name}.frequency"] = self.catheter.frequency
            found[f"{self.name}.damping"] = self.catheter.damping
        return found

    def reading(self, values: Mapping[str, float], period: float) -> Callable[[Course], Course]:
        """Return the linear map from courses over a closed beat, (rows, batch), to the frames.

        It has no `level`, no `drift` and no hum: those are `offset`.
        """
        gain = values.get(f"{self.name}.gain", 1.0)
        frequency = values.get(f"{self.name}.frequency")
        damping = values.get(f"{self.name}.damping", 0.0)
        when = (self.time - values.get(f"{self.name}.shift", 0.0)) / period % 1

        def read(course: Course) -> Float[np.ndarray, "frames batch"]:
            beat = course[:-1]
            if frequency is not None:
                beat = catheterised(beat, period, frequency, damping)
            place = when * len(beat)
            before = np.minimum(place.astype(int), len(beat) - 1)
            share = (place - before)[:, None]
            after = (before + 1) % len(beat)
            return np.asarray(gain * ((1 - share) * beat[before] + share * beat[after]))

        return read

    def offset(self, values: Mapping[str, float], period: float) -> Float[np.ndarray, " frames"]:
        """Return what the instrument adds."""
        drift = values.get(f"{self.name}.drift", 0.0) * (self.time / period - 0.5)
        added = values.get(f"{self.name}.level", 0.0) + drift
        if self.hum_sd:
            added = added + waves(self.time) @ [values[f"{self.name}.{key}"] for key in KEYS]
        return np.asarray(added)


def catheterised(beat: Course, period: float, frequency: float, damping: float) -> Course:
    """Return a periodic course (rows of one period without its end) as a catheter shows it.

    x'' + 2 damping w x' + w^2 x = w^2 p with w = 2 pi frequency, solved by its Fourier series.
    """
    share = np.fft.rfftfreq(len(beat), period / len(beat)) / frequency
    passed = 1 / (1 - share**2 + 2j * damping * share)
    return np.asarray(np.fft.irfft(np.fft.rfft(beat, axis=0) * passed[:, None], len(beat), axis=0))


__all__ = ["FLUID_FILLED", "KINDS", "Catheter", "Channel", "catheterised"]
