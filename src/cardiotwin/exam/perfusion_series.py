"""First pass of contrast agent: a saturation-prepared image per beat, at rest or under stress."""

from collections.abc import Sequence
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
from cardiotwin.units import MM, MS

STATES = ("rest", "stress")
BREATH = 4.0  # s, of free breathing
_DOWN = np.array([0.0, 0.25, -0.97])  # of the heart when air is drawn in: to the feet, and forward
_PULSE = 40  # that reads the centre of k-space
_BLOOD, _VENOUS, _MUSCLE = (NAMES.index(name) for name in ("blood", "venous_blood", "myocardium"))


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
    breathing
        How far the heart goes down and up with each breath during the pass, m; 0: it is held. The
        chest wall stays, and what leaves the slice is another part of the heart.
    """

    signal_to_noise: float = 300.0
    state: str = "rest"
    n_beats: int = 60
    rate: float = 1.1
    dose: float = 0.05
    saturation_time: float = 100 * MS
    repetition_time: float = 2.2 * MS
    flip: float = 0.21
    breathing: float = 0.0

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
        require_between(self, "breathing", 0.0, 40 * MM)

    def times(self) -> Float[np.ndarray, " beats"]:
        """Return when the images of the pass are taken, s after the first."""
        return np.arange(self.n_beats) / self.rate

    def breath(self, time: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Return how much air is drawn in, 0 to 1, s after the first image."""
        return np.asarray(np.sin(np.pi * time / BREATH) ** 2 * (self.breathing > 0))

    def carried(self) -> Float[np.ndarray, "images 3"]:
        """Return where the breath carries the heart in each image, m; the first two are one."""
        share = self.breath(np.concatenate([[0.0], self.times()]))
        return np.asarray(self.breathing * share[:, None] * _DOWN)

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
        slabs: Sequence[Slab],
        t1: Float[np.ndarray, "18"],
        mbf: Float[np.ndarray, "18"],
    ) -> Complex[np.ndarray, "i j images"]:
        """Return the images: what is not blood or heart has no agent yet.

        `slabs` are the slice in each image, or one for all; `t1`, s, and `mbf`, m^3/(s kg), are
        those of the AHA segments, 0 of other muscle.
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
        none[_VENOUS] = blood_concentration(injection, time + injection.transit)
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
        still = density * signal(none, np.array([tissue.t1 for tissue in TISSUES]))
        moving = TISSUES[WALL].proton_density * signal(wall, t1)
        still[WALL] = 0.0  # it is told by segment

        def picture(slab: Slab, images: slice) -> np.ndarray:
            wall = slab.wall[..., None] * slab.mean(moving[slab.segment, images])
            return np.asarray(slab.shares @ still[:, images] + wall)

        if len(slabs) == 1:
            return picture(slabs[0], slice(None)) + 0j
        pictures = [picture(slab, slice(n, n + 1)) for n, slab in enumerate(slabs)]
        return np.concatenate(pictures, axis=2) + 0j

    def arterial_input(self) -> Float[np.ndarray, "beats 2"]:
        """Return times, s, and concentration in whole blood, mol/m^3."""
        from cardiotwin.perfusion.first_pass_signal import (  # noqa: PLC0415 - brings torch
            Injection,
            blood_concentration,
        )

        time = self.times()
        return np.column_stack([time, blood_concentration(Injection(dose=self.dose), time)])


__all__ = ["FirstPass"]
