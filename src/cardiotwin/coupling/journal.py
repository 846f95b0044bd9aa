"""Beats on disk while they run, so that a run that was stopped goes on where it was."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float

from cardiotwin.circulation import Record, State, Stores
from cardiotwin.coupling.moment import Moment
from cardiotwin.errors import InputError
from cardiotwin.mechanics.active import CrossBridges
from cardiotwin.mechanics.dynamics import Kinematics
from cardiotwin.mechanics.loads import LOADS, Loads
from cardiotwin.mechanics.muscle import Bridges
from cardiotwin.mechanics.solved import Solved

ROWS = ("time", "volume", "pressure", "outflow")


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """What every step of a run left.

    Parameters
    ----------
    states
        Of the loop, the run's first one included.
    tension
        Prescribed active tension at each, Pa.
    """

    states: tuple[State, ...] = ()
    tension: tuple[float, ...] = ()

    def grown(self, moment: Moment) -> "Course":
        """Return the course with one more moment."""
        tension = moment.wall.solved.loads.active_tension
        return Course(states=(*self.states, moment.loop), tension=(*self.tension, tension))

    def since(self, time: float) -> "Course":
        """Return what lies not before a time, s (to rounding)."""
        first = sum(state.time < time - 1e-9 for state in self.states)
        return Course(states=self.states[first:], tension=self.tension[first:])

    @property
    def record(self) -> Record:
        """Return volumes, pressures and flows by rows of time."""
        return Record.of(self.states)


class Journal:
    """A folder to which a run's moments are written, a few steps at a time.

    Parameters
    ----------
    folder
        Made where it is missing; another run's must be emptied first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _pages(self) -> list[Path]:
        return sorted(self._folder.glob("steps_*.npz"))

    def write(self, course: Course, last: Moment) -> None:
        """Write the steps since the page before, and the moment at which they end."""
        rows = course.record
        page: dict[str, Any] = {name: getattr(rows, name) for name in ROWS}
        page |= {"tension": np.array(course.tension)} | _packed(last)
        path = self._folder / f"steps_{len(self._pages()):06d}.npz"
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **page)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def read(self) -> tuple[Course, Moment] | None:
        """Return all steps and the moment at which they end; None where nothing was written.

        Raises
        ------
        InputError
            If a page cannot be read.
        """
        course, last = Course(), None
        for path in self._pages():
            try:
                with path.open("rb") as file, np.load(file) as page:
                    values = {name: page[name] for name in page.files}
                    course = _joined(course, values)
                    last = _unpacked(values)
            except (OSError, ValueError, KeyError, BadZipFile) as error:
                msg = (
                    f"{path.name} of the beats' journal cannot be read, found: {error}. "
                    "Remove this page and those after it: the run goes on before them."
                )
                raise InputError(msg) from error
        return None if last is None else (course, last)


def _joined(course: Course, page: Mapping[str, Any]) -> Course:
    states = [
        State(
            time=float(time),
            volume=Stores(*volume.tolist()),
            pressure=Stores(*pressure.tolist()),
            outflow=Stores(*outflow.tolist()),
        )
        for time, volume, pressure, outflow in zip(*(page[name] for name in ROWS), strict=True)
    ]
    return Course(
        states=(*course.states, *states), tension=(*course.tension, *page["tension"].tolist())
    )


def _packed(moment: Moment) -> dict[str, Float[np.ndarray, "..."]]:
    wall, bridges = moment.wall, moment.bridges
    result = {
        "wall_time": np.array(wall.time),
        "unknown": wall.solved.unknown,
        "other": wall.solved.other,
        "loads": np.array([getattr(wall.solved.loads, name) for name in LOADS]),
        "velocity": wall.velocity,
        "acceleration": wall.acceleration,
        "past_time": np.array([time for time, _ in wall.past]),
        "past": np.array([unknown for _, unknown in wall.past]),
    }
    if bridges is not None:
        result |= {"stretch": bridges.stretch, "rate": bridges.rate}
        result |= {
            f"bridges_{f.name}": getattr(bridges.state, f.name) for f in fields(CrossBridges)
        }
    return result


def _unpacked(page: Mapping[str, Any]) -> Moment:
    loads = Loads(**dict(zip(LOADS, page["loads"].tolist(), strict=True)))
    wall = Kinematics(
        time=float(page["wall_time"]),
        solved=Solved(unknown=page["unknown"], other=page["other"], loads=loads),
        velocity=page["velocity"],
        acceleration=page["acceleration"],
        past=tuple(zip(page["past_time"].tolist(), page["past"], strict=True)),
    )
    bridges = None
    if "stretch" in page:
        state = {f.name: page[f"bridges_{f.name}"] for f in fields(CrossBridges)}
        bridges = Bridges(state=CrossBridges(**state), stretch=page["stretch"], rate=page["rate"])
    return Moment(wall=wall, loop=_joined(Course(), page).states[-1], bridges=bridges)
