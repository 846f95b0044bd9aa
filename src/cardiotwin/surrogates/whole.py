"""The balance of a wall as a whole: its shifts and its turns.

A wall on soft springs is easily moved as a whole, so that small errors of its own stresses would
move it far. Tested with shifts and turns of the *present* placement those stresses do no work,
whatever they are: springs and pressure alone decide how the wall stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Integer

from cardiotwin.geometry.mesh import TRIANGLE_EDGES
from cardiotwin.mechanics.snapshots import WallIntegrals
from cardiotwin.surrogates.polynomials import ENDOCARDIUM, Modes

Tensor = torch.Tensor
RIGID = 6  # shifts and turns
TURN = 0.03  # m: by which a turn is made a shift's size
SPRINGS = ("base_stiffness", "pericardium_stiffness", "fixed")
_GAUSS = np.polynomial.legendre.leggauss(3)  # exact to degree 5, which |x|^2 dx/ds has


@dataclass(frozen=True, kw_only=True, eq=False)
class Whole:
    """What moves a wall as a whole, by its coefficients (1, a), N of them; K = N - 1, R points.

    Parameters
    ----------
    springs
        Work of the springs of each group (`SPRINGS`) along shifts and turns.
    rim
        Where the rim of the endocardium is, m, from the middle of the unloaded wall.
    along
        Its tangents, weighted, m.
    valves
        Where the base bears the pressure on the valves, m, from the same middle.

    Notes
    -----
    The cavity with its lid is closed, so that its pressure shifts nothing. What it turns is known
    from the rim alone: by Stokes' theorem the integrals of n and x x n over the endocardium are
    1/2 integral x x dx and -1/2 integral |x|^2 dx along its edge.
    """

    springs: Float[torch.Tensor, "groups 6 N K"]
    rim: Float[torch.Tensor, "R 3 N"]
    along: Float[torch.Tensor, "R 3 N"]
    valves: Float[torch.Tensor, "3 N"]

    @classmethod
    def of(cls, wall: WallIntegrals, modes: Modes, forces: Mapping[str, np.ndarray]) -> "Whole":
        """Return it for the unloaded placement with the modes behind it, and springs' forces."""
        tests = turned(wall, modes)
        springs = [np.tensordot(tests, forces[k], axes=([2, 3], [1, 2])) for k in SPRINGS]
        centred = modes.copy()
        centred[0] -= wall.unloaded.mean(axis=0)
        s, weights = _GAUSS
        shapes = np.stack([s * (s - 1) / 2, s * (s + 1) / 2, 1 - s**2], axis=1)
        slopes = np.stack([s - 0.5, s + 0.5, -2 * s], axis=1) * weights[:, None]
        on_edges = centred[:, _rim_edges(wall.mesh.facets[ENDOCARDIUM])]
        rim, along = (np.einsum("qm,nemi->eqin", x, on_edges) for x in (shapes, slopes))
        return cls(
            springs=torch.as_tensor(np.stack(springs)),
            rim=torch.as_tensor(rim.reshape(-1, 3, len(modes))),
            along=torch.as_tensor(along.reshape(-1, 3, len(modes))),
            valves=torch.as_tensor(np.tensordot(wall.valves, centred, axes=([0], [1])).T.copy()),
        )

    def of_springs(
        self, stiffness: Float[torch.Tensor, "batch groups"], whole: Float[torch.Tensor, "batch N"]
    ) -> tuple[Float[torch.Tensor, "batch 6"], Float[torch.Tensor, "batch 6 K"]]:
        """Return the springs' work and its slopes."""
        n = whole.shape[1]
        M = (stiffness @ self.springs.flatten(1)).reshape(-1, RIGID, n, n - 1)
        along, across = (M @ whole[:, None, 1:, None])[..., 0], whole[:, None, None] @ M
        return (along * whole[:, None]).sum(-1), along[..., 1:] + across[..., 0, :]

    def of_pressure(
        self, whole: Float[torch.Tensor, "batch N"]
    ) -> tuple[Float[torch.Tensor, "batch 6"], Float[torch.Tensor, "batch 6 K"]]:
        """Return a unit pressure's work and its slopes."""
        x, dx = (torch.einsum("rim,bm->bri", part, whole) for part in (self.rim, self.along))
        valves = whole @ self.valves.T
        area = torch.linalg.cross(x, dx).sum(1) / 2
        square = (x**2).sum(-1, keepdim=True)
        turn = -(square * dx).sum(1) / 2 - torch.linalg.cross(valves, area)
        # dA = 1/2 sum (X x dx + x x D) of the slopes X and D of x and dx, as columns of matrices.
        by_area = (_crossing(x) @ self.along - _crossing(dx) @ self.rim).sum(1) / 2
        moved = torch.einsum("bri,rim->brm", x, self.rim)
        slopes = -torch.einsum("bri,brm->bim", dx, moved)
        slopes = slopes - torch.einsum("br,rim->bim", square[..., 0], self.along) / 2
        slopes = slopes + _crossing(area) @ self.valves - _crossing(valves) @ by_area
        none = torch.zeros_like(turn)
        value = torch.cat((none, turn), 1) / TURN
        return value, torch.cat((torch.zeros_like(slopes), slopes), 1)[..., 1:] / TURN


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


def _rim_edges(facets: Integer[np.ndarray, "facets 6"]) -> Integer[np.ndarray, "edges 3"]:
    """Return the edges of one facet only, by both ends and the middle, along its orientation."""
    edges = np.concatenate([facets[:, [a, b, 3 + k]] for k, (a, b) in enumerate(TRIANGLE_EDGES)])
    _, number, count = np.unique(edges[:, 2], return_inverse=True, return_counts=True)
    return np.asarray(edges[count[number] == 1])


def _crossing(x: Tensor) -> Tensor:
    """Return the matrices of x x ..., (..., 3, 3)."""
    a, b, c = x.unbind(-1)
    o = torch.zeros_like(a)
    rows = [torch.stack(row, -1) for row in ((o, -c, b), (c, o, -a), (-b, a, o))]
    return torch.stack(rows, -2)


__all__ = ["RIGID", "SPRINGS", "TURN", "Whole", "turned"]
