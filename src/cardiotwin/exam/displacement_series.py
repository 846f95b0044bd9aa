"""DENSE: images whose phase is how far the wall has moved since the R wave."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from cardiotwin.exam.series import FramedSeries
from cardiotwin.exam.slab import NAMES, Slab


@dataclass(frozen=True, kw_only=True)
class Dense(FramedSeries):
    """Stimulated echoes with a reference and three encodings, complementary pairs subtracted.

    Parameters
    ----------
    encoding
        Along rows, columns and across the slice, rad/m: 0.06 and 0.03 cycles/mm hold up to 8 and
        17 mm within half a turn.
    n_frames
        Evenly from the R wave to `last`.
    last
        As a share of the beat.
    flip
        Of the read-outs' common pulse, rad.
    """

    slices: int = 5
    signal_to_noise: float = 60.0
    minutes: float = 5.0
    encoding: tuple[float, float, float] = (377.0, 377.0, 188.0)
    n_frames: int = 8
    last: float = 0.7
    flip: float = 0.35

    contrast = "dense"

    @property
    def n_encodings(self) -> int:
        """Return the images of a frame."""
        return 4

    def matrix(self) -> Float[np.ndarray, "encodings 3"]:
        """Return the encodings of a frame's images, rad/m along rows, columns and across."""
        return np.vstack([np.zeros(3), np.diag(self.encoding)])

    def shares(self) -> Float[np.ndarray, " frames"]:
        """Return the frames' moments as shares of the beat."""
        return self.last * (1 + np.arange(self.n_frames)) / self.n_frames

    def frame_images(
        self,
        slab: Slab,
        displacement: Float[np.ndarray, "samples 3"],
        t1: Float[np.ndarray, " samples"],
        *,
        mixing_time: float,
        rest: Float[np.ndarray, " tissues"],
    ) -> Complex[np.ndarray, "i j encodings"]:
        """Return a frame's images: half of what was stored, turned by how far it has moved.

        `displacement` is along rows, columns and across the slice, m; `t1` of the wall's samples
        and `rest`, the other tissues' fading density without motion, weigh the echoes. Blood that
        flows has lost its echo, fat is suppressed; trabeculae beside the wall move with it.
        """
        fading = np.exp(-mixing_time / t1)
        phase = displacement @ self.matrix().T
        wall = slab.mean(fading[:, None] * np.exp(-1j * phase))
        size = 0.5 * np.sin(self.flip)
        still = (slab.shares @ rest)[..., None]
        muscle = slab.wall + slab.shares[..., NAMES.index("myocardium")]
        return np.asarray(size * (muscle[..., None] * wall + still))

    def acquisition(self, period: float) -> dict[str, Any]:
        """Return the frames' mixing times, s."""
        return {"mixing_time": self.shares() * period}

    def sidecar(self, period: float) -> dict[str, Any]:
        """Return what the images' header says: one entry per image, frames by encodings."""
        matrix = self.matrix()
        frames = np.repeat(self.shares() * period, len(matrix))
        return {
            "FrameTime": np.round(frames, 6).tolist(),
            "DisplacementEncoding": np.tile(matrix, (self.n_frames, 1)).tolist(),
        }


__all__ = ["Dense"]
