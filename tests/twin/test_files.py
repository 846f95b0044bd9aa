"""A file is the old one or the whole new one."""

import os
import stat

import pytest

from cardiotwin.errors import InputError
from cardiotwin.twin.files import remove, write_atomically, write_bytes


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
