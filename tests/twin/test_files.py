"""A file, or a folder, is the old one or the whole new one."""

import os
import stat

import pytest

from cardiotwin.errors import InputError
from cardiotwin.twin.files import clear_parts, remove, write_atomically, write_bytes, write_folder


def test_a_writer_that_fails_leaves_the_old_file_and_no_part(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def fail(part):
        part.write_text("ne")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_sees_a_new_name_with_the_same_suffix_in_a_folder_that_is_made(tmp_path):
    path = tmp_path / "x" / "y" / "film.mp4"
    seen = []
    write_atomically(path, lambda part: (seen.append(part), part.write_bytes(b"new"))[0])
    assert seen[0].suffix == ".mp4"
    assert seen[0].parent == path.parent
    assert path.read_bytes() == b"new"


def test_a_file_has_the_permissions_that_the_user_asked_for(tmp_path):
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_what_the_system_refuses_is_one_sentence(tmp_path):
    def full(_):
        raise OSError(28, os.strerror(28))

    with pytest.raises(
        InputError, match=r"a\.csv could not be written in .*No space left"
    ) as caught:
        write_atomically(tmp_path / "a.csv", full)
    assert "\n" not in str(caught.value)


def test_a_folder_in_the_way_is_one_sentence(tmp_path):
    (tmp_path / "twin.json").mkdir()
    with pytest.raises(
        InputError, match=r"twin\.json could not be replaced in .*: Is a directory"
    ):
        remove(tmp_path / "twin.json")
    remove(tmp_path / "nothing")


def test_a_folder_is_whole_or_not_there(tmp_path):
    def full_disk(part):
        (part / "subject.yaml").write_text("id: x")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"volunteer could not be written in .*No space left"):
        write_folder(tmp_path / "volunteer", full_disk)
    assert not list(tmp_path.iterdir())
    (tmp_path / "volunteer").mkdir()
    write_folder(tmp_path / "volunteer", lambda part: (part / "a").write_text("x"))
    assert [path.name for path in tmp_path.rglob("*")] == ["volunteer", "a"]


def test_a_folder_that_holds_something_is_not_replaced(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match=rf"{tmp_path} must be a new .* found something there"):
        write_folder(tmp_path, lambda _part: None)


def test_what_a_killed_process_was_writing_can_be_cleared(tmp_path):
    (tmp_path / ".part-7-ab" / "cine").mkdir(parents=True)
    (tmp_path / ".part-7-cd.npz").touch()
    (tmp_path / "fit.npz").touch()
    clear_parts(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["fit.npz"]
