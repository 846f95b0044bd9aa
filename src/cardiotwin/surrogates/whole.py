"""The balance of a wall as a whole: its shifts and its turns.

A wall on soft springs is easily moved as a whole, so that small errors of its own stresses would
move it far. Tested with shifts and turns of the *present* placement those stresses do no work,
whatever they are: springs alone decide how the wall stands. The pressure of a cavity that is
closed by its lid does no work either (`mechanics.lid`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from cardiotwin.mechanics.snapshots import WallIntegrals
from cardiotwin.surrogates.polynomials import Modes

Tensor = torch.Tensor
RIGID = 6  # shifts and turns
TURN = 0.03  # m: by which a turn is made a shift's size
SPRINGS = ("base_stiffness", "pericardium_stiffness", "fixed")


@dataclass(frozen=True, kw_only=True, eq=False)
class Whole:
    """What moves a wall as a whole, by its coefficients (1, a), N of them; K = N - 1.

    Parameters
    ----------
    springs
        Work of the springs of each group (`SPRINGS`) along shifts and turns.
    """

    springs: Float[torch.Tensor, "groups 6 N K"]

    @classmethod
    def of(cls, wall: WallIntegrals, modes: Modes, forces: Mapping[str, np.ndarray]) -> "Whole":
        """Return it for the unloaded placement with the modes behind it, and springs' forces."""
        tests = turned(wall, modes)
        springs = [np.tensordot(tests, forces[k], axes=([2, 3], [1, 2])) for k in SPRINGS]
        return cls(springs=torch.as_tensor(np.stack(springs)))

    def of_springs(
        self, stiffness: Float[torch.Tensor, "batch groups"], whole: Float[torch.Tensor, "batch N"]
    ) -> tuple[Float[torch.Tensor, "batch 6"], Float[torch.Tensor, "batch 6 K"]]:
        """Return the springs' work and its slopes."""
        n = whole.shape[1]
        M = (stiffness @ self.springs.flatten(1)).reshape(-1, RIGID, n, n - 1)
        along, across = (M @ whole[:, None, 1:, None])[..., 0], whole[:, None, None] @ M
        return (along * whole[:, None]).sum(-1), along[..., 1:] + across[..., 0, :]


def turned(wall: WallIntegrals, modes: Modes) -> Float[np.ndarray, "6 modes nodes 3"]:
    """Return shifts and turns of the placement as linear maps of its modes.

    The test function that turns the placement x, w x (x - c), is linear in x. Shifts do not depend
    on x: they are the first mode's alone.
    """
    shifts = np.zeros((3, *modes.shape))
    shifts[:, 0] = np.eye(3)[:, None]
    centred = modes.copy()
    centred[0] -= wall.unloaded.mean(axis=0)
    turns = [np.cross(unit, centred) / TURN for unit in np.eye(3)]
    return np.concatenate([shifts, turns])


__all__ = ["RIGID", "SPRINGS", "TURN", "Whole", "turned"]
