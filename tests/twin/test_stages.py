import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jaxtyping import Shaped

from cardiotwin.imaging.examination import Phase, Tissue
from cardiotwin.twin.stages import Stages, fingerprint, read_result

Values = Shaped[np.ndarray, "..."]
arrays = hnp.arrays(
    st.sampled_from(["<f8", "<f4", "<i8", "<c16", "?", "<U3"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """What a stage may give, one of each kind."""

    count: int
    mean: float
    certain: bool
    note: str | None
    tissue: Tissue
    values: Values


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Parts in all that holds them."""

    by_phase: Mapping[Phase, Part]
    by_load: Mapping[float, Values]
    many: tuple[Part, ...]
    pair: tuple[float, float] | None
    named: Mapping[str, Mapping[str, float]]
    source: Path


parts = st.builds(
    Part,
    count=st.integers(),
    mean=st.floats(),
    certain=st.booleans(),
    note=st.none() | texts,
    tissue=st.sampled_from(list(Tissue)),
    values=arrays,
)
results = st.builds(
    Result,
    by_phase=st.dictionaries(st.sampled_from(list(Phase)), parts),
    by_load=st.dictionaries(st.floats(allow_nan=False), arrays, max_size=3),
    many=st.lists(parts, max_size=3).map(tuple),
    pair=st.none() | st.tuples(st.floats(), st.floats()),
    named=st.dictionaries(texts, st.dictionaries(texts, st.floats())),
    source=st.just(Path("cine/sa seg.nii.gz")),
)


def same(one, other):
    """Whether two results are equal to the last bit, types and memory order included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        layouts = [(a.dtype, a.shape, a.flags.f_contiguous, a.tobytes()) for a in (one, other)]
        return layouts[0] == layouts[1]
    if isinstance(one, float):
        return one.hex() == other.hex()
    if is_dataclass(one):
        one, other = ({f.name: getattr(x, f.name) for f in fields(x)} for x in (one, other))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other


@given(result=results)
def test_a_stored_result_comes_back_to_the_last_bit(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages")
    computed = Stages(folder, "abc").run("fit", Result, lambda: result)
    resumed = Stages(folder, "abc").run("fit", Result, lambda: pytest.fail("computed again"))
    assert same(computed, resumed)
    assert same(computed, result)
    assert same(read_result(folder / "fit.npz", Result), result)


def test_a_stage_gives_the_same_memory_order_whether_computed_or_resumed(tmp_path):
    values = np.arange(60.0).reshape(3, 4, 5)
    results = {"f": np.asfortranarray(values), "strided": values[:, ::2], "header": values.T}
    kind = Mapping[str, Values]
    computed = Stages(tmp_path, "abc").run("fit", kind, lambda: results)
    resumed = Stages(tmp_path, "abc").run("fit", kind, dict)
    assert same(computed, resumed)
    assert computed["f"].flags.f_contiguous


def test_a_stage_of_another_fingerprint_is_computed_again(tmp_path):
    Stages(tmp_path, fingerprint({"seed": 1})).run("fit", int, lambda: 1)
    assert Stages(tmp_path, fingerprint({"seed": 2})).run("fit", int, lambda: 2) == 2
    assert Stages(tmp_path, fingerprint({"seed": 2})).run("fit", int, lambda: 3) == 2


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7), cut=st.booleans())
@example(at=1421, bit=0, cut=False)  # the archive's flag of encryption
def test_a_damaged_stage_is_computed_again_or_still_right(at, bit, cut, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages")
    result = Part(
        count=1, mean=3.0, certain=True, note="", tissue=Tissue.LV_CAVITY, values=np.arange(7.0)
    )
    stages = Stages(folder, "abc")
    stages.run("fit", Part, lambda: result)
    content = bytearray(stages.path("fit").read_bytes())
    at %= len(content)
    if cut:
        content = content[:at]
    else:
        content[at] ^= 1 << bit
    stages.path("fit").write_bytes(content)
    assert same(Stages(folder, "abc").run("fit", Part, lambda: result), result)


def test_a_resumed_stage_reports_the_seconds_of_the_run_that_computed_it(tmp_path):
    first, second = Stages(tmp_path, "abc"), Stages(tmp_path, "abc")
    first.run("fit", int, lambda: time.sleep(0.02) or 1)
    second.run("fit", int, lambda: time.sleep(0.02) or 1)
    assert first.timing == second.timing
    assert first.timing["fit"] >= 0.02


SEQUENCE = """
import sys, time
from pathlib import Path
import numpy as np
from cardiotwin.twin.stages import Stages

stages = Stages(Path(sys.argv[1]), "abc")
value = np.eye(3)
for number in range(6):
    def stage(value=value, number=number):
        time.sleep(0.02)
        return np.cos(value @ value.T + number)
    value = stages.run(f"stage_{number}", np.ndarray, stage)
Path(sys.argv[1], "result.npy").write_bytes(value.tobytes())
"""


def test_a_run_killed_at_any_moment_ends_with_the_bytes_of_an_undisturbed_one(tmp_path):
    command = [sys.executable, "-c", SEQUENCE]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    undisturbed, disturbed = tmp_path / "one", tmp_path / "other"
    undisturbed.mkdir()
    disturbed.mkdir()
    subprocess.run([*command, str(undisturbed)], check=True, env=environment)  # noqa: S603 - our own program
    rng = np.random.default_rng(3)
    kills = 0
    while True:
        before = len(list(disturbed.glob("stage_?.npz")))
        process = subprocess.Popen([*command, str(disturbed)], env=environment)  # noqa: S603 - our own program
        deadline = time.monotonic() + 30
        while len(list(disturbed.glob("stage_?.npz"))) == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        kills += 1
    assert kills >= 2
    left = {path.name: path.read_bytes() for path in disturbed.glob("[!.]*.np?")}
    kept = {path.name: path.read_bytes() for path in undisturbed.glob("[!.]*.np?")}
    assert left["result.npy"] == kept["result.npy"]
    assert left.keys() == kept.keys()
    for name in kept.keys() - {"result.npy"}:
        assert same(
            *(read_result(folder / name, np.ndarray) for folder in (undisturbed, disturbed))
        )
