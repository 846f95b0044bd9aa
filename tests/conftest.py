"""What every test may ask for."""

import os
from pathlib import Path

import pytest

BESIDE_THE_PROJECT = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of published data, or skip where it is absent."""
    folder = Path(os.environ.get("CARDIOTWIN_DATA", BESIDE_THE_PROJECT))
    if not folder.is_dir():
        pytest.skip(f"no published data at {folder}: set CARDIOTWIN_DATA to their folder")
    return folder
