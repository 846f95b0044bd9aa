"""The cavity's volume, which is cubic in the coefficients of a reduced wall, exactly.

Coefficients are (1, a): the first mode is the unloaded placement itself.
"""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.closure import closure_of
from cardiotwin.geometry.shapes import triangle_shapes
from cardiotwin.geometry.volumes import triangle_rule
from cardiotwin.mechanics.snapshots import WallIntegrals

Modes = Float[np.ndarray, "modes nodes 3"]
CHUNK = 8  # modes whose products with all others are held at once


def cavity_volume_cubic(wall: WallIntegrals, modes: Modes) -> Float[np.ndarray, "n n n"]:
    """Return the cavity's volume, m^3, as a symmetric cubic form V[i, j, k] a_i a_j a_k.

    `modes` are the unloaded placement and the basis after it.
    """
    closure = closure_of(wall.mesh)
    points, weights = triangle_rule()
    shapes, slopes = triangle_shapes(points)
    local = (modes - np.tensordot(modes, closure.tip, axes=([1], [0]))[:, None])[:, closure.facets]
    first, second = np.einsum("qna,kfni->akfqi", slopes, local, optimize=True)
    share = closure.share[closure.facets] @ shapes.T * weights / -3
    values = np.einsum("qn,kfni,fq->fqik", shapes, local, share, optimize=True)
    cubic = _pairs(first, second, values.reshape(-1, len(modes)))
    turned = (cubic, cubic.transpose(1, 0, 2), cubic.transpose(2, 1, 0))
    return np.asarray(sum(turned) / 3)


def _pairs(
    first: Float[np.ndarray, "n facets q 3"],
    second: Float[np.ndarray, "n facets q 3"],
    values: Float[np.ndarray, "points n"],
) -> Float[np.ndarray, "n n n"]:
    """Return the values' integrals with the area vectors of all pairs of modes, symmetric."""
    n = len(first)
    found = np.zeros((n, n, n))
    for begin in range(0, n, CHUNK):
        rows = slice(begin, begin + CHUNK)
        area = np.cross(first[rows, None], second[None])
        area += np.cross(first[None], second[rows, None])
        area /= 2
        part = area.reshape(len(area) * n, -1) @ values
        found[:, rows] = part.T.reshape(n, len(area), n)
    return found


__all__ = ["Modes", "cavity_volume_cubic"]
