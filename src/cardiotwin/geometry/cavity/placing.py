"""Where a cavity's nodes are, from the endocardium: below the roof by a formula linear in it."""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.cavity.roof import Roof, membrane, roof_axes
from cardiotwin.geometry.cavity.template import CavityCells, CavityTemplate

POWER = 4  # of the height, with which the cap fades into the discs

Material = Float[np.ndarray, "nodes 2"]


def material_points(template: CavityTemplate, cells: CavityCells, roof: Roof) -> Material:
    """Return (u, angle) of every point of the endocardium that `nodes` needs, ring by ring.

    First the cap's nodes, then those of the rings through every node of the disc's rim angle, and
    at last the base's at the disc's rim, which tell the lid's axes.
    """
    radius, angle = np.hypot(*cells.disc.points.T), np.arctan2(*cells.disc.points.T[::-1])
    cap = np.stack([template.cap * radius, angle], axis=1)
    share = np.arange(template.layers + 1)[:, None] / template.layers
    u = template.cap + (roof.rim(angle) - template.cap) * share
    rings = np.stack([u.ravel(), np.tile(angle, len(u))], axis=1)
    around = angle[np.isclose(radius, 1)]
    return np.concatenate([cap, rings, np.stack([np.ones_like(around), around], axis=1)])


def nodes(
    template: CavityTemplate,
    cells: CavityCells,
    positions: Float[np.ndarray, "points 3"],
    roof: Roof,
) -> Float[np.ndarray, "nodes 3"]:
    """Return where the cavity's nodes are, m, from the endocardium at `material_points`.

    Parameters
    ----------
    template, cells
        How it is cut.
    positions
        Of the endocardium's points, m.
    roof
        Over the base.
    """
    disc = cells.disc.points
    n_disc, n_layers = len(disc), template.layers
    radius = np.hypot(*disc.T)[:, None]
    rim = np.isclose(radius[:, 0], 1)  # evenly spaced, so their mean is the ring's
    cap, base = positions[:n_disc], positions[len(positions) - rim.sum() :]
    rings = positions[n_disc : len(positions) - rim.sum()].reshape(n_layers + 1, n_disc, 3)
    middle = rings[:, rim].mean(axis=1)[:, None]
    flat = middle + radius * (rings - middle)
    share = np.arange(n_layers + 1)[:, None, None] / n_layers
    body = flat + (1 - share) ** POWER * (cap - flat[0])
    origin = base.mean(axis=0)
    axes = roof_axes(base - origin, disc[rim], (middle[-1] - middle[0])[0])
    weights = membrane(cells.windows, template.edge)
    reach = np.hypot(*((body[-1, rim] - origin) @ axes[:2].T).T)
    edge = roof.edge(np.arctan2(*disc[rim].T[::-1]), reach)
    lid = origin + roof.lid(weights, disc, cells.windows, edge) @ axes
    risen = np.arange(1, template.collar_layers + 1)[:, None, None] / template.collar_layers
    collar = body[-1] + risen * (lid - body[-1])
    parts = [body.reshape(-1, 3), collar.reshape(-1, 3)]
    for ring, under in zip(roof.rings, cells.stub_nodes, strict=True):
        step = template.length(ring.name) / template.stub_layers * ring.normal @ axes
        parts += [lid[under] + k * step for k in range(1, template.stub_layers + 1)]
    return np.concatenate(parts)


__all__ = ["material_points", "nodes"]
