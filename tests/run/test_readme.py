"""What the README tells people to write is what the program takes."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from cardiotwin.imaging.subject import parse_subject
from cardiotwin.run.application import compose
from cardiotwin.run.main import JOBS
from cardiotwin.run.mistakes import option_names

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ +cardiotwin (\w+) ([^#\n]*)", README, re.MULTILINE)


def test_the_example_of_subject_yaml_is_read(tmp_path):
    (tmp_path / "cine").mkdir()
    for name in ("sa.nii.gz", "sa_seg.nii.gz"):
        (tmp_path / "cine" / name).touch()
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    found = parse_subject(yaml.safe_load(block), tmp_path / "subject.yaml")
    assert found.subject.identifier == "S01"
    assert found.subject.cuff_systolic == pytest.approx(124 * 133.322387415)
    assert found.labels == "1=lv_cavity,2=myocardium,3=rv_cavity"


@pytest.mark.parametrize(("job", "words"), COMMANDS)
def test_the_commands_name_jobs_and_options_that_exist(job, words):
    assert job in JOBS
    known = set(option_names(compose(job))) | {"hydra/launcher", "hydra.launcher.partition"}
    keys = {word.partition("=")[0] for word in shlex.split(words) if "=" in word}
    assert keys <= known


def test_every_job_is_shown():
    assert {job for job, _ in COMMANDS} == set(JOBS)
