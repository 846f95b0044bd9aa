"""Flows that a measured heart may have: members of an ensemble, by what its images do not tell.

Where the blood enters, how wide and how straight, how fast the valves move, how viscous blood is
and how wrong the wall's motion may be are parameters with normal priors; each set of them is a
beat of `HeartFlow` on a coarse mesh. Its velocity is told at the nodes of a finer lumen cut from
the same endocardium: both meshes are charts of one template, so that a node of one has the same
place in the other at all times, however the wall moves, and a member's boundary layer stays on
the wall of the lumen.

Evensen (2009), Data Assimilation: the ensemble Kalman filter, Springer (parameters and state in
one ensemble); Sotiropoulos, Le & Gilmanov (2016), Annu Rev Fluid Mech 48:259-283 (how the mitral
orifice sets the ventricle's flow).
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
from cardiotwin.haemodynamics.heart import LONGEST, SHORTEST, HeartFlow

NEAR = 24  # cells in which a place is looked for


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A parameter of the flow that images leave open, with its normal prior.

    Parameters
    ----------
    middle, sd
        Of the prior; of the logarithm if `positive`, so that sd is relative.
    low, high
        What the model takes.
    positive
        Whether the logarithm is normal.
    """

    middle: float
    sd: float
    low: float
    high: float
    positive: bool = False

    def at(self, deviation: float) -> float:
        """Return the value so many standard deviations from the middle."""
        if self.positive:
            value = self.middle * np.exp(self.sd * deviation)
        else:
            value = self.middle + self.sd * deviation
        return float(np.clip(value, self.low, self.high))


UNKNOWNS: dict[str, Unknown] = {
    "ramp": Unknown(middle=20e-3, sd=0.35, low=SHORTEST, high=LONGEST, positive=True),
    "viscosity": Unknown(middle=3.5e-3, sd=0.25, low=1e-3, high=2e-2, positive=True),
    "stroke": Unknown(middle=1.0, sd=0.03, low=0.88, high=1.12),
    "size": Unknown(middle=1.0, sd=0.005, low=0.97, high=1.03),
    "lag": Unknown(middle=0.0, sd=4e-3, low=-20e-3, high=20e-3),
    "orifice_x": Unknown(middle=0.0, sd=0.12, low=-0.45, high=0.45),
    "orifice_y": Unknown(middle=0.0, sd=0.12, low=-0.45, high=0.45),
    "orifice_radius": Unknown(middle=0.8, sd=0.1, low=0.5, high=1.2),
    "tilt_x": Unknown(middle=0.0, sd=0.12, low=-0.6, high=0.6),
    "tilt_y": Unknown(middle=0.0, sd=0.12, low=-0.6, high=0.6),
}
"""How long one valve takes over from the other (s), blood's viscosity (Pa s), the wall's
excursion and the heart's size over the measured ones, how late the motion is (s), the mitral
orifice's middle and radius (of its window's), and the slope of its jet against the normal."""


def values_of(deviations: Float[np.ndarray, " unknowns"]) -> dict[str, float]:
    """Return the parameters' values from their deviations in prior standard deviations."""
    pairs = zip(UNKNOWNS.items(), deviations, strict=True)
    return {name: unknown.at(float(each)) for (name, unknown), each in pairs}


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
        Steps; even.

    Raises
    ------
    ConvergenceError
        If a step has no solution.
    """
    to_lumen, back = charts
    n_frames, half = len(told), per_frame // 2
    means, middles = np.zeros_like(told), np.zeros_like(told)
    weights = np.full(2 * half + 1, 1 / (2 * half))
    weights[[0, -1]] /= 2
    flow.begin(back @ told[0])
    for number in range(1, n_frames + 1):
        frame = number % n_frames
        seen = [moment.velocity for moment in flow.run(per_frame)]
        pressure, time = flow.flow.pressure, flow.start + flow.flow.time
        middles[frame] = to_lumen @ seen[-1]
        later = [moment.velocity for moment in flow.run(half)]
        over = np.tensordot(weights, np.stack(seen[half - 1 :] + later), 1)
        means[frame] = to_lumen @ over
        change = back @ (told[frame] - middles[frame])
        change[flow.held] = 0
        flow.resume(time, seen[-1] + change, seen[-2] + change, pressure)
    return FlowMember(means=means, middles=middles)


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
    "UNKNOWNS",
    "FlowMember",
    "InflowFlow",
    "Unknown",
    "chart_between",
    "forecast",
    "values_of",
]
