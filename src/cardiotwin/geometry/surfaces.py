"""Endocardium and epicardium as smooth surfaces: B-splines along the axis, Fourier round it.

Points are seen in prolate spheroidal coordinates (Nielsen et al. 1991, Am J Physiol
260:H1365-1378) about a centre line that may bend. There a ventricle is nearly a constant, so a
few coefficients hold its shape, a smooth continuation of the data is an ellipsoid's, and the
apex closes without a cusp.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Integer
from scipy.interpolate import BSpline

from cardiotwin.geometry.anatomy import HeartFrame

DEGREE = 3
N_SPLINES = 10
ORDER = 6  # highest Fourier mode
STEEPEST = np.deg2rad(165)  # end of the splines, beyond any base
BENDING = 2e-4  # weight of second differences along the axis against a unit weight of all data
SLOPE = 3e-5  # weight of first differences: without data a surface goes on as a spheroid
OUTLIER = 3e-3  # m: points farther from the surface count less and less (Cauchy weights)
ROUNDS = 4  # of reweighting
WAVINESS = 1e-6  # weight of m^4 times the squared coefficients of mode m
THINNEST = 3e-3  # m: walls are made no thinner; two pixels of a cine image
ROUNDING = 1e-3  # m: over which the thinnest wall joins the drawn one
N_MERIDIAN = 120  # samples from apex to base

Values = Float[np.ndarray, " n"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Prolate:
    """The coordinate system of one phase.

    Parameters
    ----------
    frame
        The heart's axes.
    centre
        Height of the spheroids' centre above the frame's origin, m.
    focus
        Distance of the foci from the centre, m.
    bend
        Polynomial coefficients, highest first, of the centre line's two components against
        height: columns along `rv_insertion` and `septal`.
    """

    frame: HeartFrame
    centre: float
    focus: float
    bend: Float[np.ndarray, "coefficients 2"]

    def local(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Return the coordinates along the frame's axes, m."""
        return np.asarray((points - self.frame.origin) @ self.frame.axes.T, dtype=np.float64)

    def world(self, local: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Return the world positions of local ones, m."""
        return np.asarray(self.frame.origin + local @ self.frame.axes, dtype=np.float64)

    def centre_line(self, height: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n 2"]:
        """Return the centre line's offset from the axis at a height, m."""
        return np.stack([np.polyval(self.bend[:, k], height) for k in range(2)], axis=-1)

    def coordinates(self, points: Float[np.ndarray, "n 3"]) -> tuple[Values, Values, Values]:
        """Return (radius, polar, angle): equatorial radius of the spheroid, m; 0 apex; rad."""
        local = self.local(points)
        across = local[:, :2] - self.centre_line(local[:, 2])
        distance = np.linalg.norm(across, axis=1)
        below = self.centre - local[:, 2]
        far = np.hypot(distance, below + self.focus)
        near = np.hypot(distance, below - self.focus)
        stretch = np.maximum((far + near) / (2 * self.focus), 1.0)
        polar = np.arccos(np.clip((far - near) / (2 * self.focus), -1, 1))
        angle = np.arctan2(across[:, 1], across[:, 0])
        return self.focus * np.sqrt(stretch**2 - 1), polar, angle

    def positions(
        self,
        radius: Float[np.ndarray, "*n"],
        polar: Float[np.ndarray, "*n"],
        angle: Float[np.ndarray, "*n"],
    ) -> Float[np.ndarray, "*n 3"]:
        """Return the local position of (radius, polar, angle), m."""
        height = self.centre - np.hypot(radius, self.focus) * np.cos(polar)
        round_axis = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        across = self.centre_line(height) + (radius * np.sin(polar))[..., None] * round_axis
        return np.concatenate([across, height[..., None]], axis=-1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Wall:
    """The wall of one phase between its two surfaces, below a plane base.

    Parameters
    ----------
    prolate
        Its coordinate system.
    endo, epi
        Coefficients of the surfaces' radius by spline and Fourier function, m.
    base
        (b0, b1, b2): the base's height is b0 + b1 x + b2 y in local coordinates.
    inflation
        Added to the radius of (endo, epi), m.
    """

    prolate: Prolate
    endo: Float[np.ndarray, "splines modes"]
    epi: Float[np.ndarray, "splines modes"]
    base: Float[np.ndarray, "3"]
    inflation: tuple[float, float] = (0.0, 0.0)

    def radii(self, polar: Values, angle: Values) -> tuple[Values, Values]:
        """Return the endo- and epicardium's radius at points (polar, angle), m."""
        along, round_axis = splines(polar), fourier(angle)
        endo, epi = (
            np.einsum("ns,ns->n", along, round_axis @ part.T) for part in (self.endo, self.epi)
        )
        return self._apart(endo, epi, polar)

    def _apart(
        self,
        endo: Float[np.ndarray, "*n"],
        epi: Float[np.ndarray, "*n"],
        polar: Float[np.ndarray, "*n"],
    ) -> tuple[Float[np.ndarray, "*n"], Float[np.ndarray, "*n"]]:
        """Return the radii inflated, with a wall of positive thickness between them, m.

        The smooth positive part of the excess over the thinnest wall leaves thicker walls alone.
        """
        endo = np.maximum(endo + self.inflation[0], THINNEST)
        scale = normal_scale(endo, polar, self.prolate.focus)
        excess = (epi + self.inflation[1] - endo) * scale - THINNEST
        return endo, endo + (THINNEST + (excess + np.hypot(excess, ROUNDING)) / 2) / scale

    def surface(self, u: Values, angle: Values, t: Values) -> Float[np.ndarray, "n 3"]:
        """Return the wall's position at material coordinates, m: the map of the template.

        u is the fraction of the arc from apex to base, on either surface for itself.
        """
        angles, which = np.unique(np.round(angle, 12), return_inverse=True)
        polar = np.linspace(0, STEEPEST, N_MERIDIAN)
        table = np.broadcast_to(polar[:, None], (N_MERIDIAN, len(angles)))
        along, round_axis = splines(polar), fourier(angles)
        radii = self._apart(
            along @ self.endo @ round_axis.T, along @ self.epi @ round_axis.T, table
        )
        ends = []
        for number, radius in enumerate(radii):
            local = self.prolate.positions(radius, table, np.broadcast_to(angles, table.shape))
            at = self._by_arc(local, polar, u, which)
            ends.append(self.prolate.positions(self.radii(at, angle)[number], at, angle))
        inner, outer = ends
        return self.prolate.world(inner + t[:, None] * (outer - inner))

    def _by_arc(
        self,
        local: Float[np.ndarray, "m angles 3"],
        polar: Float[np.ndarray, " m"],
        u: Values,
        which: Integer[np.ndarray, " n"],
    ) -> Values:
        """Return the polar angle at the fraction u of each node's meridian up to the base."""
        above = local[..., 2] - self.base[0] - local[..., :2] @ self.base[1:]
        steps = np.linalg.norm(np.diff(local, axis=0), axis=2)
        arc = np.concatenate([np.zeros((1, local.shape[1])), np.cumsum(steps, axis=0)])
        column = np.arange(local.shape[1])
        passed = np.argmax(above > 0, axis=0)
        passed[passed == 0] = len(polar) - 1
        low, high = above[passed - 1, column], above[passed, column]
        share = np.where(high > low, -low / np.where(high > low, high - low, 1.0), 1.0)
        length = arc[passed - 1, column] + np.clip(share, 0, 1) * steps[passed - 1, column]
        wanted = u * length[which]
        # One sorted list of all meridians: each is lifted above the one before it.
        lift = 2 * arc.max() * column
        table = (arc + lift).T.ravel()
        return np.asarray(np.interp(wanted + lift[which], table, np.tile(polar, len(column))))

    def with_base(self, height: float) -> "Wall":
        """Return the same wall with its base, as it is tilted, at another height, m."""
        return replace(self, base=np.array([height, *self.base[1:]]))


def normal_scale(
    radius: Float[np.ndarray, "*n"], polar: Float[np.ndarray, "*n"], focus: float
) -> Float[np.ndarray, "*n"]:
    """Return the distance along a spheroid's normal per change of its radius."""
    return np.asarray(np.hypot(radius, focus * np.sin(polar)) / np.hypot(radius, focus))


def splines(polar: Values) -> Float[np.ndarray, "n splines"]:
    """Return the B-splines at polar angles."""
    inner = np.linspace(0, STEEPEST, N_SPLINES - DEGREE + 1)
    knots = np.concatenate([np.zeros(DEGREE), inner, np.full(DEGREE, STEEPEST)])
    clipped = np.clip(polar, 0, STEEPEST)
    return np.asarray(BSpline.design_matrix(clipped, knots, DEGREE).toarray())


def fourier(angle: Values) -> Float[np.ndarray, "n modes"]:
    """Return 1, cos, sin, cos 2, sin 2, ... of angles."""
    waves = [np.ones_like(angle)]
    for m in range(1, ORDER + 1):
        waves += [np.cos(m * angle), np.sin(m * angle)]
    return np.stack(waves, axis=1)


def fit_surface(
    prolate: Prolate, points: Float[np.ndarray, "n 3"], weights: Values, smoothing: float = 1.0
) -> Float[np.ndarray, "splines modes"]:
    """Return the coefficients of the smooth surface nearest to weighted points.

    Reweighted linear least squares in the radius, scaled to distances along the normal. Mode m
    starts at the apex like the polar angle to the power m (up to 2), and the mean like its
    square, so that the surface is smooth there.
    """
    radius, polar, angle = prolate.coordinates(points)
    scale = normal_scale(radius, polar, prolate.focus)
    mode = np.repeat(np.arange(ORDER + 1), [1] + [2] * ORDER)
    design = np.einsum("ns,nk->nsk", splines(polar), fourier(angle)).reshape(len(points), -1)
    merge = _smooth_at_apex(mode)
    data = design @ merge
    second = np.diff(np.eye(N_SPLINES), 2, axis=0)
    first = np.diff(np.eye(N_SPLINES), 1, axis=0)
    along = BENDING * second.T @ second + SLOPE * first.T @ first
    bending = np.kron(along, np.eye(len(mode)))
    waviness = np.kron(np.eye(N_SPLINES), np.diag(mode.astype(float) ** 4)) * WAVINESS
    penalty = smoothing * merge.T @ (bending + waviness) @ merge
    share = weights / weights.sum() * scale**2
    trusted = np.ones_like(share)
    free = np.zeros(merge.shape[1])
    for _ in range(ROUNDS):
        heavy = (share * trusted)[:, None] * data
        free = np.linalg.solve(heavy.T @ data + penalty, heavy.T @ radius)
        trusted = 1 / (1 + ((radius - data @ free) * scale / OUTLIER) ** 2)
    return np.asarray((merge @ free).reshape(N_SPLINES, len(mode)))


def _smooth_at_apex(mode: Integer[np.ndarray, " modes"]) -> Float[np.ndarray, "coefficients free"]:
    """Return the matrix from free to all coefficients, (spline, mode) in order."""
    everything = np.arange(N_SPLINES * len(mode)).reshape(N_SPLINES, len(mode))
    matrix = np.eye(everything.size)
    matrix[:, everything[1, 0]] += matrix[:, everything[0, 0]]
    dropped = [everything[0, 0]]
    for column, m in enumerate(mode):
        dropped += everything[: min(int(m), 2), column].tolist()
    return np.delete(matrix, sorted(set(dropped)), axis=1)


__all__ = ["OUTLIER", "Prolate", "Wall", "fit_surface", "fourier", "normal_scale", "splines"]
