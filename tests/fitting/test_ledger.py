"""The ledger of bits: what adds up, what is nothing, what never falls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cardiotwin.errors import InputError
from cardiotwin.fitting.ledger import Fisher, make_ledger, realised_bits

NAMES = ("stiffness", "tension", "spring")
MINUTES = {"cine": 4.0, "cuff": 1.0, "tags": 6.0}
rows = arrays(float, (3, 4, 2, 3), elements=st.floats(-3, 3, width=32))


def fisher(J, scale=1.0, sought=()):
    by = {name: scale * np.swapaxes(J[k], 1, 2) @ J[k] for k, name in enumerate(MINUTES)}
    return Fisher(names=NAMES, by=by, sought=sought)


@given(J=rows, sought=st.sampled_from([(), ("stiffness",), ("spring", "tension")]))
def test_gains_given_those_before_add_up_to_the_whole(J, sought):
    found = make_ledger(fisher(J, sought=sought), MINUTES, list(MINUTES))
    assert sum(entry.given_before for entry in found.entries) == pytest.approx(found.joint)
    assert all(entry.given_before > -1e-9 for entry in found.entries)


@given(J=rows, quieter=st.floats(1.0, 100.0))
def test_bits_of_the_whole_never_fall_with_the_noise(J, quieter):
    loud, quiet = (make_ledger(fisher(J, s), MINUTES, list(MINUTES)) for s in (1.0, quieter))
    assert quiet.joint >= loud.joint - 1e-9
    assert all(quiet.parameters[name] >= loud.parameters[name] - 1e-9 for name in NAMES)
    alone = zip(quiet.entries, loud.entries, strict=True)
    assert all(one.alone >= other.alone - 1e-9 for one, other in alone)


@given(J=rows)
def test_a_parameter_that_a_scan_does_not_touch_gains_nothing_from_it_alone(J):
    J[:, :, :, 2] = 0
    found = make_ledger(fisher(J), MINUTES, list(MINUTES))
    assert found.parameters["spring"] == pytest.approx(0, abs=1e-9)
    assert all(entry.parameters["spring"] == pytest.approx(0, abs=1e-9) for entry in found.entries)


def test_one_number_of_one_parameter_tells_the_logarithm_of_its_signal_to_noise():
    """log2(1 + snr^2) / 2 of snr = 3."""
    J = np.zeros((3, 1, 1, 3))
    J[0, 0, 0, 1] = 3.0
    found = make_ledger(fisher(J), MINUTES, ["cine"])
    assert found.joint == pytest.approx(np.log2(10) / 2)
    assert found.parameters == pytest.approx(
        {"stiffness": 0, "tension": np.log2(10) / 2, "spring": 0}
    )
    assert [entry.performed for entry in found.entries] == [True, False, False]


def test_the_best_next_scan_tells_most_per_minute():
    J = np.zeros((3, 1, 1, 3))
    J[0, 0, 0, 0], J[1, 0, 0, 1], J[2, 0, 0, 2] = 1.0, 1.0, 3.0
    found = make_ledger(fisher(J), MINUTES, ["cine"])
    assert found.best_next == "cuff"  # half a bit in a minute; the tags 1.66 bits in six
    entries = {entry.acquisition: entry for entry in found.entries}
    assert entries["tags"].given_all > entries["cuff"].given_all
    assert make_ledger(fisher(J), MINUTES, list(MINUTES)).best_next is None


def test_what_was_expected_is_told_on_average():
    """Examinations of a linear twin: the mean divergence is the fall of the entropy."""
    rng = np.random.default_rng(0)
    J = rng.standard_normal((3, 1, 2, 3))
    expected = make_ledger(fisher(J), MINUTES, list(MINUTES)).joint
    whole = J[:, 0].reshape(-1, 3)
    covariance = np.linalg.inv(whole.T @ whole + np.eye(3))
    told = []
    for _ in range(400):
        truth = rng.standard_normal(3)
        data = whole @ truth + rng.standard_normal(len(whole))
        mean = covariance @ whole.T @ data
        told.append(realised_bits(rng.multivariate_normal(mean, covariance, 500)))
    assert np.mean(told) == pytest.approx(expected, abs=4 * np.std(told) / 20)


def test_a_scan_without_time_is_refused():
    with pytest.raises(InputError, match=r"minutes above zero of cuff, found rows and 0 min"):
        make_ledger(fisher(np.ones((3, 1, 1, 3))), {**MINUTES, "cuff": 0.0}, ["cine", "cuff"])


def test_bits_of_what_is_no_parameter_are_refused():
    with pytest.raises(InputError, match=r"stiffness, tension, spring, found colour"):
        fisher(np.ones((3, 1, 1, 3)), sought=("colour",))
