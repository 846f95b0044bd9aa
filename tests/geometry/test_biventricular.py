"""Both ventricles from an examination: on drawn ellipsoids, and on hearts of people."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from cardiotwin.errors import InputError
from cardiotwin.geometry import fit_anatomy, quality
from cardiotwin.geometry.biventricular import (
    Bayer,
    BiventricularOptions,
    Doste,
    fit_biventricle,
)
from cardiotwin.geometry.biventricular.border import left_epicardium
from cardiotwin.geometry.biventricular.fit import OF_THE_LEFT_MESH
from cardiotwin.geometry.biventricular.flags import second_regions
from cardiotwin.geometry.biventricular.grid import Grid, Level, redistanced
from cardiotwin.geometry.biventricular.part import left_part, left_ventricle
from cardiotwin.geometry.closure import closure_of
from cardiotwin.geometry.sections import distances, fine_triangles
from cardiotwin.geometry.shapes import CENTROID
from cardiotwin.geometry.template import Template
from cardiotwin.geometry.volumes import (
    area_vector,
    cone_volume,
    facet_rule,
    rim_nodes,
    wall_volume,
)
from cardiotwin.imaging import read_examination, trace_labels
from cardiotwin.imaging.curves import polygon_area
from cardiotwin.imaging.examination import Phase, Structure, Tissue
from cardiotwin.measurement import read_image
from cardiotwin.measurement.material import annulus_descent, cavity_length
from cardiotwin.units import ML, MM

from .ellipsoids import ANTERIOR, AXIS, CENTRE, SEPTAL, Drawing, Ellipsoid, draw, examine, moved

HEART = Ellipsoid(inner=(16e-3, 44e-3), outer=(22e-3, 50e-3), base=14e-3)
DRAWN = draw(HEART, Drawing(spacing=6e-3, rv_above=0.3))
HEARTS = (*(f"autofd/{name}/seg_sa_ED.nii.gz" for name in "ABCD"), "patient1/guidepoints")


@cache
def fitted():
    return fit_biventricle(examine(DRAWN), BiventricularOptions(edge=7 * MM))


def one_wall(mesh):
    """Assert that the named facets close one wall, curved, with positive cells."""
    assert set(mesh.facets) == {"lv_endocardium", "rv_endocardium", "epicardium", "base"}
    facets = np.concatenate(list(mesh.facets.values()))
    assert quality(mesh.points, mesh).inverted == 0
    assert np.degrees(quality(mesh.points, mesh).dihedral_min) >= 9
    edges = np.sort(facets[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert set(np.unique(edges, axis=0, return_counts=True)[1]) == {2}
    n_edges = len(edges) // 2
    assert len(np.unique(facets[:, :3])) - n_edges + len(facets) == 2
    assert np.linalg.norm(area_vector(mesh.points, facets)) < 1e-12
    rims = [rim_nodes(mesh, name) for name in ("lv_endocardium", "rv_endocardium", "epicardium")]
    assert all(len(rim) > 6 for rim in rims)
    assert len(np.unique(np.concatenate(rims))) == sum(map(len, rims))
    middle = mesh.points.mean(axis=0)
    assert cone_volume(mesh.points, facets, middle) > 0  # outward


def test_a_drawn_heart_comes_back_with_its_volumes_and_one_closed_wall():
    anatomy = fitted()
    one_wall(anatomy.mesh)
    left, right = anatomy.fits[Phase.END_DIASTOLE], anatomy.right
    assert left.cavity_volume == pytest.approx(HEART.cavity, rel=0.015)
    assert left.wall_volume == pytest.approx(HEART.wall, rel=0.06)
    assert left.model_cavity == pytest.approx(left.measured_cavity, rel=0.01)
    assert left.model_wall == pytest.approx(left.measured_wall, rel=0.05)
    assert min(left.dice_cavity, left.dice_wall) > 0.9
    assert right.model == pytest.approx(right.measured, rel=0.02)
    assert right.cavity_volume == pytest.approx(right.measured, rel=0.06)  # none beyond its slices
    whole = wall_volume(anatomy.mesh.points, anatomy.mesh)
    assert left.wall_volume + right.wall_volume == pytest.approx(whole, rel=1e-9)
    assert "rv_volume_beyond_slices" not in [flag.name for flag in anatomy.flags]
    rings = list(DRAWN.of(Structure.RV_ENDOCARDIUM))[:-1]
    heights = [(curve.points.mean(axis=0) - CENTRE) @ AXIS for curve in rings]
    radii = HEART.radius(HEART.outer, np.array(heights))
    sector = np.deg2rad(120) / 2 * ((radii + 30e-3) ** 2 - radii**2)
    assert right.measured == pytest.approx(sector.sum() * 6e-3, rel=0.06)


def test_the_rv_wall_is_as_thick_as_asked_and_its_surfaces_are_where_they_were_drawn():
    mesh = fitted().mesh
    outer = fine_triangles(mesh.points, mesh, "epicardium")
    inner = np.unique(mesh.facets["rv_endocardium"])
    apart = distances(outer, mesh.points[inner])
    free = apart < 6 * MM  # the septum's side is far from the epicardium
    assert np.quantile(apart[free], 0.05) > 2.4 * MM
    assert np.median(apart[free]) == pytest.approx(3 * MM, abs=0.3 * MM)
    lv = fine_triangles(mesh.points, mesh, "lv_endocardium")
    drawn = np.concatenate([c.points for c in DRAWN.of(Structure.LV_ENDOCARDIUM)])
    assert np.quantile(distances(lv, drawn), 0.9) < 0.5 * MM


def test_every_cell_has_its_ventricle_and_every_node_its_place():
    mesh = fitted().mesh
    assert all(np.isfinite(field).all() for field in mesh.point_fields.values())
    for name in ("apicobasal", "transmural", "transventricular"):
        field = mesh.point_fields[name]
        assert (field.min(), field.max()) == (0, 1)
    assert np.all(mesh.point_fields["apicobasal"][mesh.facets["base"]] > 1 - 1e-9)
    assert np.all(mesh.point_fields["transmural"][mesh.facets["lv_endocardium"]] == 0)
    left = mesh.cell_fields["ventricle"] == 1
    assert set(mesh.cell_fields["aha_segment"][left]) == set(range(1, 18))
    assert set(mesh.cell_fields["aha_segment"][~left]) == {0}
    corners = mesh.points[mesh.cells[:, :4]]
    volumes = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / 6
    assert volumes[left].sum() == pytest.approx(HEART.wall, rel=0.06)
    middles = corners.mean(axis=1)[~left] - CENTRE
    beside = ANTERIOR + np.sqrt(3) * SEPTAL  # 60 degrees: the RV lies from 0 to 120
    assert np.mean(middles @ beside > 0) > 0.99


def test_the_left_ventricles_border_is_closed_and_lies_where_its_wall_was_drawn():
    mesh = fitted().mesh
    triangles = left_epicardium(mesh.points, mesh)
    vertices = triangles.reshape(-1, 3)
    _, first, corners = np.unique(
        np.round(vertices / (1e-3 * MM)), axis=0, return_index=True, return_inverse=True
    )
    places, corners = vertices[first], corners.reshape(-1, 3)
    corners = corners[(np.diff(np.sort(corners, axis=1), axis=1) > 0).all(axis=1)]
    edges = np.sort(corners[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, count = np.unique(edges, axis=0, return_counts=True)
    assert count.max() == 2
    heights = (places - CENTRE) @ AXIS
    assert heights[edges[count == 1]].min() > HEART.base - 0.2 * MM  # it is open at the base alone
    lower, upper = -0.7 * HEART.outer[1], HEART.base - 1 * MM
    within = (heights > lower) & (heights < upper)
    radii = np.linalg.norm(np.cross(places - CENTRE, AXIS), axis=1)
    off = (radii - HEART.radius(HEART.outer, heights))[within]
    assert np.quantile(np.abs(off), 0.95) < 0.7 * MM
    of_cells = fine_triangles(mesh.points, left_part(mesh), "epicardium")
    saw = left_epicardium(mesh.points, replace(mesh, point_fields={}))
    np.testing.assert_array_equal(saw, of_cells)  # of a file that has no depths


def test_each_cavitys_lid_hangs_on_its_own_ring():
    mesh = fitted().mesh
    facets = mesh.facets["base"]
    base = np.unique(facets)
    shapes = facet_rule(mesh.points, facets)[0]
    for name in ("lv", "rv"):
        closure = closure_of(mesh, f"{name}_endocardium")
        assert (closure.share[facets] @ shapes.T).min() > -0.05
        rim = mesh.points[rim_nodes(mesh, f"{name}_endocardium")]
        far = cKDTree(rim).query(mesh.points[base])[0] > 10 * MM
        assert np.abs(closure.tip[base][far]).sum() < 0.03
        apart = closure.middle(mesh.points) - rim.mean(axis=0)
        assert np.linalg.norm(apart) < 0.2 * np.linalg.norm(rim - rim.mean(axis=0), axis=1).mean()


def test_the_base_is_one_plane_across_the_axis():
    anatomy = fitted()
    base = anatomy.mesh.points[np.unique(anatomy.mesh.facets["base"])]
    heights = (base - anatomy.frame.origin) @ anatomy.frame.long_axis
    assert np.ptp(heights) < 1e-9
    assert (base.mean(axis=0) - CENTRE) @ AXIS == pytest.approx(HEART.base, abs=0.1 * MM)


def test_fixed_planes_read_the_left_ventricle_where_the_right_ones_wall_goes_on():
    # The base comes down and the wall narrows: rays from the LV's middle pass the corners where
    # the RV's wall begins, and must end at the LV's own side of it.
    anatomy = fitted()
    frame, points = anatomy.frame, anatomy.mesh.points - anatomy.frame.origin
    along = points @ frame.long_axis
    across = points - along[:, None] * frame.long_axis
    frames = [
        frame.origin
        + (along + 0.16 * share * (along.min() - along))[:, None] * frame.long_axis
        + (1 - 0.15 * share) * across
        for share in np.linspace(0.2, 1, 5)
    ]
    strain = read_image(anatomy.mesh, np.stack(frames)).circumferential
    assert (strain < 0).all()
    assert (np.diff(strain, axis=0) < 0.005).all()
    inside, middle, outside = np.moveaxis(strain, 2, 0)
    between = np.abs(middle - (inside + outside) / 2) - np.abs(inside - outside) / 2
    assert between.max() < 0.01
    alone = left_ventricle(anatomy.mesh)
    for read in (annulus_descent, cavity_length):
        np.testing.assert_array_equal(
            read(anatomy.mesh, np.stack(frames)), read(alone, np.stack(frames))
        )


def test_a_heart_that_lies_elsewhere_is_the_same_heart():
    rotation = Rotation.from_rotvec([0.3, -0.2, 0.25]).as_matrix()
    elsewhere = moved(DRAWN, rotation, np.array([0.03, 0.01, -0.05]))
    there = fit_biventricle(examine(elsewhere), BiventricularOptions(edge=7 * MM))
    for name in ("cavity_volume", "wall_volume"):
        for found, again in zip(both(fitted()), both(there), strict=True):
            # The lattice lies otherwise: in the thin RV wall that counts most.
            assert getattr(again, name) == pytest.approx(getattr(found, name), rel=0.02)


def test_a_later_phase_and_a_drawn_epicardium_are_told():
    later = draw(HEART, Drawing(spacing=6e-3, rv_above=0.3), Phase.END_SYSTOLE)
    outside = [
        replace(curve, structure=Structure.RV_EPICARDIUM, points=curve.points + 5 * MM * SEPTAL)
        for curve in DRAWN.of(Structure.RV_ENDOCARDIUM)
    ]
    drawn = replace(DRAWN, curves=(*DRAWN.curves, *outside))
    anatomy = fit_biventricle(examine(drawn, later), BiventricularOptions(edge=7 * MM))
    told = {flag.name: flag.sentence for flag in anatomy.flags}
    assert set(anatomy.points) == {Phase.END_DIASTOLE}
    assert anatomy.fits[Phase.END_SYSTOLE].cavity_volume == pytest.approx(HEART.cavity, rel=0.02)
    assert "cavity at end-systole" in told["later_phases_left_only"]
    assert "is built 3.0 mm thick" in told["rv_epicardium_not_followed"]


def test_a_second_region_of_the_cavity_is_told_where_it_lies_and_a_patch_of_noise_is_not():
    first = next(
        one
        for one in DRAWN.of(Structure.RV_ENDOCARDIUM)
        if polygon_area(one.points) > 200e-6  # m^2
    )
    middle = first.points.mean(axis=0)
    told = []
    for share in (0.2, 0.01):  # of its area
        small = middle + 60 * MM * SEPTAL + share**0.5 * (first.points - middle)
        drawn = replace(DRAWN, curves=(*DRAWN.curves, replace(first, points=small)))
        told.append(second_regions(drawn))
    ((flag,), none) = told
    assert f"in slice(s) {first.slice_id}: the largest" in flag.sentence
    assert none == ()


def both(anatomy):
    return anatomy.fits[Phase.END_DIASTOLE], anatomy.right


def test_without_a_right_ventricle_there_is_nothing_to_mesh():
    contours = draw(HEART, Drawing(spacing=6e-3, rv=False))
    with pytest.raises(InputError, match=r"right ventricle's cavity in at least 3 .* found 0"):
        fit_biventricle(examine(contours))


def test_an_rv_drawn_over_the_lv_is_refused_with_both_volumes():
    def over(curve):
        if curve.structure is not Structure.RV_ENDOCARDIUM:
            return curve
        rv = curve.points
        middle = HEART.centre_line(0.0) + ((rv.mean(axis=0) - CENTRE) @ AXIS) * AXIS
        return replace(curve, points=middle + (rv - rv.mean(axis=0)) * 0.6)

    contours = replace(DRAWN, curves=tuple(map(over, DRAWN.curves)))
    words = r"right ventricle's cavity does not come out as drawn, found 3 mL .* and 43 mL"
    with pytest.raises(InputError, match=words):
        fit_biventricle(examine(contours), BiventricularOptions(edge=None))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rv_wall": 3.0}, r"rv_wall must lie between 0\.002 and 0\.012 m, found 3"),
        ({"rv_wall": 1 * MM}, r"rv_wall must lie between .* found 0\.001"),
        ({"edge": 2 * MM}, r"edge must lie between 0\.0021 and .* found 0\.002"),
        ({"edge": 30 * MM}, r"edge must lie between 0\.0021 and 0\.015 m, found 0\.03"),
    ],
)
def test_options_no_heart_has_are_refused_by_name(changed, words):
    with pytest.raises(InputError, match=words):
        BiventricularOptions(**changed)


def test_distances_are_restored_from_any_function_with_the_same_zero():
    grid = Grid(low=np.full(3, -20 * MM), shape=(33, 33, 33))
    radius = np.linalg.norm(grid.points, axis=1).reshape(grid.shape)
    level = Level(grid=grid, values=(12 * MM) ** 2 - radius**2)
    found = redistanced(replace(level, values=level.values / (12 * MM)))
    near = np.abs(radius - 12 * MM) < 6 * MM
    assert np.abs(found.values - (12 * MM - radius))[near].max() < 0.15 * MM


@cache
def real(path):
    return read_examination(path)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("name", HEARTS)
def test_hearts_of_people_come_out_as_drawn(real_data, name):
    anatomy = fit_biventricle(real(real_data / "cine" / name))
    one_wall(anatomy.mesh)
    left, right = both(anatomy)
    assert left.model_cavity == pytest.approx(left.measured_cavity, rel=0.01)
    assert right.model == pytest.approx(right.measured, rel=0.02)
    n_dofs = 3 * len(anatomy.mesh.points)
    assert 25_000 < n_dofs < 100_000
    alone = fit_anatomy(real(real_data / "cine" / name), Template(rings=4))
    told = [flag.name for flag in alone.flags if flag.name not in OF_THE_LEFT_MESH]
    assert [flag.name for flag in anatomy.flags][: len(told)] == told
    names = [flag.name for flag in anatomy.flags]
    assert ("rv_volume_beyond_slices" in names) == name.startswith("patient1")
    assert ("rv_basal_slices_left_out" in names) == name.startswith("autofd")
    rv = np.concatenate(
        [c.points for c in anatomy.contours[Phase.END_DIASTOLE].of(Structure.RV_ENDOCARDIUM)]
    )
    below = (rv - anatomy.frame.origin) @ anatomy.frame.long_axis < 0
    surface = fine_triangles(anatomy.mesh.points, anatomy.mesh, "rv_endocardium")
    assert np.median(distances(surface, rv[below])) < 1 * MM
    for rule in (Bayer(), Doste()):
        whole_and_orthonormal(rule, anatomy.mesh)


def whole_and_orthonormal(rule, mesh):
    """Assert that fibres are defined everywhere and turn at once nearly nowhere."""
    frames = np.stack([axis[:, 0] for axis in rule.axes(mesh, CENTROID)], axis=-1)
    assert np.isfinite(frames).all()
    np.testing.assert_allclose(
        np.swapaxes(frames, 1, 2) @ frames, np.broadcast_to(np.eye(3), frames.shape), atol=1e-12
    )
    first, second = neighbours(mesh.cells[:, :4])
    along = np.abs(np.einsum("ni,ni->n", frames[first, :, 0], frames[second, :, 0]))
    apart = np.degrees(np.arccos(np.clip(along, 0, 1)))
    assert np.median(apart) < 30
    assert np.mean(apart > 60) < 0.01


def neighbours(cells):
    """Return pairs of cells that share a face."""
    faces = np.sort(cells[:, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]].reshape(-1, 3), axis=1)
    order = np.lexsort(faces.T)
    same = np.flatnonzero((np.diff(faces[order], axis=0) == 0).all(axis=1))
    return order[same] // 4, order[same + 1] // 4


@pytest.mark.real_data
@pytest.mark.slow
def test_noise_gaps_and_papillary_holes_leave_a_sound_heart(real_data):
    whole = real(real_data / "cine/autofd/C/seg_sa_ED.nii.gz")
    labels = whole.labels[Phase.END_DIASTOLE]
    rng = np.random.default_rng(3)
    array = labels.array.copy()
    array[:, :, 8] = 0
    for k in (6, 7, 9, 10):
        cavity = np.argwhere(np.isin(array[:, :, k], (Tissue.LV_CAVITY, Tissue.RV_CAVITY)))
        for i, j in cavity[rng.integers(0, len(cavity), 4)]:
            array[i - 1 : i + 2, j - 1 : j + 2, k] = Tissue.MYOCARDIUM
        array[:, :, k] = np.roll(array[:, :, k], tuple(rng.integers(-2, 3, 2)), (0, 1))
    torn = replace(labels, array=array)
    contours = {Phase.END_DIASTOLE: trace_labels(torn, Phase.END_DIASTOLE)}
    anatomy = fit_biventricle(replace(whole, contours=contours, labels={Phase.END_DIASTOLE: torn}))
    one_wall(anatomy.mesh)
    assert "missing_middle_slices" in [flag.name for flag in anatomy.flags]
    assert both(anatomy)[0].cavity_volume / ML == pytest.approx(157, rel=0.05)
