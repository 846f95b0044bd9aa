"""Motion's likelihood: with the regression's prior it gives the regression's posterior back."""

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.fitting.motion_likelihood import motion_measurement
from cardiotwin.measurement.motion import Motion, Readings, Smoothness, regress

SMOOTH = Smoothness(heights=2, turns=1, layers=1)


def places(n, rng):
    return rng.uniform(0, 1, n), rng.uniform(0, 2 * np.pi, n), rng.uniform(0, 1, n)


def regressed(noise=2e-3, n=200, seed=0):
    """Return a motion, its true coefficients, and the basis of the mesh's nodes."""
    rng = np.random.default_rng(seed)
    basis = SMOOTH.basis(*places(n, rng))
    truth = rng.standard_normal((basis.shape[1], 3)) * SMOOTH.spread()[:, None]
    seen = basis @ truth + noise * rng.standard_normal((n, 3))
    readings = Readings(
        basis=basis,
        displacement=seen,
        root=np.tile(np.eye(3) / noise, (n, 1, 1)),
        independent=float(n),
    )
    coefficients, covariance = regress(readings, SMOOTH)
    nodes = SMOOTH.basis(*places(300, rng))
    motion = Motion(
        times=np.array([0.3]),
        basis=nodes,
        coefficients=coefficients[None],
        covariance=covariance[None],
        source="test",
        smoothness=(SMOOTH,),
    )
    return motion, truth, nodes


def modes_of(nodes):
    """Return as many modes as there are coefficients: each term in each direction."""
    terms = nodes.shape[1]
    modes = np.zeros((3 * terms, len(nodes), 3))
    for term in range(terms):
        for axis in range(3):
            modes[3 * term + axis, :, axis] = nodes[:, term]
    return modes


def test_with_the_regressions_prior_it_gives_the_regressions_posterior():
    motion, _, nodes = regressed()
    found = motion_measurement(motion, 0, modes_of(nodes), observable="x", acquisition="cine")
    spread = np.repeat(SMOOTH.spread(), 3)
    assert len(found.value) == len(spread)  # here the images tell every direction
    rows = found.root @ found.operator
    covariance = np.linalg.inv(rows.T @ rows + np.diag(spread**-2.0))
    mean = covariance @ rows.T @ found.root @ found.value
    np.testing.assert_allclose(covariance, motion.covariance[0], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(mean, motion.coefficients[0].ravel(), rtol=1e-6, atol=1e-10)


def test_its_residual_at_the_truth_is_white():
    squares = []
    for seed in range(40):
        motion, truth, nodes = regressed(seed=seed)
        found = motion_measurement(motion, 0, modes_of(nodes), observable="x", acquisition="cine")
        squares.append(np.mean(found.residual(truth.reshape(1, -1)) ** 2))
    assert np.mean(squares) == pytest.approx(1.0, abs=4 * np.sqrt(2 / 40 / len(found.value)))


def test_a_discrepancy_makes_it_less_sure():
    motion, truth, nodes = regressed()
    found = motion_measurement(
        motion,
        0,
        modes_of(nodes),
        observable="x",
        acquisition="cine",
        discrepancy=3e-3,
    )
    np.testing.assert_allclose(found.sd**2 - np.diag(found.covariance), (3 / 15) ** 2)
    plain = motion_measurement(motion, 0, modes_of(nodes), observable="x", acquisition="cine")
    misses = [np.mean(each.residual(truth.reshape(1, -1)) ** 2) for each in (found, plain)]
    assert misses[0] < 0.5 * misses[1]


def test_motion_of_another_mesh_is_refused():
    motion, _, nodes = regressed()
    with pytest.raises(InputError, match=r"of the twin's mesh, found 300 nodes for 299"):
        motion_measurement(motion, 0, modes_of(nodes)[:, 1:], observable="x", acquisition="cine")


def test_motion_that_tells_nothing_is_refused():
    motion, _, nodes = regressed(noise=1e3)
    with pytest.raises(InputError, match=r"frame 0 tells nothing beside its own prior"):
        motion_measurement(motion, 0, modes_of(nodes), observable="x", acquisition="cine")
