"""An open network of blocks, stepped by the generalised-alpha method.

Jansen, Whiting & Hulbert (2000), Comput Methods Appl Mech Eng 190:305-319; with a spectral radius
of 1/2 it is of second order and damps what a step cannot resolve. The Jacobian is by complex
steps (Squire & Trapp 1998, SIAM Rev 40:110-112), exact to rounding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.circulation.blocks import Block, Ends
from cardiotwin.errors import ConvergenceError, InputError

RADIUS = 0.5
TINY = 1e-30  # of the complex step
ITERATIONS = 30
CLOSE = 1e-12  # of a step's change, by the size of its unknown

Vector = Float[np.ndarray, " unknowns"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Blocks by name, and the wires between them.

    Parameters
    ----------
    blocks
        Its parts.
    wires
        Names of the block that a wire leaves and of the one that it enters.
    """

    blocks: Mapping[str, Block]
    wires: Sequence[tuple[str, str]]

    def __post_init__(self) -> None:
        """Refuse wires to nowhere, and a network with another number of laws than unknowns."""
        loose = {name for wire in self.wires for name in wire} - set(self.blocks)
        if loose:
            msg = (
                f"The network's wires end at {', '.join(sorted(loose))}, found no such block "
                f"among {', '.join(self.blocks)}. Name the blocks as the wires do."
            )
            raise InputError(msg)
        still = np.zeros(self.size)
        try:
            laws = len(self.residual(still, still, 0.0))
        except IndexError as error:
            into, out = ([wire[side] for wire in self.wires] for side in (1, 0))
            wired = {name: (into.count(name), out.count(name)) for name in self.blocks}
            msg = (
                f"A block of the network lacks a wire, found wires in and out of {wired}. A "
                "source has one out, an outlet one in, what lies between has both."
            )
            raise InputError(msg) from error
        if laws != self.size:
            msg = (
                f"The network has {self.size} unknowns, found {laws} laws. Give every outlet a "
                "block, and every block its wires."
            )
            raise InputError(msg)

    @property
    def size(self) -> int:
        """Return the number of unknowns: pressure and flow of each wire, each block's own."""
        return 2 * len(self.wires) + sum(block.n_own for block in self.blocks.values())

    @cached_property
    def own(self) -> dict[str, slice]:
        """Return where each block's own unknowns are."""
        first, places = 2 * len(self.wires), {}
        for name, block in self.blocks.items():
            places[name] = slice(first, first + block.n_own)
            first += block.n_own
        return places

    @cached_property
    def _ends(self) -> dict[str, tuple[list[int], list[int]]]:
        return {
            name: (
                [number for number, wire in enumerate(self.wires) if wire[1] == name],
                [number for number, wire in enumerate(self.wires) if wire[0] == name],
            )
            for name in self.blocks
        }

    def pressure(self, wire: tuple[str, str]) -> int:
        """Return the place of a wire's pressure; its flow is the next."""
        return 2 * list(self.wires).index(wire)

    def _at(self, name: str, y: Any, rate: Ends | None) -> Ends:
        into, out = self._ends[name]
        return Ends(
            p_in=[y[2 * wire] for wire in into],
            q_in=[y[2 * wire + 1] for wire in into],
            p_out=[y[2 * wire] for wire in out],
            q_out=[y[2 * wire + 1] for wire in out],
            own=y[self.own[name]],
            rate=rate,
        )

    def residual(self, y: Any, rate: Any, time: float) -> Any:
        """Return what vanishes, at unknowns (unknowns, *batch) and their rates."""
        rows: list[Any] = []
        for name, block in self.blocks.items():
            rows += block.residuals(self._at(name, y, self._at(name, rate, None)), time)
        return np.array(rows)

    def solve(
        self, y: Vector, rate: Vector, time: float, per_rate: float, per_value: float = 1.0
    ) -> tuple[Vector, Vector]:
        """Return unknowns and rates where all residuals vanish.

        A change d moves the unknowns by `per_value` d and their rates by `per_rate` d.

        Raises
        ------
        ConvergenceError
            If Newton's method stops; it carries the sizes of its changes.
        """
        nudge = 1j * TINY * np.eye(self.size)
        changes: list[float] = []
        for _ in range(ITERATIONS):
            values = self.residual(
                y[:, None] + per_value * nudge, rate[:, None] + per_rate * nudge, time
            )
            jacobian, residual = values.imag / TINY, values[:, 0].real
            try:
                change = np.linalg.solve(jacobian, -residual)
            except np.linalg.LinAlgError as error:
                msg = (
                    f"The network's state at {time:.6g} is not determined by its laws: after "
                    f"{len(changes)} Newton steps their matrix is singular. Look for a block "
                    "whose pressure or volume nothing holds."
                )
                raise ConvergenceError(msg, changes, y) from error
            y, rate = y + per_value * change, rate + per_rate * change
            changes.append(float((np.abs(per_value * change) / (1 + np.abs(y))).max()))
            if changes[-1] < CLOSE:
                return y, rate
            if not np.isfinite(changes[-1]):
                break
        msg = (
            f"The network found no state at {time:.6g}: after {len(changes)} Newton steps the "
            f"last changed an unknown by {changes[-1]:.2g} of itself. Take smaller steps."
        )
        raise ConvergenceError(msg, changes, y)

    def steady(self, start: Vector | None = None, time: float = 0.0) -> Vector:
        """Return the state that stays as it is while nothing changes in time."""
        y = np.zeros(self.size) if start is None else start
        return self.solve(y, np.zeros(self.size), time, 0.0)[0]

    def run(
        self, start: Vector, dt: float, n_steps: int, rate: Vector | None = None
    ) -> Float[np.ndarray, "rows unknowns"]:
        """Return the states after each of some steps, the first one included.

        `rate` is the first state's; without it the network begins at rest.
        """
        alpha_m, alpha_f = (3 - RADIUS) / (1 + RADIUS) / 2, 1 / (1 + RADIUS)
        gamma = 0.5 + alpha_m - alpha_f
        y, rate = start, np.zeros(self.size) if rate is None else rate
        rows = [y]
        for step in range(n_steps):
            # the predictor keeps the values; the unknowns below are those within the step
            guess = rate + alpha_m * ((gamma - 1) / gamma * rate - rate)
            middle, middle_rate = self.solve(
                y, guess, (step + alpha_f) * dt, alpha_m, alpha_f * gamma * dt
            )
            y = y + (middle - y) / alpha_f
            rate = rate + (middle_rate - rate) / alpha_m
            rows.append(y)
        return np.array(rows)


__all__ = ["Network"]
