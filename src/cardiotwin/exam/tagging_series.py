"""Tagging: stripes that are put on the tissue at the R wave and move on with it (SPAMM)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.exam.contrast import TISSUES
from cardiotwin.exam.limits import require_between
from cardiotwin.exam.series import FramedSeries
from cardiotwin.exam.slab import NAMES, WALL, Slab
from cardiotwin.measurement.views import VIEWS
from cardiotwin.units import MM, MS

SHORT_AXIS = "short_axis"

WASHED_OUT = 50 * MS
"""In which the stripes of flowing blood fade; ours."""


@dataclass(frozen=True, kw_only=True)
class Tagging(FramedSeries):
    """Stripes along rows and along columns in turn, from the R wave on.

    Axel & Dougherty (1989), Radiology 171:841-845. The first frame is right after the stripes were
    made. What the read-outs' small pulses take of them is left out.

    Parameters
    ----------
    view
        short_axis, or the long-axis view whose one slice is tagged.
    spacing
        Of the stripes, m.
    tip
        Of each of the two pulses that make them, rad: up to an eighth of a turn no signal is
        negative, so that magnitudes tell all.
    n_frames
        Evenly from the R wave to `last`.
    last
        As a share of the beat.
    flip
        Of the read-outs, rad.
    """

    slices: int = 5
    signal_to_noise: float = 150.0
    minutes: float = 4.0
    view: str = SHORT_AXIS
    spacing: float = 7 * MM
    tip: float = math.pi / 4
    n_frames: int = 18
    last: float = 0.7
    flip: float = 0.2

    contrast = "tagging"

    def __post_init__(self) -> None:
        """Refuse stripes that magnitudes do not tell, or one frame, which shows no motion."""
        super().__post_init__()
        if self.view not in (SHORT_AXIS, *VIEWS):
            msg = (
                f"Tagging.view must be {SHORT_AXIS} or one of {', '.join(VIEWS)}, found "
                f"{self.view!r}. Name the view whose slices are tagged."
            )
            raise InputError(msg)
        require_between(self, "spacing", 3 * MM, 20 * MM)
        require_between(self, "tip", 0.1, math.pi / 4)
        require_between(self, "n_frames", 2, 60)
        require_between(self, "last", 0.05, 1.0)

    @property
    def n_encodings(self) -> int:
        """Return the images of a frame."""
        return 2

    def matrix(self) -> Float[np.ndarray, "2 2"]:
        """Return the stripes' wave vectors along rows and columns, rad/m."""
        return 2 * np.pi / self.spacing * np.eye(2)

    def shares(self) -> Float[np.ndarray, " frames"]:
        """Return the frames' moments as shares of the beat."""
        return self.last * np.arange(self.n_frames) / (self.n_frames - 1)

    def acquisition(self, period: float) -> dict[str, Any]:
        """Return the time from the stripes to each frame, s."""
        return {"delay": self.shares() * period}

    def sidecar(self, period: float) -> dict[str, Any]:
        """Return what the images' header says: one entry per image, frames by direction."""
        frames = np.repeat(self.shares() * period, 2)
        return {
            "FrameTime": np.round(frames, 6).tolist(),
            "TagWave": np.tile(self.matrix(), (self.n_frames, 1)).tolist(),
            "FlipAngle": float(np.rad2deg(self.flip)),
        }

    def frame_images(
        self,
        slab: Slab,
        material: Float[np.ndarray, "samples 2"],
        t1: Float[np.ndarray, " samples"],
        *,
        place: Float[np.ndarray, "i j 2"],
        pixel: tuple[float, float],
        delay: float,
    ) -> Float[np.ndarray, "i j 2"]:
        """Return a frame's images.

        Parameters
        ----------
        slab
            What is where now.
        material
            Where the wall's samples were at the R wave, along rows and columns, m.
        t1
            Of these samples, s.
        place, pixel
            Where the pixels are along the same axes, and their size, m; what stands still kept
            the stripes that it got there.
        delay
            From the stripes to the frame, s.
        """
        even, wave = math.cos(self.tip) ** 2, math.sin(self.tip) ** 2
        density = np.array([tissue.proton_density for tissue in TISSUES])
        fading = np.exp(-delay / np.array([tissue.t1 for tissue in TISSUES]))
        kept = np.ones(len(TISSUES))
        kept[[NAMES.index("blood"), NAMES.index("venous_blood")]] = math.exp(-delay / WASHED_OUT)
        tagged = even - wave * np.cos(material @ self.matrix().T)
        wall = slab.mean(1 + (tagged - 1) * np.exp(-delay / t1)[:, None])
        within = np.prod(np.sinc(self.matrix() * np.array(pixel) / (2 * np.pi)), axis=1)
        stripes = wave * within * np.cos(place @ self.matrix().T)
        shares = slab.shares * density
        moving = shares[..., WALL] + shares[..., NAMES.index("myocardium")]
        shares[..., [WALL, NAMES.index("myocardium")]] = 0
        still = (shares @ (1 + (even - 1) * fading))[..., None]
        still = still - (shares @ (kept * fading))[..., None] * stripes
        return np.asarray(math.sin(self.flip) * (moving[..., None] * wall + still))


__all__ = ["SHORT_AXIS", "Tagging"]
