"""Where a cavity's nodes are, from the endocardium: by a formula linear in it, below the lid."""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.cavity.roof import roof_axes, roof_shape
from cardiotwin.geometry.cavity.template import CavityCells, CavityTemplate

POWER = 4  # of the height, with which the cap fades into the discs

Material = Float[np.ndarray, "nodes 2"]


def material_points(template: CavityTemplate, cells: CavityCells) -> Material:
    """Return (u, angle) of every point of the endocardium that `nodes` needs, ring by ring.

    First the cap's nodes, then those of the rings through every node of the disc's rim angle.
    """
    radius, angle = np.hypot(*cells.disc.points.T), np.arctan2(*cells.disc.points.T[::-1])
    cap = np.stack([template.cap * radius, angle], axis=1)
    share = np.arange(template.layers + 1) / template.layers
    u = template.cap + (1 - template.cap) * share
    rings = np.stack([np.repeat(u, len(angle)), np.tile(angle, len(u))], axis=1)
    return np.concatenate([cap, rings])


def nodes(
    template: CavityTemplate,
    cells: CavityCells,
    positions: Float[np.ndarray, "points 3"],
    lid_radius: float,
) -> Float[np.ndarray, "nodes 3"]:
    """Return where the cavity's nodes are, m, from the endocardium at `material_points`.

    Parameters
    ----------
    template, cells
        How it is cut.
    positions
        Of the endocardium's points, m.
    lid_radius
        Radius of the lid's disc, m.
    """
    n_disc, n_layers = len(cells.disc.points), template.layers
    radius = np.hypot(*cells.disc.points.T)[:, None]
    cap, rings = positions[:n_disc], positions[n_disc:].reshape(n_layers + 1, n_disc, 3)
    rim = np.isclose(radius[:, 0], 1)  # evenly spaced, so their mean is the ring's
    middle = rings[:, rim].mean(axis=1)[:, None]
    flat = middle + radius * (rings - middle)
    share = np.arange(n_layers + 1)[:, None, None] / n_layers
    body = flat + (1 - share) ** POWER * (cap - flat[0])
    upwards = (middle[-1] - middle[0])[0]
    spokes = body[-1, rim] - middle[-1]
    *across, normal = roof_axes(spokes, cells.disc.points[rim], upwards)
    flat_lid, fall = roof_shape(cells.windows, cells.disc.points)
    lid = middle[-1] + lid_radius * flat_lid @ np.array(across)
    lid += (template.collar_length - lid_radius * fall)[:, None] * normal
    risen = np.arange(1, template.collar_layers + 1)[:, None, None] / template.collar_layers
    collar = body[-1] + risen * (lid - body[-1])
    parts = [body.reshape(-1, 3), collar.reshape(-1, 3)]
    for window, under in zip(cells.windows, cells.stub_nodes, strict=True):
        step = template.length(window.name) / template.stub_layers
        parts += [lid[under] + k * step * normal for k in range(1, template.stub_layers + 1)]
    return np.concatenate(parts)


__all__ = ["material_points", "nodes"]
