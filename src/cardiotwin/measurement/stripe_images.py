"""What stripes tell of the wall's motion: their harmonic phases, and the images themselves.

An image of stripes is a(x) + b(x) cos(k.X + phi) where the material X is at x now: a and b vary
slowly over the wall and are left out by projection (Golub & Pereyra 1973, SIAM J Num Anal
10:413-432), and the noise is that of the residual.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist

from cardiotwin.measurement.field_fit import Linear, Material, Wall
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
        return np.asarray(np.nan_to_num(self.harmonic) @ np.linalg.pinv(self.waves).T)

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """One image of one slice, ready to be read about any field.

    Parameters
    ----------
    pixels, at
        Its pixels, and their places among those of all.
    direction
        Of its stripes.
    slow
        Polynomials of the place.
    root
        Of the covariance of noise and remainder, in noises.
    """

    pixels: Pixels
    at: np.ndarray
    direction: int
    slow: Float[np.ndarray, "n columns"]
    root: Float[np.ndarray, "n n"]

    @property
    def wave(self) -> Float[np.ndarray, "3"]:
        """Return the wave vector of its stripes, rad/m."""
        return np.asarray(self.pixels.waves[self.direction])

    def phase(self, back: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        """Return the stripes' phase at what has moved so far, rad."""
        start = self.pixels.start[self.direction]
        return np.asarray((self.pixels.place - self.pixels.origin - back) @ self.wave + start)

    def white(self, values: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]:
        """Return values without the correlation of their errors."""
        return np.asarray(solve_triangular(self.root, values, lower=True, check_finite=False))

    def slope(self, phase: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Return the slope of the values over the displacement along the wave, 1/rad."""
        values = self.pixels.values[:, self.direction]
        columns = np.column_stack([self.slow, self.slow * np.cos(phase)[:, None]])
        size = np.linalg.lstsq(columns, values, rcond=None)[0][self.slow.shape[1] :]
        return np.asarray((self.slow @ size) * np.sin(phase))


def images_of(pixels: Sequence[Pixels], remainder: Remainder, now: Material) -> list[Image]:
    """Return the images, the remainder of the motion weighed by what is at the pixels `now`.

    Slices with hardly more pixels than slow terms tell nothing.
    """
    found, first = [], 0
    for one in pixels:
        for group in np.unique(one.group):
            inside = np.flatnonzero(one.group == group)
            shown = one.chosen(inside)
            slow = slow_terms(shown.flat, shown.group)
            if len(inside) < FEWEST * 2 * slow.shape[1]:
                continue
            near = remainder.sd**2 * remainder.correlation(shown.flat)
            for number, wave in enumerate(one.waves):
                plain = Image(
                    pixels=shown, at=first + inside, direction=number, slow=slow, root=near
                )
                slope = plain.slope(plain.phase(now.back[plain.at]))
                far = slope * np.linalg.norm(wave) / one.noise_sd
                whole = np.eye(len(far)) + far[:, None] * near * far
                found.append(replace(plain, root=np.linalg.cholesky(whole)))
        first += len(one.place)
    return found


def stripe_rows(images: Sequence[Image], now: Material) -> Told:
    """Return what the images tell, as `field_fit.Read` does.

    The noise of each is that of its residual.
    """
    rows, told, likelihood = zip(
        *(_stripes(one, now.chosen(one.at)) for one in images), strict=True
    )
    return np.concatenate(rows), np.concatenate(told), float(sum(likelihood))


def by_slice(
    images: Sequence[Image], found: Linear
) -> tuple[Float[np.ndarray, "slices unknowns unknowns"], Float[np.ndarray, "slices unknowns"]]:
    """Return each slice's information, both directions of its stripes, and slope at a field."""
    slices = np.repeat([one.at[0] for one in images], [len(one.at) for one in images])
    parts = [
        (found.rows[one], found.told[one]) for one in (slices == k for k in np.unique(slices))
    ]
    square, slope = zip(*((rows.T @ rows, rows.T @ told) for rows, told in parts), strict=True)
    return np.stack(square), np.stack(slope)


def _stripes(image: Image, now: Material) -> Told:
    phase, slow = image.phase(now.back), image.slow
    columns = np.column_stack([slow, slow * np.cos(phase)[:, None]])
    values = image.white(np.column_stack([columns, image.pixels.values[:, image.direction]]))
    base, triangle = np.linalg.qr(values[:, :-1])
    told = base.T @ values[:, -1]
    left = values[:, -1] - base @ told
    size = slow @ np.linalg.solve(triangle, told)[slow.shape[1] :]
    own = image.white((size * np.sin(phase))[:, None] * _moved(now, image.wave))
    own -= base @ (base.T @ own)
    free = len(left) - len(told)
    sd = np.sqrt(left @ left / free)
    likelihood = free * np.log(left @ left) + 2 * np.log(np.diag(image.root)).sum()
    return own / sd, left / sd, float(likelihood)


def _moved(now: Material, wave: Float[np.ndarray, "3"]) -> Float[np.ndarray, "n unknowns"]:
    """Return what the coefficients do to the displacement along a wave of what is at places.

    U = u(x - U): a change du of the field changes U by F^-1 du.
    """
    turned = np.linalg.solve(np.swapaxes(now.gradient, 1, 2), wave[:, None])[..., 0]
    rows = now.basis[:, :, None] * turned[:, None, :]
    return np.asarray(rows.reshape(len(rows), -1))


__all__ = [
    "Image",
    "Pixels",
    "Remainder",
    "by_slice",
    "harmonic_field",
    "images_of",
    "slow_terms",
    "stripe_rows",
]
