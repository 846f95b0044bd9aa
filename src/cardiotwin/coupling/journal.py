"""Beats on disk while they run, so that a run that was stopped goes on where it was."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from cardiotwin.circulation import Record, State
from cardiotwin.coupling.coronary_rows import from_rows, to_rows
from cardiotwin.coupling.coronary_step import Layers, Perfused
from cardiotwin.coupling.moment import Moment
from cardiotwin.errors import InputError
from cardiotwin.mechanics.active import CrossBridges
from cardiotwin.mechanics.checkpoint import (
    motion_arrays,
    motion_from,
    read_arrays,
    write_arrays,
)
from cardiotwin.mechanics.fields import Fields
from cardiotwin.mechanics.muscle import Bridges

ROWS = ("time", "volume", "pressure", "outflow")
WALL = "wall_"  # before the names of the wall's arrays in a page


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """What every step of a run left.

    Parameters
    ----------
    states
        Of the loop, the run's first one included.
    tension
        Active tension at each, Pa: the prescribed one, or the cross-bridges' mean.
    perfused
        The coronary beds at each; empty of a loop without.
    """

    states: tuple[State, ...] = ()
    tension: tuple[float, ...] = ()
    perfused: tuple[Perfused, ...] = ()

    def grown(self, moment: Moment) -> "Course":
        """Return the course with one more moment."""
        beds = () if moment.perfused is None else (moment.perfused,)
        return Course(
            states=(*self.states, moment.loop),
            tension=(*self.tension, moment.active_tension),
            perfused=(*self.perfused, *beds),
        )

    def between(self, begin: float, end: float) -> "Course":
        """Return what lies not before a time nor after another, s (to rounding)."""
        first = sum(state.time < begin - 1e-9 for state in self.states)
        last = sum(state.time < end + 1e-9 for state in self.states)
        return Course(
            states=self.states[first:last],
            tension=self.tension[first:last],
            perfused=self.perfused[first:last],
        )

    def layers(self) -> Layers:
        """Return the mean flow of each coronary bed's layers, m^3/(s kg)."""
        steps = np.diff([state.time for state in self.states])
        rows = zip(*(at.layers for at in self.perfused[1:]), strict=True)
        return tuple(np.average(layers, axis=0, weights=steps) for layers in rows)

    @property
    def record(self) -> Record:
        """Return volumes, pressures and flows by rows of time."""
        return Record.of(self.states)


class Journal:
    """A folder to which a run's moments are written, a few steps at a time.

    A page is by the mesh's nodes and cells, so that a run on any number of processes goes on from
    it; on several, all of them write and read together.

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

    def write(self, course: Course, last: Moment, of: Fields) -> None:
        """Write the steps since the page before, and the moment at which they end."""
        rows, comm = course.record, of.layout.comm
        page: dict[str, Any] = {name: getattr(rows, name) for name in ROWS}
        page |= {"tension": np.array(course.tension)} | _packed(last, of)
        page |= to_rows(course.perfused)
        number = comm.bcast(len(self._pages()))
        write_arrays(self._folder / f"steps_{number:06d}.npz", page, comm)

    def read(self, of: Fields) -> tuple[Course, Moment] | None:
        """Return all steps and the moment at which they end; None where nothing was written.

        Raises
        ------
        InputError
            If a page cannot be read.
        """
        course, last = Course(), None
        for path in of.layout.comm.bcast(self._pages()):
            try:
                values = read_arrays(path)
                course = _joined(course, values)
                last = _unpacked(values, of)
            except (OSError, ValueError, KeyError, BadZipFile) as error:
                msg = (
                    f"{path.name} of the beats' journal cannot be read, found: {error}. "
                    "Remove this page and those after it: the run goes on before them."
                )
                raise InputError(msg) from error
        return None if last is None else (course, last)


def _joined(course: Course, page: Mapping[str, Any]) -> Course:
    record = Record(**{name: page[name] for name in ROWS})
    states = [record.state(row) for row in range(len(record.time))]
    return Course(
        states=(*course.states, *states),
        tension=(*course.tension, *page["tension"].tolist()),
        perfused=(*course.perfused, *from_rows(page)),
    )


def _packed(moment: Moment, of: Fields) -> dict[str, Any]:
    bridges = moment.bridges
    wall = motion_arrays(of, moment.wall)
    result = {f"{WALL}{name}": values for name, values in wall.items()}
    if bridges is not None:
        result |= {name: getattr(bridges, name) for name in ("stretch", "rate", "mean_tension")}
        result |= {
            f"bridges_{f.name}": getattr(bridges.state, f.name) for f in fields(CrossBridges)
        }
    return result


def _unpacked(page: Mapping[str, Any], of: Fields) -> Moment:
    bridges = None
    if "stretch" in page:
        state = {f.name: page[f"bridges_{f.name}"] for f in fields(CrossBridges)}
        bridges = Bridges(
            state=CrossBridges(**state),
            stretch=page["stretch"],
            rate=page["rate"],
            mean_tension=float(page["mean_tension"]),
        )
    wall = {name.removeprefix(WALL): page[name] for name in page if name.startswith(WALL)}
    rows = _joined(Course(), page)
    return Moment(
        wall=motion_from(of, wall),
        loop=rows.states[-1],
        bridges=bridges,
        perfused=rows.perfused[-1] if rows.perfused else None,
    )
