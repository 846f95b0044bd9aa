"""A first velocity for each voxel, from phases that may have gone round.

Differences of phase between neighbours, in space and from frame to frame, are small where the
phases themselves are not: they are read from products of complex signals, fitted by least squares
with the voxels at the wall, where blood is slow, kept at what their own phases say, and each
voxel's phases are then turned to the nearest. It only has to be right to half a turn.

Itoh (1982), Applied Optics 21:2470; Ghiglia & Romero (1994), J Opt Soc Am A 11:107-117.
"""

from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Complex, Float, Integer
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import cg

from cardiotwin.measurement.flow.images import Images

SLOW = 0.8  # share of blood below which a voxel lies at the wall
HOLD = 1.0  # weight of a wall's voxel against that of a pair
SLIGHT = 1e-3  # of all others, so that no island floats
ROUNDS, CLOSE = 500, 1e-3


def first_velocities(
    images: Images, n_frames: int
) -> tuple[list[Float[np.ndarray, "_ 3"]], float]:
    """Return each frame's velocities at the used voxels, m/s, and the share that was turned."""
    series = images.series
    used = np.stack([images.view(t).used for t in range(n_frames)])
    signal = np.moveaxis(series.signal, 3, 0)[used]
    encoding = series.encoding
    if not series.referenced:
        signal, encoding = signal[:, 1:] * signal[:, :1].conj(), encoding[1:] - encoding[:1]
    decoding = np.linalg.pinv(encoding).T
    share = np.concatenate([_share(images, t) for t in range(n_frames)])
    own = np.angle(signal)
    wide = _smoothed(signal, decoding, share, _pairs(used))
    turns = np.round((wide @ encoding.T - own) / (2 * np.pi))
    velocity = (own + 2 * np.pi * turns) @ decoding
    ends = np.cumsum([0, *used.sum(axis=(1, 2, 3))])
    parts = [velocity[a:b] for a, b in pairwise(ends)]
    return parts, float((turns != 0).any(axis=1).mean())


def _share(images: Images, frame: int) -> Float[np.ndarray, " voxels"]:
    return np.asarray(images.view(frame).means.sum(axis=1)).ravel()


def _pairs(used: Bool[np.ndarray, "frames i j k"]) -> Integer[np.ndarray, "2 pairs"]:
    """Return the numbers of neighbours that are both used; the last frame precedes the first."""
    number = np.full(used.shape, -1)
    number[used] = np.arange(int(used.sum()))
    found = []
    for axis in range(4):
        other = np.roll(number, -1, axis=axis)
        if axis > 0:
            cut = [slice(None)] * 4
            cut[axis] = slice(-1, None)
            other[tuple(cut)] = -1
        if axis == 0 and len(used) < 3:
            continue
        both = (number >= 0) & (other >= 0)
        found.append(np.stack([number[both], other[both]]))
    return np.concatenate(found, axis=1)


def _smoothed(
    signal: Complex[np.ndarray, "voxels images"],
    decoding: Float[np.ndarray, "images 3"],
    share: Float[np.ndarray, " voxels"],
    pairs: Integer[np.ndarray, "2 pairs"],
) -> Float[np.ndarray, "voxels 3"]:
    """Return velocities whose differences are those of the phases of neighbours."""
    first, second = pairs
    product = signal[second] * signal[first].conj()
    own = np.angle(signal) @ decoding
    step = np.angle(product) @ decoding
    weight = np.abs(product).min(axis=1)
    weight = weight / weight.mean()
    n, m = len(own), len(first)
    rows = np.repeat(np.arange(m), 2)
    columns = np.stack([first, second], axis=1).ravel()
    difference = csr_matrix((np.tile([-1.0, 1.0], m), (rows, columns)), shape=(m, n))
    held = np.where(share < SLOW, HOLD, SLIGHT)
    matrix = difference.T @ diags(weight) @ difference + diags(held)
    sides = difference.T @ (weight[:, None] * step) + held[:, None] * own
    parts = [cg(matrix, side, rtol=CLOSE, maxiter=ROUNDS)[0] for side in sides.T]
    return np.stack(parts, axis=1)


__all__ = ["first_velocities"]
