"""The pictures and the page of whole, passive and bare twins."""

import base64
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import imageio_ffmpeg
import matplotlib.image as mpl_image
import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.examination import Phase
from cardiotwin.twin import Estimate
from cardiotwin.units import MMHG
from cardiotwin.viz import scene, theme, write_pictures
from cardiotwin.viz.fibres import follow_fibres, helix_angles
from cardiotwin.viz.layers import Camera, Layer
from cardiotwin.viz.page import report_page
from cardiotwin.viz.parameters import draw_parameters
from cardiotwin.viz.pressure_volume import draw_pressure_volume, klotz_curve, smooth
from cardiotwin.viz.software import draw_layers

ED, ES = Phase.END_DIASTOLE, Phase.END_SYSTOLE


def contours_of(hearts, twin):
    shapes = {ED: hearts.END_DIASTOLE, ES: hearts.END_SYSTOLE}
    return {phase: hearts.drawn_contours(shapes[phase], phase) for phase in twin.measured_points}


class Page(HTMLParser):
    """Counts tags, their balance and what they point to."""

    def __init__(self, text):
        super().__init__()
        self.open, self.sources, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)
        self.sources += [value for key, value in attributes if key in {"src", "href"}]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def whole(hearts, tmp_path_factory):
    twin, folder = hearts.heart_twin(), tmp_path_factory.mktemp("whole")
    return twin, write_pictures(twin, contours_of(hearts, twin), (), {}, folder)


@pytest.mark.slow
def test_a_whole_twin_has_every_picture_and_none_is_blank(whole):
    names = {path.name for path in whole[1]}
    assert names == {
        "slices.png",
        "slices_end_systole.png",
        "fibres.png",
        "strain.png",
        "segments.png",
        "function.png",
        "segments_strain.png",
        "views.png",
        "pressure_volume.png",
        "parameters.png",
        "beat.mp4",
        "report.html",
    }
    for path in whole[1]:
        if path.suffix == ".png":
            pixels = mpl_image.imread(path)[:, :, :3]
            assert pixels.std() > 0.03, path.name
            # Nothing touches the picture's edge: no title or label is cut off.
            rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
            assert np.all(rim == 1), path.name


