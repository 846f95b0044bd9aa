"""What steps with a kept tangent tell of the true one.

Broyden's good method in product form, which stores the steps alone: Deuflhard (2011), Newton
Methods for Nonlinear Problems, sect. 2.1.4 (QNERR); Kelley (1995), Iterative Methods for Linear
and Nonlinear Equations, sect. 7.3.
"""

from collections.abc import Callable

from cardiotwin.fem.bordering import Dofs

MOST = 40  # steps that are remembered
STEEP = 0.9  # of a step that the next correction may have along it: beyond, the update is unsafe


class Secants:
    """The steps taken since the tangent was made, and the corrections that they imply.

    Parameters
    ----------
    dot
        Scalar product of two corrections.
    """

    def __init__(self, dot: Callable[[Dofs, Dofs], float]) -> None:
        self._dot = dot
        self._steps: list[Dofs] = []
        self._squares: list[float] = []

    def add(self, step: Dofs) -> None:
        """Remember a step that was taken as `improved` had it."""
        self._steps.append(step)
        self._squares.append(self._dot(step, step))

    def improved(self, step: Dofs) -> Dofs | None:
        """Return the step that follows, from the one that the kept tangent alone asks for.

        None where the memory is full, or the last steps say that the tangent does not serve.
        """
        if not self._steps:
            return step
        if len(self._steps) >= MOST:
            return None
        for before, after, square in zip(
            self._steps, self._steps[1:], self._squares, strict=False
        ):
            step = step + after * (self._dot(before, step) / square)
        last, square = self._steps[-1], self._squares[-1]
        along = self._dot(last, step) / square
        return step / (1 - along) if along < STEEP else None
