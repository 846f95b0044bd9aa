"""What a factorised matrix holds too much and a low rank takes away again."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cardiotwin.fem.bordering import Columns, Dofs
from cardiotwin.fem.layout import Layout


class Anchors:
    """Stiffness at a few single dofs, which the factorised matrix has and the solutions have not.

    A sparse tangent that leaves some motions free is singular, however well terms of low rank hold
    them: its factors, and all that is solved with them, are rounding. Anchored it is regular; that
    the anchors are none is one more term of low rank.

    Parameters
    ----------
    columns
        A unit vector per anchor; no free motion may leave all of them where they are.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def hold(self, matrix: Any, layout: Layout) -> tuple[Columns, Columns]:
        """Anchor a PETSc matrix; return the factors of what takes the anchors away.

        They are as stiff as the stiffest of their dofs.
        """
        own = self._columns[: layout.n_owned]
        diagonal = matrix.getDiagonal()
        values = np.array(diagonal.array_r)
        stiffness = float(np.max(layout.dot(self._columns, _local(layout, np.abs(values)))))
        diagonal.array_w[:] = values + stiffness * own.sum(axis=1)
        matrix.setDiagonal(diagonal)
        diagonal.destroy()
        return -stiffness * self._columns, self._columns


def _local(layout: Layout, own: Dofs) -> Dofs:
    return np.concatenate([own, np.zeros(layout.n_local - layout.n_owned)])


def update(
    factors: Sequence[tuple[Any, Any]],
    solve_columns: Callable[[Any], Any],
    layout: Layout,
) -> tuple[Columns, Columns] | None:
    """Return D and C with (A + B C^T)^-1 = (I - D C^T) A^-1, of the terms' factors B and C.

    This is the formula of Sherman, Morrison and Woodbury; None where there are no terms.
    """
    if not factors:
        return None
    B, C = (np.concatenate(parts, axis=1) for parts in zip(*factors, strict=True))
    Z = solve_columns(B)
    own = np.eye(B.shape[1]) + layout.dot(C, Z)
    return Z @ np.linalg.inv(own), C
