"""The built-in volunteer of a run: made once, in the run folder, and read like anybody."""

import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cardiotwin.run.folder import locked, stage_mark
from cardiotwin.run.schema import build
from cardiotwin.twin.files import sha256_of
from cardiotwin.twin.stages import Stages, fingerprint

SUBJECT = "subject"
SHARED = "CARDIOTWIN_VOLUNTEERS"
"""Environment variable: a folder where the members of a sweep share their volunteers."""

_LOG = logging.getLogger(__name__)


def volunteer_folder(recipe: Mapping[str, Any], folder: Path, stages: Stages) -> Path:
    """Return the volunteer's subject folder in a run folder, with its truth beside it."""
    place = folder / SUBJECT

    def make() -> dict[str, str]:
        shutil.rmtree(place, ignore_errors=True)
        shared = os.environ.get(SHARED)
        if shared is None:
            _make(recipe, place)
        else:
            shutil.copytree(_shared(recipe, Path(shared)), place)
        return _hashes(place)

    if stages.run("volunteer", dict[str, str], make) != _hashes(place):
        _LOG.warning("%s is not as it was made: made again", place)
        stages.path("volunteer").unlink()
        stages.run("volunteer", dict[str, str], make)
    return place


def _make(recipe: Mapping[str, Any], place: Path) -> None:
    from cardiotwin.exam import make_volunteer  # noqa: PLC0415 - not for --help
    from cardiotwin.exam.beat import solve_beat  # noqa: PLC0415 - brings dolfinx

    make_volunteer(build(recipe), place, solve_beat)


def _shared(recipe: Mapping[str, Any], folder: Path) -> Path:
    """Return the volunteer of a recipe that the first of a sweep's members makes."""
    home = folder / stage_mark(fingerprint(dict(recipe)))[:16]
    with locked(home, wait=True):
        if not (home / SUBJECT).is_dir():  # it appears whole or not at all
            _make(recipe, home / SUBJECT)
    return home / SUBJECT


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256_of(path.read_bytes()) for path in files}