@pytest.mark.slow
def test_the_film_goes_from_end_diastole_to_end_systole_and_back(whole):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(whole[1][-2])]
    raw = [*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    film = subprocess.run(raw, capture_output=True, check=True).stdout  # noqa: S603
    frames = np.frombuffer(film, np.uint8).reshape(-1, 640, 640, 3).astype(np.float32)
    assert len(frames) == 48
    changes = [np.abs(frame - frames[0]).mean() for frame in frames]
    assert changes[24] > 5 * max(changes[4], 0.5)
    assert changes[-1] < changes[24] / 4


@pytest.mark.slow
def test_the_page_needs_no_network_and_escapes_what_people_wrote(whole):
    twin, paths = whole
    text = paths[-1].read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert page.sources
    assert all(source.startswith("data:") for source in page.sources)
    assert not re.search(r"https?://", text)
    assert "<assumed>" not in text
    assert "120 mmHg &lt;assumed&gt; &amp; used" in text
    words = " ".join(page.words)
    assert words.index("Know this first") < words.index("The heart")
    for found in ("ejection fraction", "Klotz 2006", "62.0 ± 5.0", "0" * 64, "dolfinx", "61.2 s"):
        assert found in words
    first = base64.b64decode(page.sources[0].partition(",")[2])
    assert first == paths[0].read_bytes()
    assert twin.subject.identifier in words


def test_a_passive_twin_without_images_or_draws_has_what_it_allows_and_no_older_picture(
    hearts, tmp_path
):
    twin = hearts.heart_twin(end_systole=False, posterior=False)
    for name in ("beat.mp4", "slices_end_systole.png"):
        (tmp_path / name).write_bytes(b"of an earlier twin")
    paths = write_pictures(twin, contours_of(hearts, twin), (), {}, tmp_path)
    assert {path.name for path in paths} == {item.name for item in tmp_path.iterdir()}
    assert not {"beat.mp4", "slices_end_systole.png"} & {path.name for path in paths}
    text = paths[-1].read_text(encoding="utf-8")
    assert "passive twin" in text
    assert "end-systolic" not in text


def test_a_twin_of_nothing_but_a_mesh_has_a_page(hearts, tmp_path):
    twin = hearts.heart_twin(end_systole=False)
    bare = replace(
        twin,
        states={},
        state_fields={},
        passive_curve=np.zeros((0, 2)),
        parameters={},
        fit={},
        posterior={},
        flags=(),
        fits={},
        measured_points={},
        times={},
    )
    names = {path.name for path in write_pictures(bare, {}, (), {}, tmp_path)}
    assert names == {"fibres.png", "segments.png", "pressure_volume.png", "report.html"}
    assert "No remarks" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_one_sentence(hearts, tmp_path):
    (tmp_path / "file").write_text("")
    twin = hearts.heart_twin(end_systole=False)
    with pytest.raises(
        InputError, match=r"slices\.png could not be written in .*/file: File exists"
    ):
        write_pictures(twin, contours_of(hearts, twin), (), {}, tmp_path / "file")


def test_the_helix_angle_runs_through_the_wall_as_it_was_made(hearts):
    mesh = hearts.heart_mesh()
    depth = mesh.point_fields["transmural"][mesh.cells[:, :4]].mean(axis=1)
    low = mesh.point_fields["apicobasal"][mesh.cells[:, :4]].mean(axis=1) < 0.4
    difference = helix_angles(mesh) - (60 - 120 * depth)
    assert np.median(np.abs(difference[~low])) < 5


def test_lines_follow_the_fibres_and_stay_in_the_wall(hearts):
    mesh = hearts.heart_mesh()
    helix = helix_angles(mesh)
    lines, along = follow_fibres(mesh, helix, np.random.default_rng(1))
    assert len(lines) > 300
    ends = np.concatenate(lines)
    level = (ends[:, 0] ** 2 + ends[:, 1] ** 2) / 0.0345**2 + ends[:, 2] ** 2 / 0.0715**2
    assert level.max() < 1.05
    steps = np.concatenate([np.diff(line, axis=0) for line in lines])
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), 0.8e-3, rtol=1e-6)
    assert all(len(line) == len(values) for line, values in zip(lines, along, strict=True))


def test_the_empirical_relation_is_drawn_only_where_the_fit_used_it(hearts):
    twin = hearts.heart_twin()
    curve = klotz_curve(twin)
    edv = twin.fit["end_diastolic_volume"].measured
    assert curve.volume_at(10 * MMHG) == pytest.approx(edv, rel=1e-9)
    without = {name: one for name, one in twin.fit.items() if name != "unloaded_volume"}
    assert klotz_curve(replace(twin, fit=without)) is None


def test_the_passive_curve_is_drawn_smooth_through_its_states(hearts):
    curve = hearts.heart_twin().passive_curve
    fine = smooth(curve)
    volume, pressure = fine.T
    np.testing.assert_allclose(np.interp(curve[:, 0], volume, pressure), curve[:, 1], atol=2)
    assert np.all(np.diff(volume) > 0)
    assert len(fine) > 100
    np.testing.assert_array_equal(smooth(curve[:2]), curve[:2])


def test_the_page_tells_the_errors_of_measurements_before_those_of_parameters(hearts):
    twin = hearts.heart_twin()
    truth = {"end_systolic_volume": twin.fit["end_systolic_volume"].measured / 0.95}
    words = " ".join(Page(report_page(twin, [], truth | {"contractility": 50e3})).words)
    told = words[words.index("Against the known truth") : words.index("Deformation")]
    assert told.index("-5.0 %") < told.index("contractility")
    assert "+24.0 %" in told
    assert "+2.40 sd" in told
    assert "known truth" not in report_page(twin, [], {})


