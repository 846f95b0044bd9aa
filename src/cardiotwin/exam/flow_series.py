"""Phase contrast with three directions on short-axis slices: the velocity of blood and wall."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from cardiotwin.exam.contrast import TISSUES
from cardiotwin.exam.limits import require_between
from cardiotwin.exam.series import FramedSeries
from cardiotwin.exam.slab import NAMES, WALL
from cardiotwin.units import MS


@dataclass(frozen=True, kw_only=True)
class PhaseContrast(FramedSeries):
    """A reference and three encodings by frame, spoiled gradient echoes.

    Parameters
    ----------
    venc
        Velocity of half a turn along each direction, m/s.
    n_frames
        Evenly over the beat.
    flip, repetition_time
        rad and s; blood that flows in is fresh.
    """

    slices: int = 5
    signal_to_noise: float = 80.0
    minutes: float = 8.0
    venc: float = 1.0
    n_frames: int = 12
    flip: float = 0.26
    repetition_time: float = 5 * MS

    contrast = "phase_contrast"

    @property
    def n_encodings(self) -> int:
        """Return the images of a frame."""
        return 4

    @property
    def line_time(self) -> float:
        """Return the time from line to line, s."""
        return self.repetition_time

    def __post_init__(self) -> None:
        """Refuse what encodes nothing."""
        super().__post_init__()
        require_between(self, "venc", 0.05, 6.0)
        require_between(self, "n_frames", 2, 60)

    def matrix(self) -> Float[np.ndarray, "4 3"]:
        """Return the encodings, rad s/m along rows, columns and across the slice."""
        return np.vstack([np.zeros(3), np.eye(3)]) * np.pi / self.venc

    def shares(self) -> Float[np.ndarray, " frames"]:
        """Return the frames' moments as shares of the beat."""
        return np.arange(self.n_frames) / self.n_frames

    def acquisition(self, period: float) -> dict[str, Any]:  # noqa: ARG002
        """Return the encodings."""
        return {"encoding": self.matrix()}

    def sidecar(self, period: float) -> dict[str, Any]:
        """Return what the images' header says: one entry per image, frames by encodings."""
        frames = np.repeat(self.shares() * period, 4)
        return {
            "FrameTime": np.round(frames, 6).tolist(),
            "VelocityEncoding": np.tile(self.matrix(), (self.n_frames, 1)).tolist(),
            "FlipAngle": float(np.rad2deg(self.flip)),
            "RepetitionTime": self.repetition_time,
        }

    def brightness(self) -> Float[np.ndarray, " tissues"]:
        """Return each tissue's steady signal; blood's is that of fresh spins."""
        t1 = np.array([tissue.t1 for tissue in TISSUES])
        density = np.array([tissue.proton_density for tissue in TISSUES])
        e1 = np.exp(-self.repetition_time / t1)
        steady = np.sin(self.flip) * (1 - e1) / (1 - e1 * np.cos(self.flip))
        steady[[NAMES.index("blood"), NAMES.index("venous_blood")]] = np.sin(self.flip)
        return np.asarray(density * steady)

    def frame_images(
        self,
        shares: Float[np.ndarray, "i j tissues"],
        cavity: Float[np.ndarray, "i j"],
        blood: Float[np.ndarray, "i j 3"],
        wall: Float[np.ndarray, "i j 3"],
    ) -> Complex[np.ndarray, "i j 4"]:
        """Return a frame's images.

        `cavity` is the LV's share of a pixel, which moves with `blood`, m/s; the wall moves with
        `wall`; other tissue stands still.
        """
        bright = self.brightness()
        pool = np.minimum(cavity, shares[..., NAMES.index("blood")])
        parts = shares * bright
        rest = parts.sum(axis=2) - parts[..., WALL] - bright[NAMES.index("blood")] * pool
        turns = [np.exp(1j * (velocity @ self.matrix().T)) for velocity in (blood, wall)]
        return np.asarray(
            rest[..., None]
            + (bright[NAMES.index("blood")] * pool)[..., None] * turns[0]
            + parts[..., WALL][..., None] * turns[1]
        )


__all__ = ["PhaseContrast"]
