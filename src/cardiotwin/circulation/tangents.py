"""What is read of the beat that repeats, and its slopes by many parameters, from one heart.

With the beat map P(y, x) and its blood V(y, x), the limit cycle's y(x) has
dy/dx = (I - dP/dy + b dV/dy)^-1 (dP/dx - b dV/dx), b as in `limit_cycle`; all hearts of one
batch differ from one by a
state or by a parameter, so that a linearisation of a fit costs a beat or two of this batch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float

from cardiotwin.circulation.hearts import Hearts
from cardiotwin.circulation.loop import Circulation
from cardiotwin.circulation.march import STEPS, Trace
from cardiotwin.circulation.periodic import sizes
from cardiotwin.circulation.rows import held, to_blood
from cardiotwin.circulation.simulation import simulate
from cardiotwin.errors import ConvergenceError

Tensor = torch.Tensor
NUDGE = 1e-5  # of each row's size: the step of the differences by the state
NEAR = 3e-4  # of each row's size: a Newton step whose square no reading shows
ITERATIONS = 6  # of Newton's method before `limit_cycle` is asked


@dataclass(frozen=True, kw_only=True, eq=False)
class Tangents:
    """A limit cycle's readings.

    Parameters
    ----------
    value
        What was read of the limit cycle.
    slope
        Its derivative by each nudge.
    start
        The state with which the beat begins.
    """

    value: Float[torch.Tensor, " readings"]
    slope: Float[torch.Tensor, "readings parameters"]
    start: Float[torch.Tensor, " states"]


@torch.no_grad()
def cycle_tangents(
    parameters: Mapping[str, Float[torch.Tensor, " columns"]],
    read: Callable[[Trace, Tensor], Float[torch.Tensor, "readings batch"]],
    *,
    nudge: float,
    circulation: Circulation,
    blood_volume: Float[torch.Tensor, " columns"],
    start: Float[torch.Tensor, " states"],
    steps: int = STEPS,
) -> Tangents:
    """Return what is read of a limit cycle, and its central differences.

    Parameters
    ----------
    parameters
        In columns: the heart's own, then those with each nudge added, then with each taken off;
        SI, by the names of `parameter_values`.
    read
        Of a trace and the columns of its hearts.
    nudge
        Size of the nudges, in the scale of the wanted slopes.
    circulation, steps
        As in `simulate`.
    blood_volume
        In the same columns, m^3.
    start
        Near the state with which the cycle begins.

    Raises
    ------
    ConvergenceError
        If Newton's method finds no limit cycle from there.
    """
    columns = len(blood_volume)
    size = sizes(circulation, Hearts.of({}, circulation))
    n = len(size)
    which = torch.cat((torch.arange(columns), torch.zeros(2 * n, dtype=torch.long)))
    every = {name: value[which] for name, value in parameters.items()}
    hearts, blood = Hearts.of(every, circulation, len(which)), blood_volume[which]
    eye = NUDGE * torch.eye(n, dtype=torch.float64)
    nudges = torch.cat((torch.zeros(n, columns, dtype=torch.float64), eye, -eye), 1)
    here, steps_taken = start / size[:, 0], []
    for _ in range(ITERATIONS):
        begun = (here[:, None] + nudges) * size
        trace = simulate(every, circulation=circulation, start=begun, steps=steps, alike=True)
        end, miss = trace.end / size, (held(to_blood(begun, hearts), hearts) - blood)[None]
        by_state, by_parameter = _slopes(end, n, nudge)
        blood_by_state, blood_by_parameter = _slopes(miss, n, nudge)
        border = blood_by_state.T / (blood_by_state**2).sum()
        matrix = torch.eye(n, dtype=torch.float64) - by_state + border @ blood_by_state
        right = torch.cat(((end[:, 0] - here)[:, None], by_parameter), 1)
        right = right - border @ torch.cat((miss[:, :1], blood_by_parameter), 1)
        if not bool(torch.isfinite(matrix).all() and torch.isfinite(right).all()):
            break
        moved = torch.linalg.solve(matrix, right)
        steps_taken.append(float(moved[:, 0].abs().max()))
        if steps_taken[-1] < NEAR:
            readings = read(trace, which)
            by_state, by_parameter = _slopes(readings, n, nudge)
            return Tangents(
                value=readings[:, 0] + by_state @ moved[:, 0],
                slope=by_parameter + by_state @ moved[:, 1:],
                start=(here + moved[:, 0]) * size[:, 0],
            )
        here = here + moved[:, 0]
    msg = (
        f"No limit cycle was found near the start in {len(steps_taken)} beats; the last Newton "
        f"steps were {steps_taken[-3:]} of the state. Take smaller steps in the parameters."
    )
    raise ConvergenceError(msg, steps_taken)


def _slopes(rows: Tensor, states: int, nudge: float) -> tuple[Tensor, Tensor]:
    """Return central differences by the states, whose columns are last, and by the parameters."""
    p = (rows.shape[1] - 2 * states - 1) // 2
    forth, back, up, down = rows[:, 1:].split([p, p, states, states], 1)
    return (up - down) / (2 * NUDGE), (forth - back) / (2 * nudge)


__all__ = ["Tangents", "cycle_tangents"]
