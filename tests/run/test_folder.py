import json
import subprocess
import sys

import pytest

from cardiotwin.errors import InputError
from cardiotwin.run.folder import folder_name, is_finished, locked, run_mark, stage_mark
from cardiotwin.twin.files import sha256_of

MARK, OTHER = run_mark({"seed": 1}), run_mark({"seed": 2})


def finish(folder, mark, **files):
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    hashes = {name.replace("_", "."): sha256_of(content) for name, content in files.items()}
    record = {"schema": 1, "fingerprint": mark, "files": hashes}
    (folder / "twin.json").write_text(json.dumps(record))


def test_a_folder_is_finished_for_its_own_fingerprint_only(tmp_path):
    assert not is_finished(tmp_path, MARK, force=False)
    finish(tmp_path, MARK)
    assert is_finished(tmp_path, MARK, force=False)
    with pytest.raises(
        InputError, match=rf"found {MARK[:12]} instead of {OTHER[:12]}.*force=true"
    ):
        is_finished(tmp_path, OTHER, force=False)


def test_force_makes_a_finished_folder_unfinished_and_forgets_its_stages(tmp_path):
    finish(tmp_path, OTHER)
    stage = tmp_path / "stages" / "fit.npz"
    stage.parent.mkdir()
    stage.touch()
    assert not is_finished(tmp_path, MARK, force=True)
    assert not stage.exists()
    assert not (tmp_path / "twin.json").exists()


def test_numbers_that_changed_since_are_written_again_but_pictures_may_change(tmp_path):
    finish(tmp_path, MARK, beat_csv=b"0,1", slices_png=b"old")
    (tmp_path / "slices.png").write_bytes(b"new")
    assert is_finished(tmp_path, MARK, force=False)
    (tmp_path / "beat.csv").write_bytes(b"0,2")
    assert not is_finished(tmp_path, MARK, force=False)


def test_a_second_process_is_refused_while_the_first_is_at_work(tmp_path):
    program = (
        "import sys; from pathlib import Path; from cardiotwin.run.folder import locked\n"
        "with locked(Path(sys.argv[1])):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    with (
        pytest.raises(InputError, match=rf"found process {holder.pid} on .* at work"),
        locked(tmp_path),
    ):
        pass
    holder.kill()
    holder.communicate()
    with locked(tmp_path):
        pass


def test_what_a_killed_run_was_writing_is_cleared(tmp_path):
    part = tmp_path / "stages" / ".part-7-abc.npz"
    part.parent.mkdir()
    part.touch()
    with locked(tmp_path):
        assert not part.exists()


@pytest.mark.parametrize(
    ("name", "folder"),
    [("A", "A"), ("/x/labels.nii.gz", "labels"), ("../..", "subject"), ("Müller 3", "Müller_3")],
)
def test_a_subject_s_name_makes_a_folder_s(name, folder):
    assert folder_name(name) == folder


def test_the_stages_depend_on_the_code_too():
    assert stage_mark(MARK) != MARK
    assert stage_mark(MARK) == stage_mark(MARK)
    assert stage_mark(MARK) != stage_mark(OTHER)
