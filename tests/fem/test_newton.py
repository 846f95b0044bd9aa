"""Newton and load continuation on equations solved point by point, whose answers are known."""

import pickle
from dataclasses import replace

from mpi4py import MPI

import dolfinx
import numpy as np
import pytest
import ufl

from cardiotwin.errors import ConvergenceError
from cardiotwin.fem.continuation import continue_to
from cardiotwin.fem.newton import Equilibrium
from cardiotwin.fem.settings import NewtonSettings

SETTINGS = NewtonSettings(relative=1e-12, absolute=1e-13, reuse=False)
KEPT = replace(SETTINGS, reuse=True)


class Equation:
    """R(w) = law(w) - load on a unit interval of two cells, as a finite-element problem."""

    def __init__(self, law):
        mesh = dolfinx.mesh.create_unit_interval(MPI.COMM_SELF, 2)
        space = dolfinx.fem.functionspace(mesh, ("Lagrange", 1))
        self.load = dolfinx.fem.Constant(mesh, 0.0)
        self.w = dolfinx.fem.Function(space)
        residual = (law(self.w) - self.load) * ufl.TestFunction(space) * ufl.dx
        dofs = np.arange(len(self.w.x.array))
        self.equilibrium = Equilibrium(residual, self.w, dofs)

    def walk(self, end, settings=SETTINGS, start=0.0, **how):
        def apply(share):
            self.load.value = (1 - share) * start + share * end

        return continue_to(self.equilibrium, apply, settings, **how)


class Given:
    """The load is sought at which the mean of w is `target`."""

    def __init__(self, equation, target):
        self._equation = equation
        self.target = target

    @property
    def values(self):
        return np.array([float(self._equation.load.value)])

    @values.setter
    def values(self, values):
        self._equation.load.value = values[0]

    def gaps(self):
        return np.array([self._equation.w.x.array.mean() - self.target])

    def gradients(self):
        n = len(self._equation.w.x.array)
        return np.full((n, 1), 1 / n)

    def columns(self):
        before = self._equation.equilibrium.residual()
        self.values = self.values + 1.0
        after = self._equation.equilibrium.residual()
        self.values = self.values - 1.0
        return (after - before)[:, None]

    def own(self):
        return np.zeros((1, 1))


@pytest.fixture(scope="module")
def exponential():
    return Equation(lambda w: ufl.exp(w) - 1)


@pytest.fixture(scope="module")
def parabola():
    return Equation(lambda w: w**2)


@pytest.fixture(scope="module")
def cubic():
    return Equation(lambda w: w**3 - w)


def test_newton_converges_quadratically(exponential):
    exponential.w.x.array[:] = 0
    exponential.load.value = 1.0
    norms = np.array(exponential.equilibrium.solve(SETTINGS))
    np.testing.assert_allclose(exponential.w.x.array, np.log(2), rtol=1e-12)
    late = norms[(norms < 0.05) & (norms > 1e-7)]
    assert len(late) >= 2
    assert np.all(late[1:] < 10 * late[:-1] ** 2)


@pytest.mark.parametrize("end", [0.5, 3.0, 40.0])
def test_a_kept_tangent_leads_to_the_same_answer_with_fewer_factorisations(exponential, end):
    made = {}
    for settings in (SETTINGS, KEPT):
        exponential.w.x.array[:] = 0
        before = exponential.equilibrium.factorisations
        exponential.walk(end, settings)
        made[settings.reuse] = exponential.equilibrium.factorisations - before
        np.testing.assert_allclose(exponential.w.x.array, np.log1p(end), rtol=1e-11)
    assert made[True] <= made[False] / 2


def test_a_walk_does_not_depend_on_what_was_solved_before(exponential):
    found = []
    for other in (5.0, 0.3):
        exponential.w.x.array[:] = 0
        exponential.walk(other, KEPT)
        exponential.w.x.array[:] = 0
        exponential.walk(2.0, KEPT)
        found.append(np.array(exponential.w.x.array))
    np.testing.assert_array_equal(*found)


