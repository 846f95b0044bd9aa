import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.examination import Tissue
from cardiotwin.imaging.labels import CONVENTIONS, as_tissue, convention_mapping, resolve

from .hearts import ellipsoid_heart

RV, WALL, LV = Tissue.RV_CAVITY, Tissue.MYOCARDIUM, Tissue.LV_CAVITY
HEART = ellipsoid_heart()[0]


def relabelled(rv, wall, lv):
    return np.array([0, rv, wall, lv])[HEART]


@pytest.mark.parametrize("values", [(1, 2, 3), (4, 2, 1), (3, 2, 1), (600, 200, 500), (2, 7, 5)])
def test_topology_tells_the_tissues_whatever_their_values(values):
    rv, wall, lv = values
    mapping, told = resolve(relabelled(*values), "infer", "heart")
    assert mapping == {rv: RV, wall: WALL, lv: LV}
    assert told.startswith("inferred: ")
    assert f"{wall} MYOCARDIUM" in told


def test_specks_do_not_hide_the_ring():
    rng = np.random.default_rng(3)
    specks = rng.random(HEART.shape) < 0.05
    noisy = np.where(specks, rng.integers(0, 4, HEART.shape), HEART)
    assert resolve(noisy, "infer", "heart")[0] == {1: RV, 2: WALL, 3: LV}


def test_topology_needs_no_right_ventricle():
    mapping, _ = resolve(np.where(HEART == 1, 0, HEART), "infer", "heart")
    assert mapping == {2: WALL, 3: LV}


def test_a_convention_that_says_the_same_is_named():
    assert "as ukbb" in resolve(relabelled(4, 2, 1), "infer", "heart")[1]


@pytest.mark.parametrize("name", CONVENTIONS)
def test_every_convention_has_a_cavity_and_a_wall(name):
    assert {LV, WALL} <= set(CONVENTIONS[name].values())


def test_a_mapping_in_words_is_taken_at_its_word():
    mapping = convention_mapping("1=lv_cavity,2=myocardium,4=rv_cavity,9=background")
    assert mapping == {1: LV, 2: WALL, 4: RV, 9: Tissue.BACKGROUND}
    assert as_tissue(np.array([0, 1, 2, 4, 9]), mapping).tolist() == [0, 3, 2, 1, 0]


@pytest.mark.parametrize(
    "labels",
    [
        "1:RV/2:MYO/3:LV/255:background",
        "rv=1,myo=2,lv=3,background=255",
        "RV:1/MYO:2/3:lv/255=background",
    ],
)
def test_pairs_need_no_quotes_and_may_be_written_either_way_round(labels):
    assert convention_mapping(labels) == {1: RV, 2: WALL, 3: LV, 255: Tissue.BACKGROUND}


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ("1:rv/1:lv", r"gives the value 1 twice, found '1:rv/1:lv'"),
        ("1:rv/myo", r"pair whole numbers with tissues, found 'myo'"),
        ("1:2", r"pair whole numbers with tissues, found '1:2'"),
        ("acdd", r"known convention, found 'acdd'"),
        ("1=heart", r"pair whole numbers with tissues, found '1=heart'"),
        ("x=lv", r"found 'x=lv'"),
        ("ukbb", r"does not know, found \[3\]"),
    ],
)
def test_a_wrong_convention_is_refused_by_name(labels, found):
    with pytest.raises(InputError, match=found):
        resolve(HEART, labels, "heart")


def test_an_empty_stack_is_refused():
    with pytest.raises(InputError, match=r"heart is empty: every voxel is 0"):
        resolve(np.zeros_like(HEART), "infer", "heart")


def test_a_cavity_without_wall_is_refused():
    with pytest.raises(InputError, match=r"single label, found \d+ voxels of value 3: a cavity"):
        resolve(np.where(HEART == 3, 3, 0), "infer", "heart")


def test_two_cavities_without_wall_are_refused():
    with pytest.raises(InputError, match=r"no ring of myocardium .* found 0 % of its edge"):
        resolve(np.where(HEART == 2, 0, HEART), "infer", "heart")


def test_more_than_three_values_need_a_name():
    extra = HEART.copy()
    extra[0, 0] = 7
    with pytest.raises(InputError, match=r"4 label values, found \[1, 2, 3, 7\]"):
        resolve(extra, "infer", "heart")


def test_a_third_value_that_touches_nothing_is_refused():
    apart = np.where(HEART == 1, 0, HEART)
    apart[0, 0] = 1
    with pytest.raises(InputError, match=r"value 1 touches neither the cavity \(3\) nor"):
        resolve(apart, "infer", "heart")
