"""The wall at evenly spaced frames of the beat that runs, kept on disk as a cine would show it.

A beat has hundreds of steps, and no beat is known to be the last until it repeats: so its frames
are files, those of all but two beats are removed, and a run that goes on finds them again.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.coupling import Moment
from cardiotwin.errors import InputError
from cardiotwin.mechanics.state import WallState
from cardiotwin.mechanics.wall import Wall
from cardiotwin.twin.stages import Stages

FEWEST = 10  # frames, without which a beat's curves are not told


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """The wall at one time.

    Parameters
    ----------
    time
        Since the beat began, s.
    state
        Placement, pressures, volumes.
    fibre_stress
        Each cell's mean Cauchy stress along the fibre, Pa.
    """

    time: float
    state: WallState
    fibre_stress: Float[np.ndarray, " cells"]


class Cine:
    """What watches a run's moments and keeps the first one not before each frame's time.

    Parameters
    ----------
    wall
        That beats.
    stages
        Where the frames are kept, under the fingerprint of the run.
    start
        The run's first moment.
    period
        Of a beat, s.
    step
        Of the run, s: frames cannot lie closer.
    n_frames
        Per beat.
    """

    def __init__(
        self,
        wall: Wall,
        stages: Stages,
        start: Moment,
        *,
        period: float,
        step: float,
        n_frames: int = 40,
    ) -> None:
        if not FEWEST <= n_frames <= period / step:
            msg = (
                f"A beat of {period:.4g} s in steps of {1e3 * step:.4g} ms has {FEWEST} to "
                f"{int(period / step)} frames, found {n_frames}. Give a number between."
            )
            raise InputError(msg)
        self._wall, self._stages = wall, stages
        self._begin, self._period, self._n_frames = start.time, period, n_frames
        self._keep(0, n_frames, start, 0.0)

    def watch(self, moment: Moment) -> None:
        """Keep the moment if it is the first one of a frame; a beat's last is the next's first."""
        since = moment.time - self._begin
        rounding = 1e-9 * self._period
        beat = int(np.ceil((since - rounding) / self._period))
        phase = since - (beat - 1) * self._period
        number = int((phase + rounding) * self._n_frames / self._period)
        if number == 0 or self._stages.stored(_name(beat, number), Frame) is not None:
            return
        self._keep(beat, number, moment, phase)
        if number == 1:
            self._remove((beat - 3, self._n_frames))
            self._remove(*((beat - 2, k) for k in range(1, self._n_frames)))

    def frames(self, beat: int) -> tuple[Frame, ...]:
        """Return a beat's frames, its first moment as the first; the last is not the next's."""
        names = [(beat - 1, self._n_frames), *((beat, k) for k in range(1, self._n_frames))]
        found = [self._stages.stored(_name(*name), Frame) for name in names]
        frames = [one[1] for one in found if one is not None]
        if found[0] is None or len(frames) < FEWEST:
            msg = (
                f"Beat {beat} has {len(frames)} of its {self._n_frames} frames on disk. "
                "Remove the run's journal and its frames, and run it again."
            )
            raise InputError(msg)
        first, *rest = frames
        return (Frame(time=0.0, state=first.state, fibre_stress=first.fibre_stress), *rest)

    def _remove(self, *names: tuple[int, int]) -> None:
        for name in names:
            self._stages.path(_name(*name)).unlink(missing_ok=True)

    def _keep(self, beat: int, number: int, moment: Moment, phase: float) -> None:
        solved = moment.wall.solved

        def frame() -> Frame:
            return Frame(
                time=phase,
                state=self._wall.state(solved),
                fibre_stress=self._wall.fibre_stress(solved),
            )

        self._stages.run(_name(beat, number), Frame, frame)


def _name(beat: int, number: int) -> str:
    return f"beat_{beat:03d}_frame_{number:03d}"


__all__ = ["Cine", "Frame"]
