"""Flows that a measured heart may have: members of an ensemble, by what its images do not tell.

What images leave open are parameters (`unknowns`); each set of them is a beat of `HeartFlow` on
a coarse mesh. Its velocity is told at the nodes of a finer lumen cut from
the same endocardium: both meshes are charts of one template, so that a node of one has the same
place in the other at all times, however the wall moves, and a member's boundary layer stays on
the wall of the lumen.

Evensen (2009), Data Assimilation: the ensemble Kalman filter, Springer (parameters and state in
one ensemble).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import CavityTemplate, MovingCavity
from cardiotwin.geometry.cavity.motion import PeriodicMotion, area_vectors, check_cells, flux
from cardiotwin.geometry.cavity.template import cavity_cells, reference_points
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import Nodes
from cardiotwin.haemodynamics.heart import HeartFlow

NEAR = 24  # cells in which a place is looked for


class InflowFlow(HeartFlow):
    """The flow in a moving cavity whose mitral jet may be off the middle, narrow and oblique.

    Parameters
    ----------
    cavity, template
        The cavity and what cut it.
    given
        Values by the names of `UNKNOWNS`.
    steps
        Per beat.
    density
        Of blood, kg/m^3.

    Raises
    ------
    InputError
        If the motion is no Fourier series, or folds the cavity at this size and excursion.
    """

    def __init__(
        self,
        cavity: MovingCavity,
        template: CavityTemplate,
        given: Mapping[str, float],
        *,
        steps: int,
        density: float = Fluid().density,
    ) -> None:
        if not isinstance(cavity.motion, PeriodicMotion):
            kind = type(cavity.motion).__name__
            msg = f"A member's wall moves as a Fourier series, found {kind}. Give make_cavity's."
            raise InputError(msg)
        motion = _moved(cavity.motion, given)
        region = replace(cavity.region, points=motion.positions(0.0))
        shrinkage = check_cells(region, motion)
        moved = replace(cavity, region=region, motion=motion, shrinkage=shrinkage)
        fluid = Fluid(density=density, viscosity=given["viscosity"])
        super().__init__(moved, fluid, steps=steps, ramp=given["ramp"])
        self._end = cavity.stubs["mitral"][-1]
        window = next(one for one in cavity.windows if one.name == "mitral")
        places = reference_points(template, cavity_cells(template, cavity.windows))[self._end, :2]
        self._flat = (places - [window.x, window.y]) / window.radius
        apart = self._flat - [given["orifice_x"], given["orifice_y"]]
        orifice = 1 - (np.hypot(*apart.T) / given["orifice_radius"]) ** 4
        inside = np.hypot(*self._flat.T) < 1 - 1e-9  # the rim clings
        self._profile = np.maximum(orifice, 0.0) * inside
        self._slope = given["tilt_x"], given["tilt_y"]

        self.held = np.zeros(len(region.points), dtype=bool)
        for triangles in region.facets.values():
            self.held[triangles] = True

    def begin(self, velocity: Nodes) -> None:
        """Start from a velocity at the beginning of the motion; that of the boundary stays."""
        self.start = 0.0
        points, _, given, _ = self.boundary(0.0)
        self.flow.domain.move(points)
        free = np.where(self.held[:, None], given, velocity)
        self.flow.start(free, np.zeros(len(points)))

    def resume(
        self, time: float, velocity: Nodes, earlier: Nodes, pressure: Float[np.ndarray, " nodes"]
    ) -> None:
        """Go on from a time, s, with a velocity, the one a step earlier, and a pressure."""
        self.start = time
        self.flow.start(velocity, pressure, earlier)

    def boundary(self, time: float) -> tuple[Nodes, Nodes, Nodes, float]:
        """Return what drives the blood at a time, as `HeartFlow` does, with this inflow."""
        points, wall, given, grown = super().boundary(time)
        triangles = self.cavity.region.facets["mitral"]
        normal = area_vectors(points, triangles).sum(axis=0)
        normal /= np.linalg.norm(normal)
        along = np.linalg.lstsq(self._flat, points[self._end] - points[self._end].mean(axis=0))[0]
        first = along[0] - along[0] @ normal * normal
        first /= np.linalg.norm(first)
        second = along[1] - along[1] @ normal * normal - along[1] @ first * first
        second /= np.linalg.norm(second)
        direction = normal + self._slope[0] * first + self._slope[1] * second
        jet = np.zeros_like(points)
        jet[self._end] = self._profile[:, None] * direction
        share = 1 - self.valves.aortic(time)
        given[self._end] = wall[self._end]
        given -= share * grown / flux(points, triangles, jet) * jet
        return points, wall, given, grown


def _moved(motion: PeriodicMotion, given: Mapping[str, float]) -> PeriodicMotion:
    """Return a motion of another size and excursion, later by a lag."""
    found = motion.coefficients.copy()
    middle = found[0].mean(axis=0)
    found[0] = middle + given["size"] * (found[0] - middle)
    waves = found[1:].reshape(-1, 2, *found.shape[1:]) * (given["size"] * given["stroke"])
    turn = 2 * np.pi * given["lag"] / motion.period * np.arange(1, len(waves) + 1)[:, None, None]
    cos, sin = np.cos(turn), np.sin(turn)
    found[1::2] = cos * waves[:, 0] - sin * waves[:, 1]
    found[2::2] = sin * waves[:, 0] + cos * waves[:, 1]
    return replace(motion, coefficients=found)


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowMember:
    """A beat of flow at the nodes of a lumen.

    Parameters
    ----------
    means, middles
        Velocity over the frames' windows and at their middles, m/s.
    """

    means: Float[np.ndarray, "frames nodes 3"]
    middles: Float[np.ndarray, "frames nodes 3"]


def forecast(
    flow: InflowFlow,
    charts: tuple[csr_matrix, csr_matrix],
    told: Float[np.ndarray, "frames nodes 3"],
    *,
    per_frame: int,
    window: float,
) -> FlowMember:
    """Return what a flow foresees of each frame, corrected at every frame before it.

    At a frame's middle the velocity becomes one that was told; from there the flow runs freely
    over the whole next frame, which is kept, and is corrected at its middle in turn. So a
    forecast knows of its own frame's images only what was told of the frame before.

    Parameters
    ----------
    flow
        At the middle of the first frame.
    charts
        From the flow's nodes to the lumen's, and back.
    told
        At the lumen's nodes and the frames' middles, m/s.
    per_frame
        Steps, at least 4.
    window
        Over which a frame's images are taken, of the frames' distance, at most 1.5.

    Raises
    ------
    ConvergenceError
        If a step has no solution.
    """
    to_lumen, back = charts
    n_frames, half = len(told), int(np.ceil(window * per_frame / 2))
    means, middles = np.zeros_like(told), np.zeros_like(told)
    weights = _window_weights(half, window * per_frame / 2)
    flow.begin(back @ told[0])
    for number in range(1, n_frames + 2):  # the second frame again, its pressure known by then
        frame = number % n_frames
        seen = [moment.velocity for moment in flow.run(per_frame)]
        pressure, time = flow.flow.pressure, flow.start + flow.flow.time
        middles[frame] = to_lumen @ seen[-1]
        later = [moment.velocity for moment in flow.run(half)]
        over = np.tensordot(weights, np.stack(seen[-half - 1 :] + later), 1)
        means[frame] = to_lumen @ over
        change = back @ (told[frame] - middles[frame])
        change[flow.held] = 0
        flow.resume(time, seen[-1] + change, seen[-2] + change, pressure)
    return FlowMember(means=means, middles=middles)


def _window_weights(half: int, reach: float) -> Float[np.ndarray, " steps"]:
    """Return the weights of the steps -half to half in the mean from -reach to reach steps."""
    if reach == 0:
        return np.ones(1)
    places = np.arange(-half, half + 1)

    def below(x: Float[np.ndarray, " steps"]) -> Float[np.ndarray, " steps"]:
        """Return the integral, from far below, of a step's share between its neighbours."""
        x = np.clip(x, -1, 1)
        return np.asarray(np.where(x < 0, (1 + x) ** 2 / 2, 1 - (1 - x) ** 2 / 2))

    return np.asarray((below(reach - places) - below(-reach - places)) / (2 * reach))