def test_what_was_assumed_is_not_called_measured(hearts, tmp_path, monkeypatch):
    twin, legends = hearts.heart_twin(), []
    monkeypatch.setattr(
        theme,
        "save",
        lambda fig, path: legends.extend(t.get_text() for t in fig.legends[0].texts) or path,
    )
    assumed = replace(twin.fit["end_diastolic_pressure"], source="assumed")
    twin = replace(twin, fit={**twin.fit, "end_diastolic_pressure": assumed})
    draw_pressure_volume(twin, tmp_path / "x.png")
    assert "measured volume, assumed pressure ± sd, end-diastole" in legends
    assert "measured ± sd, end-systole" in legends
    text = report_page(twin, (), {"end_diastolic_pressure": 11 * MMHG})
    assert "<th class='n'>measured or assumed ± sd</th>" in text
    assert "<td>assumed</td>" in text.partition("Against the known truth")[2]


def test_a_parameter_without_draws_or_with_any_prior_has_its_density(hearts, tmp_path):
    twin = hearts.heart_twin(posterior=False)
    scale = twin.parameters["passive_scale"]
    sharp = replace(scale, sd=0.0, prior_log_sd=3.0)
    pressure = Estimate(value=5 * MMHG, sd=4 * MMHG, unit="Pa", prior="measured")
    parameters = {"passive_scale": sharp, "end_diastolic_pressure": pressure}
    path = tmp_path / "parameters.png"
    draw_parameters(replace(twin, parameters=parameters), path, {"passive_scale": 900.0})
    assert mpl_image.imread(path)[:, :, :3].std() > 0.03


def square(colour, height, opacity=1.0):
    points = np.array([[-1, -1, height], [1, -1, height], [1, 1, height], [-1, 1, height]]) * 0.01
    colours = np.tile(np.array(colour, dtype=float), (4, 1))
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    return Layer(points=points, triangles=triangles, colours=colours, opacity=opacity)


CAMERA = Camera(
    focus=np.zeros(3),
    towards_viewer=np.array([0.0, 0.0, 1.0]),
    up=np.array([0.0, 1.0, 0.0]),
    height=0.04,
)


@pytest.mark.parametrize("draw", [draw_layers, scene.render])
def test_near_hides_far_and_the_ground_is_white_with_and_without_opengl(draw):
    layers = [square((0, 0, 1), 1.0), square((1, 0, 0), 0.0)]
    pixels = draw(layers, CAMERA, width=80, height=60).astype(int)
    assert pixels.shape == (60, 80, 3)
    np.testing.assert_array_equal(pixels[2, 2], 255)
    red, _, blue = pixels[30, 40]
    assert blue > 120
    assert red < 60


def test_the_camera_says_where_a_point_is_in_its_picture():
    layer = square((0, 0, 1), 0.0)
    pixels = draw_layers([layer], CAMERA, width=80, height=60)
    rows, columns = np.nonzero(pixels.min(axis=2) < 200)
    places = CAMERA.pixels(layer.points, 80, 60)
    np.testing.assert_allclose(places.min(axis=0), [columns.min(), rows.min()], atol=1.1)
    np.testing.assert_allclose(places.max(axis=0), [columns.max(), rows.max()], atol=1.1)
    np.testing.assert_allclose(places[3], [columns.min(), rows.min()], atol=1.1)


def test_a_machine_without_opengl_is_told_apart_by_a_trial(monkeypatch):
    monkeypatch.setenv(scene.WINDOW, "vtkNoSuchRenderWindow")
    monkeypatch.setattr(scene, "TRIAL", "raise SystemExit(1)")
    assert scene.choose_window.__wrapped__() == ""
    monkeypatch.setattr(scene, "TRIAL", "")
    assert scene.choose_window.__wrapped__() == "vtkNoSuchRenderWindow"


def test_importing_the_rooms_loads_no_drawing_library():
    program = (
        "import sys, cardiotwin.twin, cardiotwin.viz\n"
        "heavy = {'pyvista', 'vtkmodules', 'matplotlib', 'dolfinx', 'rocrate'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
