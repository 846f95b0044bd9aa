"""The wall at the R wave where the images of its motion show it.

A mesh from the cine lies where the cine's breath-holds were; what is tagged lies elsewhere by
millimetres, up to a third of the wall's thickness. Iterated closest points (Besl & McKay 1992,
IEEE Trans Pattern Anal Mach Intell 14:239-256) with the distance across the surface
(Chen & Medioni 1992, Image Vis Comput 10:145-155) and a smooth field for the step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from skimage import measure

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import triangle_shapes
from cardiotwin.imaging.affine import spacing
from cardiotwin.measurement.motion import Smoothness, node_basis
from cardiotwin.units import MM

MISPLACED = Smoothness(heights=4, turns=4, layers=1, largest=5 * MM, fall=2.0, shift=5 * MM)
ROUNDS = 8
FEWEST = 100  # points of borders
FARTHEST = 10 * MM  # of a border from its surface
TURNED = 5 * MM  # a normal the other way counts as far as twice this
CORNERS = np.array([(i, j) for j in range(5) for i in range(5 - j)]) / 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """A wall where images show it.

    Parameters
    ----------
    mesh
        The wall.
    coefficients, covariance
        Of the field that brought it there, m, with the direction running fastest.
    basis
        Of its nodes.
    """

    mesh: TetMesh
    coefficients: Float[np.ndarray, "terms 3"]
    covariance: Float[np.ndarray, "unknowns unknowns"]
    basis: Float[np.ndarray, "nodes terms"]

    def draws(self, count: int, rng: np.random.Generator) -> Float[np.ndarray, "draws nodes 3"]:
        """Return by how much the wall may lie elsewhere, as likely as this, m."""
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0))
        step = rng.standard_normal((count, len(values))) @ root.T
        return np.asarray(np.einsum("nk,dkc->dnc", self.basis, step.reshape(count, -1, 3)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Borders:
    """Points on the wall's border in images.

    Parameters
    ----------
    place
        In the world, m.
    normal
        In the image's plane, out of the wall.
    sd
        Across the border, m: a label says it to a pixel.
    """

    place: Float[np.ndarray, "n 3"]
    normal: Float[np.ndarray, "n 3"]
    sd: Float[np.ndarray, " n"]


def borders_of(wall: Bool[np.ndarray, "i j k"], affine: Float[np.ndarray, "4 4"]) -> Borders:
    """Return the borders of the wall's voxels, slice by slice, one point for each pixel's length.

    Borders of the images themselves are none of the wall.
    """
    steps = spacing(affine)[:2]
    find_contours: Any = measure.find_contours  # scikit-image's functions carry no types
    places, normals = [], []
    for k in range(wall.shape[2]):
        shown = np.pad(wall[..., k].astype(float), 1, mode="edge")
        slopes = np.stack(np.gradient(gaussian_filter(shown, 1.0), *steps), axis=-1)
        for curve in find_contours(shown, 0.5):
            length = np.linalg.norm(np.diff(curve * steps, axis=0), axis=1)
            along = np.concatenate([[0], np.cumsum(length)])
            count = max(int(along[-1] / steps.mean()), 1)
            at = (np.arange(count) + 0.5) * along[-1] / count
            pixel = np.stack([np.interp(at, along, curve[:, axis]) for axis in range(2)], axis=1)
            near = np.rint(pixel).astype(int)
            places.append(np.column_stack([pixel - 1, np.full(count, k)]))
            normals.append(-slopes[near[:, 0], near[:, 1]])
    place, flat = (
        np.concatenate(places or [np.zeros((0, 3))]),
        np.concatenate(normals or [np.zeros((0, 2))]),
    )
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    return Borders(
        place=place @ affine[:3, :3].T + affine[:3, 3],
        normal=flat @ axes[:, :2].T,
        sd=np.full(len(place), steps.mean() / np.sqrt(12)),
    )


def placed(
    mesh: TetMesh, borders: Sequence[Borders], smoothness: Smoothness = MISPLACED
) -> Placed:
    """Return the wall moved and bent to its borders in images of the R wave.

    Raises
    ------
    InputError
        If too few of the borders are near the wall's surfaces.
    """
    place, normal, sd = (
        np.concatenate([getattr(one, name) for one in borders])
        for name in ("place", "normal", "sd")
    )
    spread = np.repeat(smoothness.spread(), 3)
    basis = node_basis(mesh, smoothness)
    facets = np.concatenate(list(mesh.facets.values()))
    shapes, slopes = triangle_shapes(CORNERS)
    terms = np.einsum("qn,fnk->fqk", shapes, basis[facets]).reshape(-1, basis.shape[1])
    field = np.zeros((basis.shape[1], 3))
    covariance = np.diag(spread**2)
    for _ in range(ROUNDS):
        nodes = (mesh.points + basis @ field)[facets]
        at = np.einsum("qn,fni->fqi", shapes, nodes).reshape(-1, 3)
        first, second = np.moveaxis(np.einsum("qnk,fni->kfqi", slopes, nodes), 0, 0)
        out = np.cross(first, second).reshape(-1, 3)
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        far, near = cKDTree(np.hstack([at, TURNED * out])).query(
            np.hstack([place, TURNED * normal])
        )
        kept = far < FARTHEST
        if kept.sum() < FEWEST:
            msg = (
                f"Only {int(kept.sum())} of {len(place)} points of the wall's border in images "
                "are near its surfaces. Give images of the same heart, and their affine."
            )
            raise InputError(msg)
        across = out[near[kept]]
        rows = np.einsum("nk,nc->nkc", terms[near[kept]], across).reshape(len(across), -1)
        left = np.einsum("nc,nc->n", place[kept] - at[near[kept]], across) + rows @ field.ravel()
        weight = 1 / sd[kept] ** 2
        covariance, mean = _solved(rows, left, weight, spread)
        missed = float(np.mean(weight * (left - rows @ mean) ** 2))
        covariance, mean = _solved(rows, left, weight / max(missed, 1.0), spread)
        field = mean.reshape(field.shape)
    return Placed(
        mesh=replace(mesh, points=mesh.points + basis @ field),
        coefficients=field,
        covariance=covariance,
        basis=basis,
    )


def _solved(
    rows: Float[np.ndarray, "n unknowns"],
    left: Float[np.ndarray, " n"],
    weight: Float[np.ndarray, " n"],
    spread: Float[np.ndarray, " unknowns"],
) -> tuple[Float[np.ndarray, "unknowns unknowns"], Float[np.ndarray, " unknowns"]]:
    covariance = np.linalg.inv(rows.T @ (weight[:, None] * rows) + np.diag(spread**-2))
    return covariance, covariance @ (rows.T @ (weight * left))


__all__ = ["MISPLACED", "Borders", "Placed", "borders_of", "placed"]
