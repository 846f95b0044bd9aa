"""What stripes tell of the wall's motion: their harmonic phases, and the images themselves.

An image of stripes is a(x) + b(x) cos(k.X + phi) where the material X is at x now: a and b vary
slowly over the wall and are left out by projection (Golub & Pereyra 1973, SIAM J Num Anal
10:413-432), and the noise is that of the residual.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist

from cardiotwin.measurement.field_fit import Material, Wall
from cardiotwin.measurement.motion import material_terms
from cardiotwin.units import MM

HARMONIC_SD = 0.5 * MM  # the filter's own error, which the phases' noise does not tell
BEYOND = 0.1  # barycentric: phases of pixels farther outside the mesh are left out
ROUNDS = 3
FEWEST = 2  # pixels of a slice for each of its slow terms
NUISANCE = 3  # degree of a and b over a slice

Told = tuple[Float[np.ndarray, "m unknowns"], Float[np.ndarray, " m"], float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pixels:
    """The wall's pixels of one tagged series in one frame.

    Parameters
    ----------
    place
        In the world, m.
    flat
        Along rows and columns from the first pixel, m.
    values
        By direction of the stripes.
    group
        Slice of each.
    noise_sd
        Of the values.
    waves
        Of the directions in the world, rad/m.
    origin
        The first pixel of the first slice in the world, m.
    start
        Phases of the straight stripes there, rad.
    harmonic
        Displacement along the waves by harmonic phases, rad; NaN where these tell none.
    """

    place: Float[np.ndarray, "n 3"]
    flat: Float[np.ndarray, "n 2"]
    values: Float[np.ndarray, "n 2"]
    group: np.ndarray
    noise_sd: float
    waves: Float[np.ndarray, "2 3"]
    origin: Float[np.ndarray, "3"]
    start: Float[np.ndarray, "2"]
    harmonic: Float[np.ndarray, "n 2"]

    @property
    def seen(self) -> Float[np.ndarray, "n 3"]:
        """Return the displacement in the plane by harmonic phases, m; 0 where these tell none."""
        return np.nan_to_num(self.harmonic) @ np.linalg.pinv(self.waves).T

    def chosen(self, kept: np.ndarray) -> "Pixels":
        """Return some of them."""
        names = ("place", "flat", "values", "group", "harmonic")
        return replace(self, **{name: getattr(self, name)[kept] for name in names})


@dataclass(frozen=True, kw_only=True)
class Remainder:
    """What the wall's motion has beyond the smooth field: a normal field in the images' planes.

    Left out, it would drive the field where this is free: across the planes.

    Parameters
    ----------
    sd
        Along each axis, m.
    length
        Over which it is correlated, m (Matern's of order 3/2).
    """

    sd: float
    length: float

    def correlation(self, flat: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n n"]:
        """Return that between places in a plane."""
        apart = np.sqrt(3) / self.length * cdist(flat, flat)
        return np.asarray((1 + apart) * np.exp(-apart))


def slow_terms(
    flat: Float[np.ndarray, "n 2"], group: np.ndarray
) -> Float[np.ndarray, "n columns"]:
    """Return polynomials of the place in each slice."""
    columns = []
    for number in np.unique(group):
        here = group == number
        local = (flat - flat[here].mean(axis=0)) / np.ptp(flat[here], axis=0).max()
        for power in range(NUISANCE + 1):
            columns += [
                np.where(here, local[:, 0] ** i * local[:, 1] ** (power - i), 0)
                for i in range(power + 1)
            ]
    return np.stack(columns, axis=1)


def harmonic_field(
    wall: Wall, pixels: Sequence[Pixels], field: Float[np.ndarray, "terms 3"]
) -> Float[np.ndarray, "terms 3"]:
    """Return the field that harmonic phases tell; along no wave, `field` says where material was.

    Starts from another field, that of the frame before.
    """
    pixels = [one.chosen(np.isfinite(one.harmonic).all(axis=1)) for one in pixels]
    for _ in range(ROUNDS):
        square = wall.volume.rows(field).T @ wall.volume.rows(field) + np.diag(wall.precision)
        slope = wall.volume.rows(field).T @ wall.volume.left(field)
        slope -= wall.precision * field.ravel()
        for one in pixels:
            seen = one.seen
            across = np.cross(*one.waves)
            across /= np.linalg.norm(across)
            basis, beyond, cell = material_terms(wall.mesh, one.place - seen, wall.smoothness)
            for _ in range(ROUNDS - 1):
                back = seen + (basis @ field @ across)[:, None] * across
                basis, beyond, cell = material_terms(
                    wall.mesh, one.place - back, wall.smoothness, cell
                )
            basis, kept = basis[beyond < BEYOND], beyond < BEYOND
            for number, wave in enumerate(one.waves):
                sd = np.linalg.norm(wave) * HARMONIC_SD
                rows = np.kron(basis, wave) / sd
                left = one.harmonic[kept, number] / sd - rows @ field.ravel()
                square += rows.T @ rows
                slope += rows.T @ left
        field = field + np.linalg.solve(square, slope).reshape(field.shape)
    return field


def stripe_rows(pixels: Sequence[Pixels], remainder: Remainder, now: Material) -> Told:
    """Return what the images tell, as `field_fit.Read` does.

    The noise of each slice and direction is that of its residual. Slices with hardly more pixels
    than slow terms tell nothing.
    """
    parts = []
    for one, here in _parts(pixels):
        for group in np.unique(one.group):
            inside = np.flatnonzero(one.group == group)
            shown = one.chosen(inside)
            slow = slow_terms(shown.flat, shown.group)
            if len(inside) < FEWEST * 2 * slow.shape[1]:
                continue
            near = remainder.sd**2 * remainder.correlation(shown.flat)
            its = now.chosen(here.start + inside)
            parts += [_stripes(shown, number, slow, near, its) for number in range(len(one.waves))]
    rows, told, likelihood = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(told), float(sum(likelihood))


def _stripes(
    shown: Pixels,
    direction: int,
    slow: Float[np.ndarray, "n columns"],
    remainder: Float[np.ndarray, "n n"],
    now: Material,
) -> Told:
    """Return what one image of one slice tells."""
    wave, values = shown.waves[direction], shown.values[:, direction]
    phase = (shown.place - shown.origin - now.back) @ wave + shown.start[direction]
    columns = np.column_stack([slow, slow * np.cos(phase)[:, None]])
    n_slow = columns.shape[1]
    size = slow @ np.linalg.lstsq(columns, values, rcond=None)[0][slow.shape[1] :]
    slope = size * np.sin(phase)  # of the value over the displacement along the wave, 1/rad
    far = slope * np.linalg.norm(wave) / shown.noise_sd
    root = np.linalg.cholesky(np.eye(len(far)) + far[:, None] * remainder * far)
    own = slope[:, None] * _moved(now, wave)
    white = solve_triangular(
        root, np.column_stack([columns, values, own]), lower=True, check_finite=False
    )
    base = np.linalg.qr(white[:, :n_slow])[0]
    rest = white[:, n_slow:] - base @ (base.T @ white[:, n_slow:])
    left, free = rest[:, 0], len(values) - n_slow
    sd = np.sqrt(left @ left / free)
    likelihood = free * np.log(left @ left) + 2 * np.log(np.diag(root)).sum()
    return rest[:, 1:] / sd, left / sd, float(likelihood)


def _moved(now: Material, wave: Float[np.ndarray, "3"]) -> Float[np.ndarray, "n unknowns"]:
    """Return what the coefficients do to the displacement along a wave of what is at places.

    U = u(x - U): a change du of the field changes U by F^-1 du.
    """
    turned = np.linalg.solve(np.swapaxes(now.gradient, 1, 2), wave[:, None])[..., 0]
    rows = now.basis[:, :, None] * turned[:, None, :]
    return np.asarray(rows.reshape(len(rows), -1))


def _parts(pixels: Sequence[Pixels]) -> Iterator[tuple[Pixels, slice]]:
    first = 0
    for one in pixels:
        yield one, slice(first, first + len(one.place))
        first += len(one.place)


__all__ = ["Pixels", "Remainder", "harmonic_field", "slow_terms", "stripe_rows"]
