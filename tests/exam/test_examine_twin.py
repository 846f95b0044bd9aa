"""A twin in closed form, scanned again with a whole beat beside it."""

import json

import h5py
import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.exam import Scan
from cardiotwin.exam.cine_protocol import CineProtocol
from cardiotwin.exam.course import isovolumic
from cardiotwin.exam.equilibria import loop_place, over_time
from cardiotwin.exam.examine_twin import examine_twin
from cardiotwin.exam.patient import place_of
from cardiotwin.exam.twin_heart import twin_in_scanner
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.imaging import Phase, read_examination
from cardiotwin.imaging.check import volumes
from cardiotwin.imaging.nifti import read_image
from cardiotwin.imaging.raw import read_raw
from cardiotwin.twin import save_twin
from cardiotwin.twin.beating import RESTING_RATE
from cardiotwin.twin.vtk_view import write_view

SCAN = Scan(pixel=2.8e-3, matrix=(104, 88), n_slices=8, slice_distance=13e-3, slice_thickness=8e-3)
PROTOCOL = CineProtocol(n_phases=5, n_coils=4, acceleration=2, long_axis=True)
PERIOD = 1 / RESTING_RATE


def no_wall(_):
    """Fail: a beat that is kept needs no mechanics."""
    raise AssertionError


def contracted(twin, share):
    state = twin.states["end_systole"]
    return twin.mesh.points + share * state.displacement


@pytest.fixture(scope="module")
def twin(hearts):
    return hearts.heart_twin()


@pytest.fixture(scope="module")
def run(twin, tmp_path_factory):
    """Return a run folder whose whole beat is a raised cosine between its two states."""
    folder = tmp_path_factory.mktemp("run")
    save_twin(twin, folder)
    times = PERIOD * np.arange(24) / 24
    share = 0.5 * (1 - np.cos(2 * np.pi * times / PERIOD))
    moved = share[:, None, None] * twin.states["end_systole"].displacement
    with h5py.File(folder / "beat.vtkhdf", "w") as file:
        write_view(
            file.create_group("VTKHDF"),
            twin.mesh,
            points={},
            cells={},
            times=times,
            moving_points={"displacement": moved.reshape(-1, 3)},
            moving_cells={},
        )
    return folder


@pytest.fixture(scope="module")
def examined(run, tmp_path_factory):
    place = tmp_path_factory.mktemp("examined") / "subject"
    return examine_twin(run, no_wall, PROTOCOL, place, scan=SCAN, seed=1)


def test_the_frames_are_those_of_the_whole_beat(run, twin):
    heart = twin_in_scanner(run, no_wall, SCAN, 7).heart
    share = 0.5 * (1 - np.cos(2 * np.pi * np.arange(7) / 7))
    for points, part in zip(heart.points, share, strict=True):
        np.testing.assert_allclose(points, contracted(twin, part), atol=2e-6)
    assert heart.end_systole_time == pytest.approx(PERIOD / 2, abs=PERIOD / 200)


def test_the_beat_round_a_folder_called_twin_is_its_own(run, twin, tmp_path):
    save_twin(twin, tmp_path / "twin")
    (tmp_path / "beat.vtkhdf").write_bytes((run / "beat.vtkhdf").read_bytes())
    found = twin_in_scanner(tmp_path / "twin", no_wall, SCAN, 4)
    assert found.truth["beat_source"] == "beat.vtkhdf"


@pytest.mark.slow
def test_a_scanned_twin_is_read_like_anybody(examined, twin):
    found = read_examination(examined)
    truth = json.loads((examined / "truth.json").read_text())
    model = truth["geometry"]["model"]
    first, last = (cavity_volume(contracted(twin, part), twin.mesh) * 1e6 for part in (0, 1))
    assert model["edv_ml"] == pytest.approx(first)
    assert model["esv_ml"] == pytest.approx(last, rel=1e-3)
    assert volumes(found, Phase.END_DIASTOLE)[0] * 1e6 == pytest.approx(first, rel=0.2)
    assert truth["parameters"]["contractility"] == {
        "value": pytest.approx(62),
        "sd": 0.0,
        "unit": "kPa",
        "prior": "known: the twin that was scanned",
    }
    assert found.subject.end_systolic_pressure[0] == pytest.approx(108 * 133.322, rel=1e-4)


