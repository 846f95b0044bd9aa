"""The closed forms of the passive laws and what they become at their limits, in numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardiotwin.mechanics.material import Guccione, HolzapfelOgden, NeoHookean, Usyk

from .stresses import energy, pk2

F = np.array([[1.15, 0.10, -0.05], [0.08, 0.92, 0.12], [-0.10, 0.04, 1.03]])
C = F.T @ F
ISOCHORIC = C / np.cbrt(np.linalg.det(C))
SMALL = 1e-6 * np.array([[3.0, 1.0, -2.0], [1.0, -1.0, 0.5], [-2.0, 0.5, 2.0]])
EXPONENTS = ("b_ff", "b_ss", "b_nn", "b_fs", "b_fn", "b_sn")


def exponential(stress, slope, square):
    return stress / (2 * slope) * (np.exp(slope * square) - 1)


# ---- Holzapfel & Ogden ------------------------------------------------------------------------


def test_without_fibres_it_is_the_exponential_matrix():
    law = HolzapfelOgden(a_f=0.0, a_s=0.0, a_fs=0.0)
    exact = exponential(law.a, law.b, np.trace(ISOCHORIC) - 3)
    assert energy(law, C) == pytest.approx(exact, rel=1e-12)


def test_the_matrix_becomes_neo_hookean_as_its_exponent_vanishes():
    law = HolzapfelOgden(b=1e-7, a_f=0.0, a_s=0.0, a_fs=0.0)
    np.testing.assert_allclose(pk2(law, C), pk2(NeoHookean(mu=law.a), C), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kappa", [0.0, 0.1, 1 / 3])
@pytest.mark.parametrize("switch", ["ramp", "none"])
def test_it_meets_its_published_form_where_fibres_are_taut(kappa, switch):
    # eq. 5.38 without the ramp, whose width vanishes against this stretch
    law = HolzapfelOgden(ramp=1e-8, kappa_f=kappa, switch=switch)
    C = np.array([[1.44, 0.1, 0.0], [0.1, 0.9, 0.0], [0.0, 0.0, 0.9]])
    C /= np.cbrt(np.linalg.det(C))
    I1 = np.trace(C)
    dispersed = kappa * I1 + (1 - 3 * kappa) * C[0, 0]
    exact = exponential(law.a, law.b, I1 - 3)
    exact += exponential(law.a_f, law.b_f, (dispersed - 1) ** 2)
    exact += exponential(law.a_fs, law.b_fs, C[0, 1] ** 2)
    exact += exponential(law.a_s, law.b_s, (C[1, 1] - 1) ** 2 if switch == "none" else 0.0)
    assert energy(law, C) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("I4", [0.97, 1.0, 1.02, 1.3])
def test_its_logistic_switch_is_the_benchmark_s(I4):
    law = HolzapfelOgden(switch="logistic")
    C = np.diag([I4, 1.0, 1 / I4])
    factor = 1 / (1 + np.exp(-100 * (I4 - 1)))  # Arostica et al. 2025
    exact = exponential(law.a, law.b, np.trace(C) - 3)
    exact += factor * exponential(law.a_f, law.b_f, (I4 - 1) ** 2)
    assert energy(law, C) == pytest.approx(exact, rel=1e-12, abs=1e-12)


def test_the_switches_agree_on_taut_fibres_and_differ_on_slack_ones():
    laws = [HolzapfelOgden(ramp=1e-8, switch=word) for word in ("ramp", "logistic", "none")]
    taut, slack = np.diag([1.3, 1 / 1.3, 1.0]), np.diag([0.7, 1 / 0.7, 1.0])
    fibre = [pk2(law, taut)[0, 0] for law in laws]
    np.testing.assert_allclose(fibre, fibre[0], rtol=1e-6)
    bare = pk2(HolzapfelOgden(a_f=0.0), slack)[0, 0]
    shares = [(pk2(law, slack)[0, 0] - bare) / fibre[0] for law in laws]
    np.testing.assert_allclose(shares[:2], 0, atol=1e-6)
    assert shares[2] < -0.3


def test_compressed_fibres_bear_almost_nothing():
    law = HolzapfelOgden()
    C = np.diag([0.7, 0.7**-0.5, 0.7**-0.5])
    alone = pk2(law, C) - pk2(HolzapfelOgden(a_f=0.0), C)
    taut = pk2(law, np.diag([1.3, 1.0, 1.0]))[0, 0]
    assert abs(alone[0, 0]) < 0.03 * taut


@settings(deadline=None, max_examples=100)
@given(x=st.floats(-0.5, 0.8))
def test_the_ramp_keeps_the_fibres_energy_convex_in_their_strain(x):
    law, h = HolzapfelOgden(), 1e-4
    ends = [law._fibre_energy(np.float64(x + k * h), law.a_f, law.b_f, np) for k in (-1, 0, 1)]
    assert ends[0] - 2 * ends[1] + ends[2] >= -1e-12


@pytest.mark.parametrize(
    ("law", "differs"),
    [
        (HolzapfelOgden(split="all"), False),
        (HolzapfelOgden(), True),
        (Guccione(), False),
        (Guccione(isochoric=False), True),
        (Usyk(), False),
        (NeoHookean(), False),
        (NeoHookean(isochoric=False), True),
    ],
)
def test_an_isochoric_law_knows_no_change_of_volume(law, differs):
    swollen = energy(law, 1.2 * np.eye(3))
    assert (swollen > 1) if differs else swollen == pytest.approx(0, abs=1e-12)


def test_without_a_change_of_volume_the_splits_have_one_energy():
    laws = [HolzapfelOgden(split=word, kappa_f=0.1) for word in ("matrix", "all", "none")]
    np.testing.assert_allclose(
        [energy(law, ISOCHORIC) for law in laws], energy(laws[0], ISOCHORIC)
    )


def test_the_exponent_leaves_the_stiffness_at_rest():
    C = np.diag([1 + 2e-5, 1.0, 1.0])
    once, thrice = (pk2(HolzapfelOgden(), C, exponent=factor)[0, 0] for factor in (1.0, 3.0))
    assert thrice == pytest.approx(once, rel=1e-3)
    C = np.diag([1.3, 1.0, 1.0])
    once, thrice = (pk2(HolzapfelOgden(), C, exponent=factor)[0, 0] for factor in (1.0, 3.0))
    assert thrice > 1.5 * once


# ---- Guccione and Usyk ------------------------------------------------------------------------


def test_guccione_meets_its_closed_form_in_uniaxial_stretch():
    law = Guccione(isochoric=False)
    E = np.array([0.2, -0.08, -0.05])
    q = law.b_f * E[0] ** 2 + law.b_t * (E[1] ** 2 + E[2] ** 2)
    exact = law.c * np.exp(q) * np.array([law.b_f, law.b_t, law.b_t]) * E
    np.testing.assert_allclose(np.diag(pk2(law, np.diag(1 + 2 * E))), exact, rtol=1e-12)


def test_usyk_meets_its_closed_form():
    law = Usyk(isochoric=False)
    ff, ss, nn, fs, fn, sn = (getattr(law, name) for name in EXPONENTS)
    b = np.array([[ff, fs, fn], [fs, ss, sn], [fn, sn, nn]])
    E = (C - np.eye(3)) / 2
    exact = law.c * np.exp(np.sum(b * E**2)) * b * E
    np.testing.assert_allclose(pk2(law, C), exact, rtol=1e-12)


def test_usyk_of_equal_exponents_is_fung_s_isotropic_law():
    law = Usyk(**dict.fromkeys(EXPONENTS, 7.0))
    E = (ISOCHORIC - np.eye(3)) / 2
    assert energy(law, C) == pytest.approx(law.c / 2 * (np.exp(7 * np.sum(E**2)) - 1), rel=1e-12)


def test_usyk_with_guccione_s_exponents_is_guccione_s_law():
    law = Guccione()
    values = (law.b_f, law.b_t, law.b_t, law.b_fs, law.b_fs, law.b_t)
    same = Usyk(c=law.c, **dict(zip(EXPONENTS, values, strict=True)))
    np.testing.assert_allclose(pk2(same, C), pk2(law, C), rtol=1e-12)


# ---- neo-Hookean ------------------------------------------------------------------------------


def test_a_small_strain_meets_hooke_s_law():
    law = NeoHookean(isochoric=False)
    S = pk2(law, np.eye(3) + 2 * SMALL)
    np.testing.assert_allclose(S, 2 * law.mu * SMALL, atol=1e-4 * law.mu * np.abs(SMALL).max())
    S = pk2(NeoHookean(), np.eye(3) + 2 * SMALL)
    deviator = SMALL - np.trace(SMALL) / 3 * np.eye(3)
    np.testing.assert_allclose(S, 2 * law.mu * deviator, atol=1e-4 * law.mu * np.abs(SMALL).max())


def test_in_simple_shear_the_normal_stresses_differ_by_the_square_of_the_shear():
    amount, law = 0.4, NeoHookean()
    F = np.eye(3)
    F[0, 1] = amount
    cauchy = F @ pk2(law, F.T @ F) @ F.T
    assert cauchy[0, 1] == pytest.approx(law.mu * amount)
    assert cauchy[0, 0] - cauchy[1, 1] == pytest.approx(law.mu * amount**2)


def test_its_modulus_is_that_at_rest_of_land_s_isotropic_wall():
    # Land et al. 2015, problem 2
    wall = Guccione(c=10e3, b_f=1.0, b_t=1.0, b_fs=1.0)
    at_rest = (pk2(law, np.eye(3) + 2 * SMALL) for law in (wall, NeoHookean()))
    np.testing.assert_allclose(*at_rest, atol=1e-6)
