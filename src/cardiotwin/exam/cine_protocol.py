"""What a cine is asked to be, and what it is taken of."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float

from cardiotwin.errors import InputError
from cardiotwin.exam.limits import require_between, require_positive
from cardiotwin.imaging.encoding import random_lines, regular_lines
from cardiotwin.units import MS

SAMPLINGS = ("regular", "random")


@dataclass(frozen=True, kw_only=True)
class CineProtocol:
    """A segmented balanced steady-state cine.

    Times and angles are usual for 1.5 T (Kramer et al. 2020, JCMR 22:17: 1 to 2 mm pixels, at
    least 25 phases, parallel imaging twofold or more).

    Parameters
    ----------
    n_phases
        Of the beat.
    n_coils
        Of an array round the chest.
    acceleration, n_calibration
        One of how many lines is sampled, moving on from phase to phase; lines in the middle that
        always are.
    sampling
        ``regular``, or ``random`` with a density that falls off from the middle.
    views_per_segment
        Lines of each phase in one heartbeat; None: as many as fill the beat with the phases.
    repetition_time, dwell
        From line to line, and from sample to sample, s.
    flip
        rad.
    field_strength
        T.
    field_spread
        Off-resonance at the border of the field of view, Hz.
    beat_spread
        Standard deviation of the heartbeats' length as a share of the mean.
    signal_to_noise
        Of the brightest pixels near the heart, fully sampled, coils combined at best.
    long_axis
        Whether two, three and four chambers are scanned too.
    """

    n_phases: int = 25
    n_coils: int = 8
    acceleration: int = 2
    n_calibration: int = 0
    sampling: str = "regular"
    views_per_segment: int | None = None
    repetition_time: float = 3 * MS
    dwell: float = 4e-6
    flip: float = 1.047
    field_strength: float = 1.5
    field_spread: float = 40.0
    beat_spread: float = 0.03
    signal_to_noise: float = 60.0
    long_axis: bool = False

    def __post_init__(self) -> None:
        """Refuse what no scanner does."""
        if self.sampling not in SAMPLINGS:
            msg = (
                f"CineProtocol.sampling must be {' or '.join(SAMPLINGS)}, found "
                f"{self.sampling!r}. Random is for low-rank and sparse series."
            )
            raise InputError(msg)
        require_between(self, "n_phases", 2, 200)
        require_between(self, "n_coils", 1, 128)
        require_between(self, "acceleration", 1, 16)
        require_between(self, "n_calibration", 0, 512)
        require_between(self, "repetition_time", 1 * MS, 100 * MS)
        for name in ("dwell", "flip", "field_strength", "signal_to_noise"):
            require_positive(self, name)
        require_between(self, "field_spread", 0.0, 2000.0)
        require_between(self, "beat_spread", 0.0, 0.2)

    def lines(self, n_lines: int, rng: np.random.Generator) -> Bool[np.ndarray, "p j"]:
        """Return the lines that each phase samples."""
        if self.sampling == "random":
            return random_lines(
                n_lines,
                acceleration=self.acceleration,
                n_frames=self.n_phases,
                rng=rng,
                n_calibration=self.n_calibration,
            )
        return regular_lines(
            n_lines,
            acceleration=self.acceleration,
            n_calibration=self.n_calibration,
            n_frames=self.n_phases,
        )

    def views(self, period: float, n_lines: int) -> int:
        """Return how many of a phase's lines are taken in one beat."""
        if self.views_per_segment is not None:
            return self.views_per_segment
        fitting = int(period / (self.n_phases * self.repetition_time))
        return min(max(1, fitting), n_lines)


@dataclass(frozen=True, kw_only=True, eq=False)
class MovingAnatomy:
    """What lies in the scanner.

    Parameters
    ----------
    frames
        Transverse magnetisation by slice, true frame and pixel.
    frame_times
        Of the true frames in the beat, s.
    period, systole
        Of the beat and of the part of it that keeps its length, s.
    affines
        Voxel index to world, m, by slice.
    heart
        World position of its middle, m.
    """

    frames: Complex[np.ndarray, "k t i j"] | Float[np.ndarray, "k t i j"]
    frame_times: Float[np.ndarray, " t"]
    period: float
    systole: float
    affines: Float[np.ndarray, "k 4 4"]
    heart: Float[np.ndarray, "3"]


__all__ = ["CineProtocol", "MovingAnatomy"]
