"""A reduced wall from snapshots: basis, exact terms, and the points of the inexact ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from cardiotwin.geometry.closure import cavity_volume_gradient
from cardiotwin.mechanics.active.segments import N_SEGMENTS
from cardiotwin.mechanics.snapshots import Snapshots, WallIntegrals
from cardiotwin.surrogates.basis import h1_product, l2_product, orthogonal_modes, product
from cardiotwin.surrogates.cubature import sparse_weights
from cardiotwin.surrogates.parameters import Parameters
from cardiotwin.surrogates.points import Points
from cardiotwin.surrogates.polynomials import cavity_volume_cubic
from cardiotwin.surrogates.reduced_wall import ReducedWall
from cardiotwin.surrogates.whole import RIGID, SPRINGS, Whole

Fields = Float[np.ndarray, "fields nodes parts"]
PRESSURE = "cavity_pressure"


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """How a wall is reduced.

    Parameters
    ----------
    modes, pressure_modes
        Of displacement and pressure.
    change
        Share of a parameter's range by which a sensitivity enters the basis.
    cubature
        Root mean square change of the training states' coefficients that the cubature may cause,
        as a share of them.
    directions
        Random directions of the error in which each training state's forces are met.
    yielding
        Of the pressure modes, 1/Pa.
    seed
        Of the directions.
    """

    modes: int = 100
    pressure_modes: int = 12
    change: float = 0.1
    cubature: float = 1e-3
    directions: int = 24
    yielding: float = 1e-7
    seed: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Basis:
    """Displacement and pressure modes, orthonormal in H1 and L2."""

    displacement: Float[np.ndarray, "modes nodes 3"]
    pressure: Float[np.ndarray, "pressure_modes nodes"]


def with_changes(
    wall: WallIntegrals, snapshots: Snapshots, span: Float[np.ndarray, " parameters"], share: float
) -> tuple[Float[np.ndarray, "fields nodes 3"], Float[np.ndarray, "fields nodes 1"]]:
    """Return displacements and pressures of the states, and what a share of each range adds.

    Changes are taken at the state's own cavity volume, with that of the volume itself in the place
    of the pressure's: where a wall is about to snap, all changes at given pressure are one.
    `span` is each parameter's range; that of the pressure holds a volume, m^3.
    """
    u = [snapshots.displacement]
    p = [snapshots.pressure[:, :, None]]
    at = snapshots.names.index(PRESSURE)
    for k in range(len(snapshots)):
        if snapshots.displacement_changes is None or snapshots.pressure_changes is None:
            break
        du, dp = snapshots.displacement_changes[k], snapshots.pressure_changes[k]
        gradient = cavity_volume_gradient(wall.unloaded + snapshots.displacement[k], wall.mesh)
        dV = np.tensordot(du, gradient, axes=2)
        own = du - (dV / dV[at])[:, None, None] * du[at]
        own_p = dp - (dV / dV[at])[:, None] * dp[at]
        own[at], own_p[at] = du[at] / dV[at], dp[at] / dV[at]
        u.append(share * span[:, None, None] * own)
        p.append((share * span[:, None] * own_p)[:, :, None])
    return np.concatenate(u), np.concatenate(p)


def rigid_fields(wall: WallIntegrals) -> Float[np.ndarray, "6 nodes 3"]:
    """Return the wall's shifts and turns.

    A wall on soft springs is easily moved as a whole. Their equations are those of the present
    placement's shifts and turns (`whole.turned`).
    """
    x = wall.unloaded - wall.unloaded.mean(axis=0)
    shifts = [np.broadcast_to(unit, x.shape) for unit in np.eye(3)]
    return np.stack([*shifts, *(np.cross(unit, x) for unit in np.eye(3))])


def make_basis(
    wall: WallIntegrals,
    snapshots: Snapshots,
    span: Float[np.ndarray, " parameters"],
    options: Reduction,
) -> Basis:
    """Return the modes."""
    u, p = with_changes(wall, snapshots, span, options.change)
    matrix = h1_product(wall)
    rigid = orthogonal_modes(rigid_fields(wall), matrix, RIGID)[0]
    beside = u - np.tensordot(product(matrix, u, rigid), rigid, axes=1)
    modes = orthogonal_modes(beside, matrix, options.modes - len(rigid))[0]
    modes = np.concatenate([rigid, modes])
    pressures, _ = orthogonal_modes(p, l2_product(wall), options.pressure_modes)
    return Basis(displacement=modes, pressure=pressures[:, :, 0])


def coefficients(
    wall: WallIntegrals, basis: Basis, snapshots: Snapshots
) -> Float[torch.Tensor, "states n"]:
    """Return the states' projections, displacement and pressure."""
    a = product(h1_product(wall), snapshots.displacement, basis.displacement)
    c = product(l2_product(wall), snapshots.pressure[:, :, None], basis.pressure[:, :, None])
    return torch.as_tensor(np.hstack([a, c]))


