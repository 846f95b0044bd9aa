"""An experiment goes on with a finished twin only if it is the one that was asked for."""

import pytest
from beat import Options
from command import finished_twin

from cardiotwin.errors import InputError


@pytest.fixture
def finished(tmp_path):
    """Return a run folder that says it holds a subject's left ventricle."""
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text("path: here/heart\nanatomy: lv\n")
    (tmp_path / "twin.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "anatomy"), [("elsewhere/heart", "lv"), ("", "lv"), ("here/heart", "biventricular")]
)
def test_another_subjects_twin_is_refused(finished, path, anatomy):
    with pytest.raises(InputError, match="holds another twin, found path=here/heart anatomy=lv"):
        finished_twin(finished, path, anatomy)


@pytest.mark.parametrize(
    "given",
    [
        {"step_ms": 0.0},
        {"frames": 2},
        {"tension_share": -1.0},
        {"anatomy": "both"},
        {"tolerance_percent": 0.0},
    ],
)
def test_a_beats_options_are_checked_before_its_twin_is_built(given):
    with pytest.raises(InputError, match=next(iter(given))):
        Options(**given)
