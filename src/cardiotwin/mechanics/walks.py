"""Snapshots of a wall, walked through its parameters from each state to the nearest next one."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError
from cardiotwin.mechanics.fields import PRESSURE_UNIT
from cardiotwin.mechanics.parameter_range import ParameterRange
from cardiotwin.mechanics.parametric import LOADED, PRESSURE, ParametricWall, Placed
from cardiotwin.mechanics.snapshots import Snapshots

Changes = Float[np.ndarray, "parameters dofs"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """States in the order in which they were reached.

    Parameters
    ----------
    placed
        The equilibria.
    changes
        Their derivatives by the parameters (single precision), where they are kept.
    seconds
        CPU time of each step without its derivatives.
    changes_s
        CPU time of all derivatives, and of the first state.
    failed
        Numbers of the states asked for that were not reached.
    """

    placed: tuple[Placed, ...]
    changes: tuple[Changes, ...]
    seconds: tuple[float, ...]
    changes_s: float
    failed: tuple[int, ...]


def walk(
    model: ParametricWall,
    span: ParameterRange,
    values: Float[np.ndarray, "states parameters"],
    volumes: Float[np.ndarray, " states"],
    *,
    keep_changes: bool = True,
    tell: Callable[[int, Placed, float], None] | None = None,
) -> Walk:
    """Return the equilibria at parameters and cavity volumes, m^3; their pressures are found.

    It begins at the unloaded placement, whose law and supports are the middle of the range's.
    A state that is not reached is left out, and the walk goes on from the last one that was.
    """
    begun = time.process_time()
    here = model.rest(_middle(span))
    changes = model.changes(here)
    changes_s = time.process_time() - begun
    placed, kept, seconds, failed = [], [], [], []
    for k in nearest_order(span, values, volumes):
        began = time.process_time()
        try:
            here = model.moved_to_volume(here, values[k], float(volumes[k]), changes=changes)
        except ConvergenceError:
            failed.append(int(k))
            continue
        seconds.append(time.process_time() - began)
        changes = model.changes(here)
        changes_s += time.process_time() - began - seconds[-1]
        placed.append(here)
        if keep_changes:
            kept.append(changes.astype(np.float32))
        if tell is not None:
            tell(len(placed), here, seconds[-1])
    return Walk(
        placed=tuple(placed),
        changes=tuple(kept),
        seconds=tuple(seconds),
        changes_s=changes_s,
        failed=tuple(failed),
    )


def from_walk(
    model: ParametricWall,
    span: ParameterRange,
    known: Walk,
    values: Float[np.ndarray, "states parameters"],
    volumes: Float[np.ndarray, " states"],
) -> Walk:
    """Return the equilibria at parameters and volumes, m^3, each from the nearest known one.

    They stand in the order in which they were asked for, and have their changes.
    """
    began = time.process_time()
    reached = np.array([one.values for one in known.placed])
    at = np.array([model.volume(one) for one in known.placed])
    placed, kept, seconds, failed = [], [], [], []
    scaled = _scaled(span, np.concatenate([reached, values]), np.concatenate([at, volumes]))
    changes_s = time.process_time() - began
    for k, goal in enumerate(scaled[len(reached) :]):
        near = int(np.argmin(np.linalg.norm(scaled[: len(reached)] - goal, axis=1)))
        changes = known.changes[near].astype(np.float64) if known.changes else None
        began = time.process_time()
        try:
            here = model.moved_to_volume(
                known.placed[near], values[k], float(volumes[k]), changes=changes
            )
        except ConvergenceError:
            failed.append(k)
            continue
        seconds.append(time.process_time() - began)
        placed.append(here)
        kept.append(model.changes(here).astype(np.float32))
        changes_s += time.process_time() - began - seconds[-1]
    return Walk(
        placed=tuple(placed),
        changes=tuple(kept),
        seconds=tuple(seconds),
        changes_s=changes_s,
        failed=tuple(failed),
    )


def _middle(span: ParameterRange) -> Float[np.ndarray, " parameters"]:
    return np.asarray(span.of_unit(np.full((1, len(span.names)), 0.5))[0][0])


def nearest_order(
    span: ParameterRange,
    values: Float[np.ndarray, "states parameters"],
    volumes: Float[np.ndarray, " states"],
) -> list[int]:
    """Return the order in which each state is the nearest to the one before.

    Volume and tension, which move the wall most, count most.
    """
    unit = _scaled(span, values, volumes)
    here = np.zeros(unit.shape[1])
    left, order = list(range(len(values))), []
    while left:
        near = int(np.argmin([np.linalg.norm(unit[k] - here) for k in left]))
        order.append(left.pop(near))
        here = unit[order[-1]]
    return order


def _scaled(
    span: ParameterRange,
    values: Float[np.ndarray, "states parameters"],
    volumes: Float[np.ndarray, " states"],
) -> Float[np.ndarray, "states parameters"]:
    """Return coordinates in which states are near one another that are easily walked between."""
    weight = np.ones(len(span.names))
    weight[[LOADED.index("passive_scale"), LOADED.index("passive_exponent"), -2, -1]] = 0.5
    weight[[PRESSURE, LOADED.index("active_tension")]] = 2.0
    unit = values.copy()
    for name in span.logarithmic:
        k = span.names.index(name)
        unit[:, k] = np.log(values[:, k])
    unit[:, PRESSURE] = volumes
    size = np.ptp(unit, axis=0)
    return np.asarray(weight * (unit - unit.min(axis=0)) / np.where(size > 0, size, 1.0))


def snapshots_of(
    model: ParametricWall, placed: Sequence[Placed], changes: Sequence[Changes] = ()
) -> Snapshots:
    """Return states, and their changes, in the mesh's numbering."""
    u, p = _by_nodes(model, [one.unknown for one in placed])
    rest = model.body.fields.nodal.to_nodes(model.reference)
    moved = [_by_nodes(model, list(one.astype(np.float64))) for one in changes]
    return Snapshots(
        names=model.names,
        values=np.array([one.values for one in placed]),
        displacement=u - rest,
        pressure=p,
        displacement_changes=np.array([one[0] for one in moved]) if moved else None,
        pressure_changes=np.array([one[1] for one in moved]) if moved else None,
    )


def _by_nodes(
    model: ParametricWall, unknowns: Sequence[Float[np.ndarray, " dofs"]]
) -> tuple[Float[np.ndarray, "_ nodes 3"], Float[np.ndarray, "_ nodes"]]:
    arrays = [model.body.fields.to_arrays(unknown) for unknown in unknowns]
    u = np.array([one["displacement"] for one in arrays])
    p = np.array([PRESSURE_UNIT * one["pressure"][:, 0] for one in arrays])
    return u, p


def placed_of(
    model: ParametricWall,
    values: Float[np.ndarray, " parameters"],
    displacement: Float[np.ndarray, "nodes 3"],
    pressure: Float[np.ndarray, " nodes"],
) -> Placed:
    """Return a placement, an equilibrium or not, of a displacement from the unloaded one."""
    rest = model.body.fields.nodal.to_nodes(model.reference)
    arrays = {"displacement": rest + displacement, "pressure": pressure[:, None] / PRESSURE_UNIT}
    return Placed(values=values, unknown=model.body.fields.from_arrays(arrays))