@pytest.mark.slow
def test_the_blood_keeps_its_value_whatever_is_bright_near_the_coils(examined):
    found = read_examination(examined)
    pool = found.labels[Phase.END_DIASTOLE].array == 3
    image = found.images[0].array[..., 0]
    assert image[pool].mean() == pytest.approx(400, rel=0.01)
    assert image.max() <= 4095


@pytest.mark.slow
def test_long_axis_views_cut_the_ventricle_from_base_to_apex(examined, twin):
    for view in ("2ch", "3ch", "4ch"):
        image = read_image(examined / "cine" / f"la_{view}.nii.gz")
        assert image.array.shape == (104, 88, 1, 5)
        up = image.affine[:3, 1] / np.linalg.norm(image.affine[:3, 1])
        np.testing.assert_allclose(up, [0, 0, 1], atol=1e-3)  # the ellipsoid's axis
        points = twin.mesh.points[twin.mesh.facets["lv_endocardium"].ravel()]
        index = (points - image.affine[:3, 3]) @ np.linalg.inv(image.affine[:3, :3]).T
        near = np.abs(index[:, 2]) < 0.3
        assert np.ptp(index[near, 1]) * np.linalg.norm(image.affine[:3, 1]) > 0.07
        middle = np.rint(index[:, :2].mean(axis=0)).astype(int)
        assert image.array[middle[0], middle[1], 0, 0] == pytest.approx(400, rel=0.35)  # blood
        scan, flags = read_raw(examined / "raw" / f"cine_la_{view}.h5")
        assert len(scan.affines) == 1
        assert flags == ()


def test_the_beat_of_another_mesh_is_refused(run, twin, hearts, tmp_path):
    save_twin(hearts.heart_twin(hearts.Template(rings=3, layers=1)), tmp_path)
    (tmp_path / "beat.vtkhdf").write_bytes((run / "beat.vtkhdf").read_bytes())
    with pytest.raises(InputError, match=f"found {len(twin.mesh.points)} nodes up to"):
        twin_in_scanner(tmp_path, no_wall, SCAN, 5)


def test_a_file_that_is_no_beat_is_refused(twin, tmp_path):
    save_twin(twin, tmp_path)
    (tmp_path / "beat.vtkhdf").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"beat\.vtkhdf is no whole beat, found OSError"):
        twin_in_scanner(tmp_path, no_wall, SCAN, 5)


def test_a_twin_that_does_not_beat_is_refused(hearts, tmp_path):
    save_twin(hearts.heart_twin(end_systole=False), tmp_path)
    with pytest.raises(InputError, match="holds a twin of end-diastole alone"):
        twin_in_scanner(tmp_path, no_wall, SCAN, 5)


def test_the_axes_of_a_place_point_to_the_septum_and_to_the_base(twin):
    axes = place_of(twin.mesh).axes
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)
    septum = np.pi / 3  # from the anterior insertion, at angle 0 about the ellipsoid's axis
    np.testing.assert_allclose(axes[:, 0], [np.cos(septum), np.sin(septum), 0], atol=0.03)
    np.testing.assert_allclose(axes[:, 2], [0, 0, 1], atol=1e-6)


def test_the_loop_is_at_its_corners_when_valves_open_and_close():
    when = {"period": 0.9, "end_systole_time": 0.33}
    shut, opening = isovolumic(**when)
    times = np.array([0.0, shut, 0.33, opening, 0.9 - 1e-9])
    np.testing.assert_allclose(loop_place(times, 6, **when), [0, 1, 7, 8, 14], atol=1e-6)


def test_states_between_are_on_the_straight_way():
    when = {"period": 0.9, "end_systole_time": 0.33}
    way = np.arange(15.0)[:, None, None] * np.ones((1, 4, 3))
    times = np.linspace(0, 0.899, 40)
    found = over_time(way, times, **when)[:, 0, 0]
    np.testing.assert_allclose(found, loop_place(times, 6, **when), atol=1e-12)
