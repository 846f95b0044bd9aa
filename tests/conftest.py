"""What every test may ask for."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from cardiotwin.exam import Volunteer, make_volunteer
from cardiotwin.geometry.template import Template
from cardiotwin.run.folder import locked
from cardiotwin.units import MMHG

# No test is timed: a busy machine is no defect.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

BESIDE_THE_PROJECT = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of published data, or skip where it is absent."""
    folder = Path(os.environ.get("CARDIOTWIN_DATA", BESIDE_THE_PROJECT))
    if not folder.is_dir():
        pytest.skip(f"no published data at {folder}: set CARDIOTWIN_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def hearts() -> ModuleType:
    """Return the module of hearts in closed form."""
    path = Path(__file__).parent / "twin" / "hearts.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Return a context: a folder by name that all workers of the suite share, one at a time."""
    base = tmp_path_factory.getbasetemp()
    together = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    @contextmanager
    def hold(name: str) -> Iterator[Path]:
        with locked(together / name, wait=True):
            yield together / name

    return hold


@pytest.fixture(scope="session")
def coarse_volunteer(once) -> Path:
    """Return the subject folder of a volunteer with diastolic points, cut and solved coarsely."""
    recipe = Volunteer(
        template=Template(rings=4, layers=1), diastolic_pressures=(5 * MMHG, 18 * MMHG)
    )
    with once("coarse_volunteer") as folder:
        return make_volunteer(recipe, folder / "subject")
