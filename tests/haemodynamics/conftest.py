"""What several of this room's tests share."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def pulsing():
    """Return the module of the spheroid that beats, which `flow_ranks.py` imports by its name."""
    path = Path(__file__).parent / "pulsing.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
