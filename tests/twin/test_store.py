"""A twin comes back from its folder to the last bit, or one sentence says why not."""

import os
import resource
from dataclasses import fields

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardiotwin.errors import Flag, InputError
from cardiotwin.geometry.anatomy import PhaseFit
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.imaging.examination import Phase, Subject
from cardiotwin.mechanics.state import WallState
from cardiotwin.twin import Agreement, Estimate, Twin, load_twin, read_record, save_twin

from .identity import identical


class Dice:
    """Values with every bit pattern: not-a-number, infinities, negative zero, subnormals."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def array(self, *shape, kind="f8"):
        dtype = np.dtype(kind)
        size = int(np.prod(shape)) * dtype.itemsize
        return np.frombuffer(self.rng.bytes(size), dtype).reshape(shape)

    def number(self):
        if self.rng.random() < 0.3:
            return float(self.rng.choice([0.0, -0.0, 0.1, 5e-324, np.inf, -np.inf, np.nan]))
        return float(self.array(1)[0])

    def maybe(self):
        return None if self.rng.random() < 0.5 else self.number()

    def word(self):
        return "".join(
            self.rng.choice(list('ab_/.%"<>&\n\0é\u2028\U0001f9e1 '), self.rng.integers(6))
        )

    def mapping(self, make, keys=None):
        count = int(self.rng.integers(4))
        some = [self.word() for _ in range(count)] if keys is None else list(keys)[:count]
        return {key: make() for key in some}

    def field(self, rows):
        shape = [(rows,), (rows, 3), (rows, 3, 3), (rows, 0)][self.rng.integers(4)]
        return self.array(*shape, kind=self.rng.choice(["f8", "f4", "f2", ">f8", "i4", "u1"]))

    def record(self, kind, **given):
        """Return a dataclass of numbers."""
        return kind(**{f.name: self.number() for f in fields(kind) if f.type is float} | given)


def random_twin(seed):
    """Return a twin of the right types that is no heart."""
    dice = Dice(seed)
    n_nodes, n_cells, n_draws = (int(n) for n in dice.rng.integers(1, 6, 3))

    def nodes(*shape, kind="i8"):
        return dice.rng.integers(0, n_nodes, shape).astype(kind)

    def state():
        return dice.record(WallState, displacement=dice.array(n_nodes, 3))

    pressure = (dice.number(), dice.number())
    names = ("end_systole", "unloaded", "other", "end_diastole")
    return Twin(
        subject=Subject(
            identifier=dice.word(),
            age=dice.maybe(),
            sex=dice.word(),
            height=dice.maybe(),
            end_diastolic_pressure=pressure if dice.rng.random() < 0.5 else None,
            diastolic_points=((1.0, dice.number(), -0.0),) * int(dice.rng.integers(3)),
        ),
        mesh=TetMesh(
            points=dice.array(n_nodes, 3),
            cells=nodes(n_cells, 10),
            facets=dice.mapping(lambda: nodes(2, 6, kind="i4")),
            point_fields=dice.mapping(lambda: dice.field(n_nodes)),
            cell_fields=dice.mapping(lambda: dice.field(n_cells)),
        ),
        base_rule=dice.mapping(dice.word, Phase),
        fits=dice.mapping(lambda: dice.record(PhaseFit, inverted=3), Phase),
        measured_points=dice.mapping(lambda: dice.array(n_nodes, 3), Phase),
        states=dice.mapping(state, names),
        times=dice.mapping(dice.number, names),
        state_fields=dice.mapping(lambda: dice.mapping(lambda: dice.field(n_cells)), names),
        passive_curve=dice.array(int(dice.rng.integers(3)), 2),
        parameters=dice.mapping(
            lambda: dice.record(Estimate, unit=dice.word(), prior=dice.word(), prior_median=0.1)
        ),
        fit=dice.mapping(lambda: dice.record(Agreement, unit="m^3", source=dice.word())),
        checks=dice.mapping(dice.number),
        posterior=dice.mapping(lambda: dice.array(n_draws)),
        flags=(Flag(name=dice.word(), sentence=dice.word()),) * int(dice.rng.integers(3)),
        timing=dice.mapping(dice.number),
        inputs=dice.mapping(dice.word),
        software=dice.mapping(dice.word),
        seed=int(dice.rng.integers(2**62)) ** 2,
    )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_any_twin_comes_back_to_the_last_bit(tmp_path_factory, seed):
    twin, folder = random_twin(seed), tmp_path_factory.mktemp("run")
    save_twin(twin, folder)
    assert identical(twin, load_twin(folder))


def test_a_whole_heart_comes_back_to_the_last_bit_and_is_saved_twice_the_same(hearts, tmp_path):
    twin = hearts.heart_twin()
    save_twin(twin, tmp_path)
    first = (tmp_path / "twin.vtkhdf").read_bytes()
    again = load_twin(tmp_path)
    assert identical(twin, again)
    save_twin(again, tmp_path)
    assert (tmp_path / "twin.vtkhdf").read_bytes() == first


def test_the_parquet_file_holds_the_draws_in_clinical_units_and_the_seed(hearts, tmp_path):
    twin = hearts.heart_twin()
    save_twin(twin, tmp_path)
    table = pq.read_table(tmp_path / "posterior.parquet")
    assert table.column_names == ["passive_scale", "passive_exponent", "contractility_kpa"]
    draws = twin.posterior["contractility"]
    np.testing.assert_allclose(table["contractility_kpa"].to_numpy(), draws / 1e3)
    assert table.schema.metadata[b"seed"] == b"7"


def test_a_passive_twin_without_draws_leaves_no_older_draws_behind(hearts, tmp_path):
    save_twin(hearts.heart_twin(), tmp_path)
    twin = hearts.heart_twin(end_systole=False, posterior=False)
    save_twin(twin, tmp_path)
    assert not (tmp_path / "posterior.parquet").exists()
    assert identical(twin, load_twin(tmp_path))


def test_a_folder_that_was_saved_into_halfway_does_not_look_complete(
    hearts, tmp_path, monkeypatch
):
    twin = hearts.heart_twin()
    save_twin(twin, tmp_path)

    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("cardiotwin.twin.files._sync", full)
    with pytest.raises(InputError, match=r"twin\.json could not be .*: No space left on device"):
        save_twin(twin, tmp_path)
    assert not (tmp_path / "twin.json").exists()
    with pytest.raises(InputError, match=r"no finished twin: .*No such file"):
        load_twin(tmp_path)


def test_a_disk_that_ends_within_a_file_gives_one_sentence_and_no_part(hearts, tmp_path):
    twin = hearts.heart_twin()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(
            InputError, match=r"twin\.vtkhdf could not be written .*File too large"
        ):
            save_twin(twin, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_a_file_is_refused_by_name(hearts, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"could not be written in .*file/run: Not a directory"):
        save_twin(hearts.heart_twin(), tmp_path / "file" / "run")


def test_fields_of_another_twin_are_refused(hearts, tmp_path):
    save_twin(hearts.heart_twin(), tmp_path / "a")
    save_twin(hearts.heart_twin(end_systole=False), tmp_path / "b")
    (tmp_path / "b" / "twin.vtkhdf").replace(tmp_path / "a" / "twin.vtkhdf")
    with pytest.raises(InputError, match=r"not the file that twin\.json was written with, found"):
        load_twin(tmp_path / "a")


def test_a_record_without_its_fields_is_refused(hearts, tmp_path):
    save_twin(hearts.heart_twin(), tmp_path)
    (tmp_path / "twin.vtkhdf").unlink()
    with pytest.raises(InputError, match=r"no readable twin\.vtkhdf: No such file"):
        load_twin(tmp_path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"schema": 2}', r"has schema 2, .*force=true"),
        ("[1]", r"has schema None"),
        ('{"schema": 1, "sub', r"is not JSON, found Unterminated string.*force=true"),
    ],
)
def test_a_record_of_another_kind_is_refused(tmp_path, text, found):
    (tmp_path / "twin.json").write_text(text)
    with pytest.raises(InputError, match=found):
        read_record(tmp_path)


def test_the_fingerprint_of_the_configuration_is_kept(hearts, tmp_path):
    save_twin(hearts.heart_twin(), tmp_path, fingerprint="abc")
    assert read_record(tmp_path)["fingerprint"] == "abc"