def test_a_load_too_large_for_one_step_still_arrives(exponential):
    exponential.w.x.array[:] = 0
    impatient = NewtonSettings(relative=1e-12, absolute=1e-13, iterations=4, reuse=False)
    n_steps = exponential.walk(1e3, impatient, first_step=1.0)
    assert n_steps > 1
    np.testing.assert_allclose(exponential.w.x.array, np.log1p(1e3), rtol=1e-10)


def test_a_correction_that_overflows_is_shortened(exponential):
    exponential.w.x.array[:] = -8  # the slope there is e^-8: the full step leads to e^1000
    exponential.load.value = 0.0
    exponential.equilibrium.solve(
        NewtonSettings(shortest=1e-4, iterations=50, relative=1e-13, absolute=1e-13)
    )
    np.testing.assert_allclose(exponential.w.x.array, 0, atol=1e-10)


def test_a_failed_solution_carries_residuals_and_puts_the_start_back(parabola):
    parabola.w.x.array[:] = 1.0
    parabola.load.value = -1.0  # w^2 = -1
    with pytest.raises(ConvergenceError, match=r"stopped after \d+ steps at residual") as caught:
        parabola.equilibrium.solve(SETTINGS)
    assert caught.value.residuals[0] == pytest.approx(2 * np.sqrt(0.25**2 * 2 + 0.5**2))
    np.testing.assert_array_equal(parabola.w.x.array, 1.0)


def test_a_wild_prediction_is_not_what_the_tolerance_is_relative_to(exponential):
    exponential.load.value = 1.0
    exponential.w.x.array[:] = 60.0
    settings = NewtonSettings(relative=1e-10, absolute=1e-13, reuse=False)
    nothing = np.zeros_like(exponential.w.x.array)
    norms = exponential.equilibrium.solve(settings, instead=nothing)
    assert norms[0] < 2
    np.testing.assert_allclose(exponential.w.x.array, np.log(2), rtol=1e-9)
    exponential.w.x.array[:] = 0.7
    assert exponential.equilibrium.solve(settings, instead=nothing)[0] < 0.1
    exponential.w.x.array[:] = np.inf
    assert np.isfinite(exponential.equilibrium.solve(settings, instead=nothing)[0])


def test_a_walk_over_a_fold_keeps_the_last_converged_state(parabola):
    parabola.w.x.array[:] = 1.0
    with pytest.raises(
        ConvergenceError, match=r"The load stopped at (4[5-9]|50)\.\d % of"
    ) as caught:
        parabola.walk(-1.0, start=1.0)
    state = caught.value.state
    np.testing.assert_array_equal(parabola.w.x.array, state)
    np.testing.assert_allclose(state**2, float(parabola.load.value), atol=2e-4)
    assert len(caught.value.residuals) >= 1


@pytest.mark.parametrize(("lost", "found"), [(np.nan, "nan"), (1e200, "inf")])
def test_a_residual_that_is_no_number_is_no_arrival(parabola, lost, found):
    parabola.w.x.array[:] = lost
    with pytest.raises(ConvergenceError, match=f"after 0 steps at residual {found}"):
        parabola.equilibrium.solve(SETTINGS)


def test_a_walk_led_by_a_measure_passes_the_folds_of_the_load(cubic):
    # load = w^3 - w falls between -0.577 and 0.577: led by the load, w would snap.
    cubic.w.x.array[:] = -1.2
    begin, load = -1.2, (-1.2) ** 3 + 1.2
    cubic.load.value = load
    border = Given(cubic, begin)

    def apply(share):
        border.target = (1 - share) * begin + share * 0.2

    continue_to(cubic.equilibrium, apply, SETTINGS, border=border)
    np.testing.assert_allclose(cubic.w.x.array, 0.2, atol=1e-10)
    assert border.values[0] == pytest.approx(0.2**3 - 0.2, abs=1e-10)


def test_a_failure_passes_from_process_to_process_whole():
    sent = ConvergenceError("stopped", (2.0, 1.0), np.arange(3.0))
    got = pickle.loads(pickle.dumps(sent))  # noqa: S301 - our own bytes
    assert (str(got), got.residuals) == ("stopped", (2.0, 1.0))
    np.testing.assert_array_equal(got.state, sent.state)