def exact_wall(
    wall: WallIntegrals,
    snapshots: Snapshots,
    basis: Basis,
    *,
    spring_forces: Callable[[Fields], Mapping[str, Fields]],
    regions: Mapping[str, tuple[int, ...]],
    options: Reduction,
) -> ReducedWall:
    """Return Galerkin's model in a basis with all quadrature points."""
    modes = basis.displacement
    whole = np.concatenate([wall.unloaded[None], modes])
    points = Points.of(wall, whole, basis.pressure)
    forces = spring_forces(modes)
    springs = np.stack([np.tensordot(modes, forces[k], axes=([1, 2], [1, 2])) for k in SPRINGS])
    inside = np.zeros((len(regions), N_SEGMENTS))
    for row, segments in enumerate(regions.values()):
        inside[row, np.array(segments) - 1] = 1
    states = coefficients(wall, basis, snapshots)
    reach = float(states[:, : len(modes)].norm(dim=1).mean())
    return ReducedWall(
        parameters=Parameters(names=snapshots.names, regions=torch.as_tensor(inside), reach=reach),
        material=wall.material,
        points=points,
        active=points.active_forms(wall),
        springs=torch.as_tensor(springs),
        whole=Whole.of(wall, whole, forces),
        volume=torch.as_tensor(cavity_volume_cubic(wall, whole)),
        yielding=options.yielding * float(wall.weights.sum()),
    )


def with_few_points(
    exact: ReducedWall,
    states: Float[torch.Tensor, "states n"],
    values: Float[torch.Tensor, "states parameters"],
    options: Reduction,
) -> ReducedWall:
    """Return the model with the points that keep each training state where it is.

    A row of the cubature is the first-order change of the coefficients, in one random direction of
    unit length, that a point's force causes, as a share of the state's own coefficients.
    """
    return exact.at_points(*_cubature(exact, states, values, options))


SAMPLED = 2500  # points that tell the tangents by which the rows are weighted


def _cubature(
    exact: ReducedWall, states: torch.Tensor, values: torch.Tensor, options: Reduction
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(options.seed)
    weights = exact.points.weights.numpy()
    n_some = min(SAMPLED, len(weights))
    some = rng.choice(len(weights), n_some, replace=False, p=weights / weights.sum())
    sampled = exact.at_points(np.sort(some), np.full(n_some, weights.sum() / n_some))
    K, rows = exact.n_modes, []
    for k in range(len(states)):
        tangent = sampled.assembled(states[k : k + 1], values[k : k + 1])[1][0]
        along = torch.as_tensor(rng.standard_normal((options.directions, K)))
        along = along / along.norm(dim=1, keepdim=True)
        along = torch.linalg.solve(
            tangent.T, torch.nn.functional.pad(along, (0, len(tangent) - K)).T
        )
        rows.append(
            exact.point_work(states[k], values[k], along).numpy() / float(states[k, :K].norm())
        )
    G = np.concatenate(rows)
    allowed = options.cubature * np.sqrt(len(G) / K)
    target = G @ weights
    volume = np.linalg.norm(target) / weights.sum()
    G, target = (
        np.vstack([G, np.full_like(weights, volume)]),
        np.append(target, volume * weights.sum()),
    )
    found = sparse_weights(G, target, tolerance=allowed / np.linalg.norm(target))
    return found.chosen, found.weights
