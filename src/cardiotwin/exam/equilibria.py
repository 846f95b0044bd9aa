"""A beat of equilibria: what a twin's wall does between its two fitted states.

The loop is the rectangle of a textbook: contraction at constant volume, ejection against the
end-systolic pressure, relaxation at constant volume, filling at the end-diastolic pressure. Each
state is an equilibrium of the twin's own wall whose active tension gives the volume.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from cardiotwin.exam.course import ejected_share, isovolumic
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.solved import Solved
from cardiotwin.mechanics.wall import Wall

_FIRST_STEP = 0.1

Way = Float[np.ndarray, "states nodes 3"]


def beat_of_equilibria(
    wall: Wall,
    *,
    diastole: Loads,
    systole: Loads,
    end_systolic_volume: float,
    n_steps: int = 6,
) -> Way:
    """Return the wall's nodes, m, at even steps of the loop's four sides.

    Parameters
    ----------
    wall
        Whose image is end-diastole.
    diastole, systole
        Pressures and passive parameters at end-diastole and at end-systole; the tension is found.
    end_systolic_volume
        m^3.
    n_steps
        Of ejection and of filling; the result has 2 `n_steps` + 3 states.

    Raises
    ------
    ConvergenceError
        If there is no such equilibrium within reach of the load steps.
    """
    image = wall.imaged(wall.unload(diastole))
    full = wall.volume(image)
    volumes = np.linspace(full, end_systolic_volume, n_steps + 1)
    way = [image, wall.load_to_volume(image, systole, full, first_step=0.02)]
    _walk(wall, way, systole, volumes[1:])
    way.append(_at(wall, way[-1], diastole, end_systolic_volume))
    _walk(wall, way, diastole, volumes[-2:0:-1])
    return np.stack([wall.points(one) for one in (*way, image)])


def _walk(
    wall: Wall, way: list[Solved], loads: Loads, volumes: Float[np.ndarray, " steps"]
) -> None:
    for number, volume in enumerate(volumes):
        before = way[-2] if number else None
        way.append(_at(wall, way[-1], loads, float(volume), before))


def _at(
    wall: Wall, start: Solved, loads: Loads, volume: float, before: Solved | None = None
) -> Solved:
    """Return the equilibrium of a volume; its tension starts from where the last one ended."""
    sought = replace(loads, active_tension=start.loads.active_tension)
    return wall.load_to_volume(start, sought, volume, first_step=_FIRST_STEP, before=before)


def over_time(
    way: Way, times: Float[np.ndarray, " t"], *, period: float, end_systole_time: float
) -> Float[np.ndarray, "t nodes 3"]:
    """Return the nodes at times after the R wave, by the course of ejection along the loop."""
    n_steps = (len(way) - 3) // 2
    place = loop_place(times, n_steps, period=period, end_systole_time=end_systole_time)
    first = np.minimum(place.astype(np.int64), len(way) - 2)
    share = (place - first)[:, None, None]
    return np.asarray((1 - share) * way[first] + share * way[first + 1])


def loop_place(
    times: Float[np.ndarray, " t"], n_steps: int, *, period: float, end_systole_time: float
) -> Float[np.ndarray, " t"]:
    """Return where on the loop the heart is, counted in states from end-diastole."""
    since = np.mod(times, period)
    shut, opening = isovolumic(period=period, end_systole_time=end_systole_time)
    share = ejected_share(since, period=period, end_systole_time=end_systole_time)
    ejecting = 1 + n_steps * share
    relaxing = 1 + n_steps + (since - end_systole_time) / (opening - end_systole_time)
    filling = 2 + n_steps + n_steps * (1 - share)
    return np.asarray(
        np.select(
            [since <= shut, since <= end_systole_time, since <= opening],
            [since / shut, ejecting, relaxing],
            filling,
        )
    )


__all__ = ["beat_of_equilibria", "loop_place", "over_time"]
