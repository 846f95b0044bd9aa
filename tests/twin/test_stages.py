import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cardiotwin.errors import Flag
from cardiotwin.imaging.examination import Phase, Subject, Tissue
from cardiotwin.twin.codec import decode, encode
from cardiotwin.twin.stages import Stages, fingerprint, read_result

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from([*Phase, *Tissue])
    | hnp.arrays(
        st.sampled_from(["<f8", "<f4", "<i8", "<c16", "?", "<U3"]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
    )
)
results = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
        | st.dictionaries(st.sampled_from(list(Phase)), inner)
    ),
    max_leaves=12,
)


def same(one, other):
    """Whether two results are equal to the last bit, types and memory order included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and one.flags.f_contiguous == other.flags.f_contiguous
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, float):
        return one.hex() == other.hex()
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@given(result=results)
def test_a_stored_result_comes_back_to_the_last_bit(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages")
    computed = Stages(folder, "abc").run("fit", lambda: result)
    resumed = Stages(folder, "abc").run("fit", lambda: pytest.fail("computed again"))
    assert same(computed, resumed)
    assert same(computed, result)


def test_a_stage_gives_the_same_memory_order_whether_computed_or_resumed(tmp_path):
    values = np.arange(60.0).reshape(3, 4, 5)
    results = {"f": np.asfortranarray(values), "strided": values[:, ::2], "view": values.T}
    computed = Stages(tmp_path, "abc").run("fit", lambda: results)
    resumed = Stages(tmp_path, "abc").run("fit", dict)
    assert same(computed, resumed)
    assert computed["f"].flags.f_contiguous


def test_frozen_dataclasses_travel_by_the_names_of_their_fields(tmp_path):
    subject = Subject(identifier="A", end_diastolic_pressure=(1333.2, 266.6))
    flags = (Flag(name="cuff_missing", sentence="No cuff."),)
    Stages(tmp_path, "abc").run("read", lambda: {"subject": subject, "flags": flags})
    assert read_result(tmp_path / "read.npz") == {"subject": subject, "flags": flags}


def test_a_type_that_could_not_be_given_back_is_refused():
    with pytest.raises(TypeError, match=r"holds a set, which cannot be stored exactly"):
        encode({"names": {"a"}}, {})
    with pytest.raises(ValueError, match=r"the class subprocess:Popen, which is not of this pack"):
        decode({"dataclass": "subprocess:Popen", "fields": []}, {})


def test_a_stage_of_another_fingerprint_is_computed_again(tmp_path):
    Stages(tmp_path, fingerprint({"seed": 1})).run("fit", lambda: 1)
    assert Stages(tmp_path, fingerprint({"seed": 2})).run("fit", lambda: 2) == 2
    assert Stages(tmp_path, fingerprint({"seed": 2})).run("fit", lambda: 3) == 2


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7), cut=st.booleans())
@example(at=1421, bit=0, cut=False)  # the archive's flag of encryption
def test_a_damaged_stage_is_computed_again_or_still_right(at, bit, cut, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages")
    result = {"values": np.arange(7.0), "mean": 3.0}
    stages = Stages(folder, "abc")
    stages.run("fit", lambda: result)
    content = bytearray(stages.path("fit").read_bytes())
    at %= len(content)
    if cut:
        content = content[:at]
    else:
        content[at] ^= 1 << bit
    stages.path("fit").write_bytes(content)
    assert same(Stages(folder, "abc").run("fit", lambda: result), result)


def test_a_resumed_stage_reports_the_seconds_of_the_run_that_computed_it(tmp_path):
    first, second = Stages(tmp_path, "abc"), Stages(tmp_path, "abc")
    first.run("fit", lambda: time.sleep(0.02))
    second.run("fit", lambda: time.sleep(0.02))
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
    value = stages.run(f"stage_{number}", stage)
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
        assert same(read_result(undisturbed / name), read_result(disturbed / name))
