"""Load continuation that adapts its steps.

Deuflhard (2011), Newton Methods for Nonlinear Problems, sect. 5.
"""

from collections.abc import Callable
from dataclasses import replace

from cardiotwin.errors import ConvergenceError
from cardiotwin.fem.bordering import Border, Dofs
from cardiotwin.fem.newton import Equilibrium
from cardiotwin.fem.settings import NewtonSettings

SMALLEST = 0.02  # of the first step: a walk that needs less is stopped
GROWTH = {True: (1.5, 1.2, 0.8, 0.6), False: (1.7, 1.7, 1.7, 1.7, 1.7, 1.1, 1.1, 0.7)}
"""Of the step, by the factorisations that the last one took, with kept tangents or without."""
WAYPOINT = 1e-4  # relative residual of states that only lead to others


def continue_to(
    equilibrium: Equilibrium,
    apply: Callable[[float], None],
    settings: NewtonSettings,
    *,
    border: Border | None = None,
    first_step: float = 0.25,
    past: tuple[float, Dofs] | None = None,
) -> int:
    """Walk the load from 0 (where the unknown is in equilibrium) to 1, and return the steps taken.

    `apply(s)` sets the load (and the target of the border, whose own load is sought). A step that
    fails is cut, one that is easy makes the next one larger; the start of each step is predicted
    along the secant of the last two states; `past` is one before the first, with its position
    (negative), where one is known. States on the way are solved to `WAYPOINT` only, the
    last one to the tolerance.

    Raises
    ------
    ConvergenceError
        If the step becomes smaller than `SMALLEST` times the first; it carries the last converged
        state, where the unknown and the load stand.
    """
    position, step, n_steps = 0.0, first_step, 0
    equilibrium.forget()  # what is found depends on the start alone, not on what came before
    here = equilibrium.state(border)
    on_the_way = replace(settings, relative=max(settings.relative, WAYPOINT))
    while position < 1.0:
        target = min(1.0, position + step)
        before = equilibrium.factorisations
        apply(target)
        if past is not None:
            slope = (here - past[1]) / (position - past[0])
            equilibrium.set_state(here + (target - position) * slope, border)
        try:
            equilibrium.solve(settings if target == 1.0 else on_the_way, border)
        except ConvergenceError as error:
            equilibrium.set_state(here, border)
            apply(position)
            step = (target - position) / 3
            if step < SMALLEST * first_step:
                msg = (
                    f"The load stopped at {100 * position:.1f} % of the way: {error} "
                    "Check the mesh, or ask for less load."
                )
                raise ConvergenceError(msg, error.residuals, here) from error
            continue
        past = (position, here)
        here = equilibrium.state(border)
        position = target
        n_steps += 1
        growth = GROWTH[settings.reuse]
        step *= growth[min(equilibrium.factorisations - before, len(growth) - 1)]
        step = max(step, SMALLEST * first_step)
        if 1.0 - position < 1.2 * step:
            step = 1.0 - position
    return n_steps
