import threading

import pytest

from cardiotwin.run import volunteer
from cardiotwin.run.volunteer import SHARED, volunteer_folder
from cardiotwin.twin.stages import Stages

RECIPE = {"seed": 1}


@pytest.fixture
def made(monkeypatch):
    """Replace the mechanics and the scanner by two files; return the places made."""
    places = []

    def make(recipe, place):
        places.append(place)
        (place / "cine").mkdir(parents=True)
        (place / "cine" / "sa.nii.gz").write_bytes(bytes([recipe["seed"]]))
        (place / "truth.json").write_text("{}")

    monkeypatch.setattr(volunteer, "_make", make)
    return places


def test_the_volunteer_is_made_once(tmp_path, made):
    for _ in range(2):
        place = volunteer_folder(RECIPE, tmp_path, Stages(tmp_path / "stages", "abc"))
    assert made == [place]


def test_a_volunteer_that_somebody_changed_is_made_again(tmp_path, made):
    place = volunteer_folder(RECIPE, tmp_path, Stages(tmp_path / "stages", "abc"))
    (place / "truth.json").unlink()
    volunteer_folder(RECIPE, tmp_path, Stages(tmp_path / "stages", "abc"))
    assert made == [place, place]
    assert (place / "truth.json").exists()


def test_the_members_of_a_sweep_share_their_volunteer(tmp_path, made, monkeypatch):
    monkeypatch.setenv(SHARED, str(tmp_path / "volunteers"))
    folders = [tmp_path / name for name in "abc"]

    def member(folder):
        volunteer_folder(RECIPE, folder, Stages(folder / "stages", "abc"))

    members = [threading.Thread(target=member, args=(folder,)) for folder in folders]
    for one in members:
        one.start()
    for one in members:
        one.join()
    assert len(made) == 1
    for folder in folders:
        assert (folder / "subject" / "cine" / "sa.nii.gz").read_bytes() == b"\x01"
    volunteer_folder({"seed": 2}, tmp_path / "d", Stages(None, "abc"))
    assert len(made) == 2
