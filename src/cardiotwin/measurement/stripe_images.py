"""What stripes tell of the wall's motion: their harmonic phases, and the images themselves.

An image of stripes is a(x) + b(x) cos(k.X + phi) where the material X is at x now: a and b vary
slowly over the wall and are left out by projection (Golub & Pereyra 1973, SIAM J Num Anal
10:413-432), and the noise is that of the residual.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from cardiotwin.measurement.field_fit import Linear, Material, Wall
from cardiotwin.measurement.images_motion import material_terms
from cardiotwin.units import MM

HARMONIC_SD = 0.5 * MM  # the filter's own error, which the phases' noise does not tell
BEYOND = 0.1  # barycentric: phases of pixels farther outside the mesh are left out
ROUNDS = 3
NUISANCE = 2  # degree of a and b over a slice

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
    block
        Number of the square of pixels that each is in.
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
    block: np.ndarray
    waves: Float[np.ndarray, "2 3"]
    origin: Float[np.ndarray, "3"]
    start: Float[np.ndarray, "2"]
    harmonic: Float[np.ndarray, "n 2"]

    def chosen(self, kept: Bool[np.ndarray, " n"]) -> "Pixels":
        """Return some of them."""
        names = ("place", "flat", "values", "group", "block", "harmonic")
        return replace(self, **{name: getattr(self, name)[kept] for name in names})


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
            seen = one.harmonic @ np.linalg.pinv(one.waves).T
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


def stripe_rows(pixels: Sequence[Pixels], now: Material) -> Told:
    """Return what the images tell, as `field_fit.Read` does.

    The noise of each series and direction is that of its residual.
    """
    rows, told, likelihood = [], [], 0.0
    for one, here in _parts(pixels):
        slow = slow_terms(one.flat, one.group)
        for number, wave in enumerate(one.waves):
            phase = (one.place - one.origin - now.back[here]) @ wave + one.start[number]
            columns = np.column_stack([slow, slow * np.cos(phase)[:, None]])
            base, triangle = np.linalg.qr(columns)
            values = one.values[:, number]
            size = slow @ np.linalg.solve(triangle, base.T @ values)[slow.shape[1] :]
            left = values - base @ (base.T @ values)
            own = (size * np.sin(phase))[:, None] * _moved(now, here, wave)
            own -= base @ (base.T @ own)
            free = len(left) - columns.shape[1]
            likelihood += free * np.log(left @ left)
            sd = np.sqrt(left @ left / free)
            rows.append(own / sd)
            told.append(left / sd)
    return np.concatenate(rows), np.concatenate(told), likelihood


def _moved(
    now: Material, here: slice, wave: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "n unknowns"]:
    """Return what the coefficients do to the displacement along a wave of what is at places.

    U = u(x - U): a change du of the field changes U by F^-1 du.
    """
    turned = np.linalg.solve(np.swapaxes(now.gradient[here], 1, 2), wave[:, None])[..., 0]
    rows = now.basis[here][:, :, None] * turned[:, None, :]
    return np.asarray(rows.reshape(len(rows), -1))


def _parts(pixels: Sequence[Pixels]) -> Iterator[tuple[Pixels, slice]]:
    first = 0
    for one in pixels:
        yield one, slice(first, first + len(one.place))
        first += len(one.place)


def shared_noise(pixels: Sequence[Pixels], linear: Linear, left: Float[np.ndarray, " m"]) -> float:
    """Return the variance of what blocks of pixels tell over that of independent pixels.

    What is left of the images, beside noise, is what no field of this smoothness follows, and the
    grain of the tissue: neighbours share it. Sums of scores over blocks (Liang & Zeger 1986,
    Biometrika 73:13-22) are as large as it makes them.
    """
    together, alone, first = 0.0, 0.0, 0
    for one in pixels:
        for _ in one.waves:
            here = slice(first, first + len(one.place))
            first = here.stop
            scores = linear.rows[here] * left[here, None]
            sums = np.zeros((one.block.max() + 1, scores.shape[1]))
            np.add.at(sums, one.block, scores)
            together += float((sums**2).sum())
            alone += float((scores**2).sum())
    return together / alone


__all__ = ["Pixels", "harmonic_field", "shared_noise", "slow_terms", "stripe_rows"]
