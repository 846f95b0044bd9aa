"""What a body is made from is checked where it comes in."""

import numpy as np
import pytest
from benchmark_bodies import box, constant_axes

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.mechanics.active import CalciumTransient
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden, NeoHookean
from cardiotwin.mechanics.schemes import GeneralisedAlpha
from cardiotwin.mechanics.springs import Springs

TICKS = np.array([0.0, 0.01])
SIDES = {"base": ["x0"], "epicardium": ["x1"], "lv_endocardium": ["y0"]}


@pytest.fixture(scope="module")
def mesh():
    return box(TICKS, TICKS, TICKS, sides=SIDES)


def body(mesh, **changed):
    made = {"material": NeoHookean(), "springs": None, "clamped": ("base",)} | changed
    axes = made.pop("axes", constant_axes(mesh))
    return Body(mesh, axes, **made)


def axes_with_a_gap(mesh):
    fibre, sheet, normal = (axis.copy() for axis in constant_axes(mesh))
    fibre[3, 1] = np.nan
    return fibre, sheet, normal


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pressurised": "lv_endocardum"}, "no facets 'lv_endocardum'"),
        ({"clamped": ("bse",)}, "no facets 'bse'"),
        ({"relative_tension": np.array([1.0, 1, np.nan, 1, 1, 1])}, "at cell 2"),
        ({"relative_tension": np.array([1.0, 1, 1, -0.5, 1, 1])}, "not be negative.*at cell 3"),
        ({"free": True}, r"held by nothing else, found clamped facets \(base\)"),
        ({"free": True, "clamped": (), "springs": Springs()}, "nothing else, found springs"),
    ],
)
def test_a_body_is_not_made_from_what_it_cannot_use(mesh, changed, words):
    with pytest.raises(InputError, match=words):
        body(mesh, **changed)


def test_an_axis_that_is_no_number_is_named_with_its_cell(mesh):
    with pytest.raises(InputError, match=r"fibre axes must be finite.*at cell 3"):
        body(mesh, axes=axes_with_a_gap(mesh))


def test_a_pressure_without_a_cavity_is_refused(mesh):
    wall = body(mesh)
    with pytest.raises(InputError, match="rv_pressure has no facets"):
        wall.load(wall.rest(), Loads(rv_pressure=100.0))


def test_a_load_that_is_no_number_is_refused_by_name():
    with pytest.raises(InputError, match=r"Loads.active_tension must be a finite number"):
        Loads(active_tension=np.inf)


def test_a_load_that_is_too_much_is_told_with_its_way(mesh):
    wall = body(mesh)
    with pytest.raises(ConvergenceError, match=r"from no load to cavity_pressure 1e\+06 kPa"):
        wall.load(wall.rest(), Loads(cavity_pressure=1e9))


def test_a_law_takes_no_truth_value_for_a_number():
    with pytest.raises(InputError, match=r"HolzapfelOgden.a must be one number, found True"):
        HolzapfelOgden(a=True)


def test_a_scheme_that_grows_is_refused():
    with pytest.raises(InputError, match="-1 <= alpha_m"):
        GeneralisedAlpha(alpha_m=-5, alpha_f=-3)


@pytest.mark.parametrize(
    "changed", [{"onset": np.nan}, {"time_to_peak": np.inf}, {"peak": np.nan}]
)
def test_a_transient_of_calcium_is_made_of_numbers(changed):
    with pytest.raises(InputError, match=f"CalciumTransient.{next(iter(changed))} must be"):
        CalciumTransient(**changed)


def test_a_transient_of_calcium_rises():
    with pytest.raises(InputError, match="peak must exceed the diastolic concentration"):
        CalciumTransient(peak=1e-5, diastolic=1e-4)
