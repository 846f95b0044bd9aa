"""First pass of contrast agent: a saturation-prepared image per beat, at rest or under stress."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from cardiotwin.errors import InputError
from cardiotwin.exam.contrast import TISSUES
from cardiotwin.exam.limits import require_between
from cardiotwin.exam.sequences import FIELD_STRENGTH
from cardiotwin.exam.series import Series
from cardiotwin.exam.slab import NAMES, WALL, Slab
from cardiotwin.units import MS

STATES = ("rest", "stress")
_PULSE = 40  # that reads the centre of k-space
_BLOOD, _MUSCLE = NAMES.index("blood"), NAMES.index("myocardium")


@dataclass(frozen=True, kw_only=True)
class FirstPass(Series):
    """Single shots after saturation, one per slice and beat; one without saturation comes first.

    The arterial input is told beside (`perfusion/NAME_aif.tsv`), as dual-sequence protocols
    measure it with a shorter saturation.

    Its signal to noise is, as everywhere, of the fully relaxed signal after a quarter turn: the
    wall at its brightest has a sixteenth of it.

    Parameters
    ----------
    state
        ``rest`` or ``stress``: which blood flow the wall has.
    n_beats
        Images of the pass.
    rate
        Beats per second while it runs, faster under a vasodilator.
    dose
        mmol per kg.
    saturation_time, repetition_time
        s.
    flip
        rad.
    """

    signal_to_noise: float = 300.0
    state: str = "rest"
    n_beats: int = 60
    rate: float = 1.1
    dose: float = 0.05
    saturation_time: float = 100 * MS
    repetition_time: float = 2.2 * MS
    flip: float = 0.21

    contrast = "first_pass"
    counter = "repetition"

    @property
    def line_time(self) -> float:
        """Return the time from line to line, s."""
        return self.repetition_time

    def __post_init__(self) -> None:
        """Refuse a state that there is not."""
        super().__post_init__()
        if self.state not in STATES:
            msg = f"FirstPass.state must be rest or stress, found {self.state!r}. Choose one."
            raise InputError(msg)
        require_between(self, "n_beats", 10, 200)
        require_between(self, "rate", 0.5, 3.5)
        require_between(self, "dose", 0.005, 0.3)

    def times(self) -> Float[np.ndarray, " beats"]:
        """Return when the images of the pass are taken, s after the first."""
        return np.arange(self.n_beats) / self.rate

    def acquisition(self, period: float) -> dict[str, Any]:  # noqa: ARG002
        """Return the read-out's numbers."""
        return {
            "saturation_time": self.saturation_time,
            "repetition_time": self.repetition_time,
            "flip_angle": self.flip,
            "pulse": float(_PULSE),
        }

    def sidecar(self, period: float) -> dict[str, Any]:
        """Return what the images' header says; the first image has no saturation."""
        return {
            "DynamicTime": [None, *np.round(self.times(), 6).tolist()],
            "SaturationTime": self.saturation_time,
            "RepetitionTime": self.repetition_time,
            "FlipAngle": float(np.rad2deg(self.flip)),
            "CentrePulse": self.acquisition(period)["pulse"],
            "ContrastBolusIngredient": "gadobutrol",
            "ContrastBolusDose": self.dose,
        }

    def images_of(
        self,
        slab: Slab,
        t1: Float[np.ndarray, "18"],
        mbf: Float[np.ndarray, "18"],
    ) -> Complex[np.ndarray, "i j images"]:
        """Return the images: what is not blood or heart has no agent yet.

        `t1`, s, and `mbf`, m^3/(s kg), are those of the AHA segments, 0 of other muscle.
        """
        from cardiotwin.perfusion.first_pass_signal import (  # noqa: PLC0415 - brings torch
            Injection,
            ReadOut,
            blood_concentration,
            read_out_signal,
            wall_concentration,
        )

        injection, time = Injection(dose=self.dose), self.times()
        wall = wall_concentration(injection, time, mbf)
        none = np.zeros((len(TISSUES), len(time)))
        none[_BLOOD] = blood_concentration(injection, time)
        none[_MUSCLE] = wall[0]
        read_out = ReadOut(**self.acquisition(1.0))

        def signal(concentration: np.ndarray, relaxing: np.ndarray) -> np.ndarray:
            times = np.broadcast_to(relaxing[:, None], concentration.shape).copy()
            given: dict[str, Any] = {"agent": injection.agent, "field_strength": FIELD_STRENGTH}
            first = read_out_signal(
                np.zeros((len(times), 1)), times[:, :1], read_out, saturated=False, **given
            )
            return np.hstack([first, read_out_signal(concentration, times, read_out, **given)])

        density = np.array([tissue.proton_density for tissue in TISSUES])[:, None]
        rest = slab.shares.copy()
        rest[..., WALL] = 0
        still = density * signal(none, np.array([tissue.t1 for tissue in TISSUES]))
        moving = TISSUES[WALL].proton_density * signal(wall, t1)[slab.segment]
        return np.asarray(rest @ still + slab.wall[..., None] * slab.mean(moving) + 0j)

    def arterial_input(self) -> Float[np.ndarray, "beats 2"]:
        """Return times, s, and concentration in whole blood, mol/m^3."""
        from cardiotwin.perfusion.first_pass_signal import (  # noqa: PLC0415 - brings torch
            Injection,
            blood_concentration,
        )

        time = self.times()
        return np.column_stack([time, blood_concentration(Injection(dose=self.dose), time)])


__all__ = ["FirstPass"]
