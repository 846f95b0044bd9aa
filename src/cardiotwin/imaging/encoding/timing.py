"""The heart moves on while its lines are sampled: which line of which phase is taken when.

A segmented cine takes a few lines (views) of every phase in each heartbeat, the next few in the
next beat, until all lines are there (Atkinson & Edelman 1991, Radiology 178:357-360). Where beats
differ in length, systole keeps its own and diastole takes up the difference.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float, Integer
from scipy import sparse

from cardiotwin.errors import InputError


@dataclass(frozen=True, kw_only=True, eq=False)
class LineTiming:
    """Take each line of a phase's spectrum from the moment at which it is sampled.

    It acts on spectra: of a moving anatomy by true frame before, of the examination by phase
    after. Between true frames the anatomy is interpolated linearly, round the beat.

    Parameters
    ----------
    frame_times
        Of the true frames in the beat, s, from 0 on and ascending.
    period
        Of the true beat, s.
    line_times
        Moment of the true beat at which each phase's lines are sampled, s.
    """

    frame_times: Float[np.ndarray, " t"]
    period: float
    line_times: Float[np.ndarray, "p j"]

    def forward(
        self, x: Complex[np.ndarray, "*coils t i j"], /
    ) -> Complex[np.ndarray, "*coils p i j"]:
        """Return the spectra by phase."""
        return self._mix(x, self._weights)

    def adjoint(
        self, y: Complex[np.ndarray, "*coils p i j"], /
    ) -> Complex[np.ndarray, "*coils t i j"]:
        """Return the spectra by true frame, each line given back to its neighbours in time."""
        return self._mix(y, self._weights.transpose(0, 2, 1))

    @staticmethod
    def _mix(
        x: Complex[np.ndarray, "*coils a i j"], weights: Float[np.ndarray, "j b a"]
    ) -> Complex[np.ndarray, "*coils b i j"]:
        by_line = np.moveaxis(x, -1, -3)  # ... j a i
        mixed = weights.astype(x.real.dtype) @ by_line
        return np.ascontiguousarray(np.moveaxis(mixed, -3, -1))

    @cached_property
    def _weights(self) -> Float[np.ndarray, "j p t"]:
        n_phases, n_lines = self.line_times.shape
        weights = interpolation(self.frame_times, self.period, self.line_times.ravel())
        return np.asarray(weights.toarray().reshape(n_phases, n_lines, -1).transpose(1, 0, 2))


def interpolation(
    frame_times: Float[np.ndarray, " t"], period: float, moments: Float[np.ndarray, " n"]
) -> sparse.csr_array:
    """Return the matrix that interpolates frames of a beat linearly at moments, round the beat."""
    steps = np.diff(np.append(frame_times, frame_times[0] + period))
    if (steps <= 0).any():
        msg = (
            f"frame_times must ascend within a period of {period:g} s, found "
            f"{', '.join(f'{time:g}' for time in frame_times)}. Give seconds after the R wave."
        )
        raise InputError(msg)
    since = np.mod(moments - frame_times[0], period)
    first = np.searchsorted(frame_times - frame_times[0], since, side="right") - 1
    share = (since - (frame_times - frame_times[0])[first]) / steps[first]
    rows = np.arange(len(moments))
    second = (first + 1) % len(frame_times)
    return sparse.csr_array(
        (np.concatenate([1 - share, share]), (np.tile(rows, 2), np.concatenate([first, second]))),
        shape=(len(moments), len(frame_times)),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentedCine:
    """When the lines of a segmented cine are sampled.

    Parameters
    ----------
    beat
        Number of the heartbeat of each phase's lines.
    since_r_wave
        Time of each phase's lines after the R wave of their beat, s.
    """

    beat: Integer[np.ndarray, "p j"]
    since_r_wave: Float[np.ndarray, "p j"]

    @property
    def phase_times(self) -> Float[np.ndarray, " p"]:
        """Return the middle of each phase's window after the R wave, s."""
        return np.asarray(self.since_r_wave.mean(axis=1))

    def in_the_true_beat(
        self, beats: Float[np.ndarray, " b"], *, period: float, systole: float
    ) -> Float[np.ndarray, "p j"]:
        """Return the moments of the true beat at which the lines are sampled, s.

        Parameters
        ----------
        beats
            How long each heartbeat lasted, s.
        period, systole
            Of the true beat, and of its part that keeps its length, s.
        """
        shortest = float(beats[self.beat].min())
        if shortest <= systole:
            msg = (
                f"A heartbeat must be longer than its systole of {systole:g} s, found "
                f"{shortest:g} s. Leave out what is no sinus beat."
            )
            raise InputError(msg)
        stretch = (period - systole) / (beats[self.beat] - systole)
        late = np.maximum(self.since_r_wave - systole, 0.0)
        return np.asarray(np.minimum(self.since_r_wave, systole) + stretch * late)


def segmented_cine(
    n_lines: int,
    *,
    n_phases: int,
    views_per_segment: int,
    repetition_time: float,
    delay: float = 0.0,
) -> SegmentedCine:
    """Return the order of a segmented cine: neighbouring lines, then the next beat's.

    Parameters
    ----------
    n_lines
        Lines that are sampled.
    n_phases
        Of the beat.
    views_per_segment
        Lines of each phase in one heartbeat.
    repetition_time
        s.
    delay
        From the R wave to the first line, s.
    """
    if not 1 <= views_per_segment <= n_lines:
        msg = (
            f"views_per_segment must lie between 1 and the {n_lines} lines, found "
            f"{views_per_segment}. 8 to 16 are usual."
        )
        raise InputError(msg)
    lines, phases = np.arange(n_lines), np.arange(n_phases)[:, None]
    place = phases * views_per_segment + lines % views_per_segment
    return SegmentedCine(
        beat=np.broadcast_to(lines // views_per_segment, (n_phases, n_lines)).copy(),
        since_r_wave=delay + (place + 0.5) * repetition_time,
    )


__all__ = ["LineTiming", "SegmentedCine", "interpolation", "segmented_cine"]
