"""What can go wrong, and what a person should know although nothing went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class CardiotwinError(Exception):
    """An error with a sentence for a person: what was wrong, what was found, what to do."""

    exit_code = 1


class InputError(CardiotwinError):
    """The data or an option cannot be used as given."""

    exit_code = 2


class ConvergenceError(CardiotwinError):
    """An iteration did not reach its tolerance.

    Parameters
    ----------
    message
        What stopped, at which residual, and what to try.
    residuals
        The residual norms in order of iteration.
    state
        The last converged state, or None where there was none.
    """

    exit_code = 3

    def __init__(self, message: str, residuals: Sequence[float], state: Any = None) -> None:
        super().__init__(message)
        self.residuals = tuple(float(norm) for norm in residuals)
        self.state = state

    def __reduce__(self) -> tuple[Any, ...]:
        """Pass from process to process whole."""
        return type(self), (str(self), self.residuals, self.state)


@dataclass(frozen=True, kw_only=True)
class Flag:
    """Something the reader of a result must know.

    Parameters
    ----------
    name
        Fixed name in snake_case, e.g. ``missing_basal_slices``.
    sentence
        What was found and what it means for the result.
    """

    name: str
    sentence: str


__all__ = ["CardiotwinError", "ConvergenceError", "Flag", "InputError"]
