import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.tissue import TISSUES, tissue


def test_no_row_is_there_twice():
    keys = [(row.name, row.field_strength, row.t1_method) for row in TISSUES]
    assert len(set(keys)) == len(keys)


def test_mollis_t1_is_never_that_of_an_inversion_recovery():
    for field in (1.5, 3.0):
        true, reported = tissue("myocardium", field), tissue("myocardium", field, "molli")
        assert reported.t1 < true.t1
        assert (true.t1_method, reported.t1_method) == ("inversion_recovery", "molli")


@pytest.mark.parametrize(
    "row", TISSUES, ids=lambda row: f"{row.name}_{row.field_strength}_{row.t1_method}"
)
def test_every_tissue_relaxes_in_the_order_that_physics_asks(row):
    assert row.t2 <= row.t1
    assert row.t2_star is None or row.t2_star <= row.t2
    assert row.source


def test_a_tissue_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"no 'lung' at 3 T .*lung at 1.5 T"):
        tissue("lung", 3.0)