def chart_between(
    cavity: MovingCavity,
    template: CavityTemplate,
    other: MovingCavity,
    other_template: CavityTemplate,
) -> csr_matrix:
    """Return the linear functions of a cavity at the nodes of another one of the same endocardium.

    Both are looked at in the template's own space (`reference_points`). A node that lies in none
    of the cells (in a stub that stands elsewhere) takes the nearest place inside.
    """
    nodes, cells = (
        reference_points(template, cavity_cells(template, cavity.windows)),
        cavity.region.cells,
    )
    cut = cavity_cells(other_template, other.windows)
    places = reference_points(other_template, cut)
    corners = nodes[cells]
    near = cKDTree(corners.mean(axis=1)).query(places, k=NEAR)[1]
    edges = (corners[:, 1:] - corners[:, :1])[near]
    rest = places[:, None] - corners[near, 0]
    shares = np.linalg.solve(edges.swapaxes(2, 3), rest[..., None])[..., 0]
    shares = np.concatenate([1 - shares.sum(axis=2, keepdims=True), shares], axis=2)
    best = shares.min(axis=2).argmax(axis=1)
    every = np.arange(len(places))
    chosen = np.maximum(shares[every, best], 0)
    chosen /= chosen.sum(axis=1, keepdims=True)
    columns = cells[near[every, best]]
    rows = np.repeat(every, 4)
    return csr_matrix((chosen.ravel(), (rows, columns.ravel())), shape=(len(places), len(nodes)))


__all__ = [
    "FlowMember",
    "InflowFlow",
    "chart_between",
    "forecast",
]
