"""What is a polynomial in the coefficients of a reduced wall, exactly.

The pressure's follower load is quadratic, for the area vector of a surface is; the cavity's
volume is cubic. Coefficients are (1, a): the first mode is the unloaded placement itself.
"""

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.geometry.shapes import triangle_shapes
from cardiotwin.geometry.volumes import rim_nodes, triangle_rule
from cardiotwin.mechanics.snapshots import WallIntegrals

Modes = Float[np.ndarray, "modes nodes 3"]
ENDOCARDIUM = "lv_endocardium"
CHUNK = 8  # modes whose products with all others are held at once


def pressure_load(
    wall: WallIntegrals, modes: Modes, tests: Float[np.ndarray, "tests nodes 3"]
) -> Float[np.ndarray, "tests n n"]:
    """Return the tested residual of a unit pressure, m^3 per coefficients: L[k, i, j] a_i a_j.

    `modes` are the unloaded placement and the basis after it. The base bears the resultant on the
    valves (`mechanics.lid`).
    """
    facets = wall.mesh.facets[ENDOCARDIUM]
    _, first, second, weights = _on_facets(modes, facets)
    shapes = triangle_shapes(triangle_rule()[0])[0]
    values = np.einsum("qn,kfni->fqik", shapes, tests[:, facets], optimize=True)
    weighted = (values * weights[None, :, None, None]).reshape(-1, len(tests))
    borne = np.tensordot(tests, wall.valves, axes=([1], [0]))
    return _pairs(first, second, weighted, weights, borne)


def cavity_volume_cubic(wall: WallIntegrals, modes: Modes) -> Float[np.ndarray, "n n n"]:
    """Return the cavity's volume, m^3, as a symmetric cubic form V[i, j, k] a_i a_j a_k."""
    rim = rim_nodes(wall.mesh)
    centred = modes - modes[:, rim].mean(axis=1, keepdims=True)
    values, first, second, weights = _on_facets(centred, wall.mesh.facets[ENDOCARDIUM])
    weighted = np.moveaxis(values * weights[None, None, :, None], 0, -1) / -3
    cubic = _pairs(first, second, weighted.reshape(-1, len(modes)), weights, None)
    turned = (cubic, cubic.transpose(1, 0, 2), cubic.transpose(2, 1, 0))
    return np.asarray(sum(turned) / 3)


def _on_facets(modes: Modes, facets: Integer[np.ndarray, "facets 6"]) -> tuple[np.ndarray, ...]:
    """Return values and both tangents of modes at the facets' rule, and its weights."""
    points, weights = triangle_rule()
    shapes, slopes = triangle_shapes(points)
    local = modes[:, facets]
    values = np.einsum("qn,kfni->kfqi", shapes, local, optimize=True)
    first, second = np.einsum("qna,kfni->akfqi", slopes, local, optimize=True)
    return values, first, second, weights


def _pairs(
    first: Float[np.ndarray, "n facets q 3"],
    second: Float[np.ndarray, "n facets q 3"],
    tests: Float[np.ndarray, "points tests"],
    weights: Float[np.ndarray, " q"],
    borne: Float[np.ndarray, "tests 3"] | None,
) -> Float[np.ndarray, "tests n n"]:
    """Return the tests' integrals with the area vectors of all pairs of modes, symmetric."""
    n, n_tests = len(first), tests.shape[1]
    found = np.zeros((n_tests, n, n))
    for begin in range(0, n, CHUNK):
        rows = slice(begin, begin + CHUNK)
        area = np.cross(first[rows, None], second[None])
        area += np.cross(first[None], second[rows, None])
        area /= 2
        part = area.reshape(len(area) * n, -1) @ tests
        if borne is not None:
            part -= np.einsum("abfqi,q->abi", area, weights).reshape(-1, 3) @ borne.T
        found[:, rows] = part.T.reshape(n_tests, len(area), n)
    return found
