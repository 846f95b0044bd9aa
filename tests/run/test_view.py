import json
from pathlib import Path

import numpy as np
import pytest

from cardiotwin import viz
from cardiotwin.errors import InputError
from cardiotwin.geometry.anatomy import Anatomy
from cardiotwin.imaging.examination import Contours, Examination, ImageStack, Phase, Subject
from cardiotwin.run import drawing
from cardiotwin.run.drawing import draw, keep_drawing
from cardiotwin.twin import store
from cardiotwin.twin.stages import Stages
from cardiotwin.twin.twin import Twin


@pytest.fixture
def run_folder(tmp_path):
    (tmp_path / "twin.json").write_text(json.dumps({"schema": 1}))
    (tmp_path / "slices_ed.png").touch()
    (tmp_path / "report.html").touch()
    return tmp_path


def test_view_lists_the_pictures_of_a_run(run_folder, command):
    code, out, _ = command("view", f"path={run_folder}", "draw=false")
    assert code == 0
    assert out.split() == [str(run_folder / name) for name in ("report.html", "slices_ed.png")]


def test_view_draws_them_again(run_folder, command, monkeypatch):
    twin, drawn = object(), []
    monkeypatch.setattr(store, "load_twin", lambda _folder: twin)
    monkeypatch.setattr(drawing, "draw", lambda *given: drawn.append(given))
    assert command("view", f"path={run_folder}")[0] == 0
    assert drawn == [(twin, run_folder)]


def test_a_folder_without_a_finished_twin_is_refused(tmp_path, command):
    code, _, err = command("view", f"path={tmp_path}")
    assert code == 2
    assert f"{tmp_path} holds no finished twin" in err
    code, _, err = command("view")
    assert (code, err.count("\n")) == (2, 1)


def stack(n_frames):
    array = np.arange(4.0 * n_frames).reshape(2, 2, 1, n_frames)
    return ImageStack(
        array=array,
        affine=np.eye(4),
        frame_times=np.linspace(0, 0.8, n_frames),
        slice_thickness=8e-3,
        name="sa",
        source=Path("sa.nii.gz"),
    )


def test_what_is_drawn_is_kept_with_the_measured_frames_of_a_cine_only(tmp_path, monkeypatch):
    contours = {
        Phase.END_DIASTOLE: Contours(
            phase=Phase.END_DIASTOLE, curves=(), slices={}, from_labels=False, source=Path("a")
        )
    }
    cine = stack(25)
    examination = Examination(
        subject=Subject(identifier="A"),
        frame_times={Phase.END_DIASTOLE: 0.0, Phase.END_SYSTOLE: 0.31},
        contours=contours,
        labels={},
        images=(cine, stack(1)),
    )
    anatomy = object.__new__(Anatomy)  # only its contours are asked for
    object.__setattr__(anatomy, "contours", contours)
    stages = Stages(tmp_path / "stages", "abc")
    keep_drawing(examination, anatomy, {"passive_scale": 1.1}, stages)
    seen = []
    monkeypatch.setattr(
        viz,
        "write_pictures",
        lambda *given, **more: seen.append((given, more)) or (),
        raising=False,
    )
    draw(object.__new__(Twin), tmp_path)
    (_, shown, images, _, _), more = seen[0]
    kept = images[0]
    np.testing.assert_array_equal(kept.array, cine.array[..., [0, 9]])
    np.testing.assert_array_equal(kept.frame_times, cine.frame_times[[0, 9]])
    assert images[1].array.shape == (2, 2, 1, 1)
    assert shown.keys() == more["drawn"].keys() == contours.keys()
    assert more["truth"] == {"passive_scale": 1.1}


def test_pictures_without_what_was_drawn_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"need .*drawing.npz, found FileNotFoundError"):
        draw(object.__new__(Twin), tmp_path)
