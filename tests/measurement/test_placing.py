"""A wall brought to where images show it: ellipsoids in closed form, moved."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry.template import Template
from cardiotwin.measurement.placing import borders_of, placed

PIXEL, THICK = 1.4e-3, 8e-3
MOVED = np.array([2.5e-3, -2e-3, 1.5e-3])


@pytest.fixture(scope="module")
def mesh(hearts):
    return hearts.heart_mesh(Template(rings=6, layers=1))


def ellipsoid(place, radius, length):
    return (np.hypot(place[..., 0], place[..., 1]) / radius) ** 2 + (place[..., 2] / length) ** 2


def labelled(mesh, axes, slices):
    """Return the voxels of the wall in a series along the columns of `axes`, and the affine."""
    affine = np.eye(4)
    affine[:3, :3] = axes * [PIXEL, PIXEL, THICK]
    local = mesh.points @ axes
    low, size = local.min(axis=0) - 6e-3, np.ptp(local, axis=0) + 12e-3
    shape = [*np.ceil(size[:2] / PIXEL).astype(int), slices]
    low[2] = local[:, 2].mean() - 0.5 * (slices - 1) * THICK
    affine[:3, 3] = axes @ low
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    place = index @ affine[:3, :3].T + affine[:3, 3]
    inside = (ellipsoid(place, 25e-3, 62e-3) > 1) & (ellipsoid(place, 34e-3, 71e-3) < 1)
    return inside & (place[..., 2] < mesh.points[:, 2].max()), affine


@pytest.fixture(scope="module")
def borders(mesh):
    columns = (((1, 0, 0), (0, 1, 0), (0, 0, 1)), ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
               ((0, 1, 0), (0, 0, 1), (1, 0, 0)))  # fmt: skip
    counts = 5, 1, 1
    views = [np.array(one, dtype=float).T for one in columns]
    return [
        borders_of(*labelled(mesh, axes, count)) for axes, count in zip(views, counts, strict=True)
    ]


def test_normals_point_out_of_the_wall(borders):
    place, normal = borders[0].place, borders[0].normal
    outer = ellipsoid(place, 29.5e-3, 66.5e-3) > 1
    outwards = np.einsum("ni,ni->n", normal[:, :2], place[:, :2]) > 0
    assert np.mean(outwards == outer) > 0.98


def test_a_wall_that_lies_elsewhere_is_brought_back_within_its_error(mesh, borders):
    away = replace(mesh, points=mesh.points * [1.03, 0.97, 1.0] + MOVED)
    found = placed(away, borders)
    inner, outer = (np.unique(mesh.facets[name]) for name in ("lv_endocardium", "epicardium"))
    for nodes, radius, length in ((inner, 25e-3, 62e-3), (outer, 34e-3, 71e-3)):
        seen = nodes[np.abs(mesh.points[nodes, 2] - mesh.points[:, 2].mean()) < 20e-3]
        size = np.sqrt(ellipsoid(found.mesh.points[seen], radius, length)) - 1
        before = np.sqrt(ellipsoid(away.points[seen], radius, length)) - 1
        off, was = (radius * np.sqrt(np.mean(one**2)) for one in (size, before))
        assert off < 0.4e-3
        assert was > 2e-3
        across = mesh.points[seen, :2]
        across = across / np.linalg.norm(across, axis=1, keepdims=True)
        draws = found.draws(200, np.random.default_rng(0))[:, seen, :2]
        spread = np.einsum("dni,ni->dn", draws, across).std(axis=0)
        assert off < 3 * np.sqrt(np.mean(spread**2))
        assert np.median(spread) < 0.3e-3


def test_images_of_another_place_are_refused(mesh, borders):
    away = replace(mesh, points=mesh.points + 1.0)
    with pytest.raises(InputError, match=r"Only 0 of \d+ points of the wall's border"):
        placed(away, borders)
