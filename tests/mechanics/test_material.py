"""The passive laws, in numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardiotwin.errors import InputError
from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.material import Guccione, HolzapfelOgden, Material
from cardiotwin.mechanics.springs import Springs

from .stresses import energy, pk2, stretches

LAWS = [HolzapfelOgden(), Guccione(), Guccione(isochoric=False)]
components = st.lists(st.floats(-0.25, 0.25), min_size=9, max_size=9)


def stretched(values):
    F = np.eye(3) + np.array(values).reshape(3, 3)
    return F / np.cbrt(np.linalg.det(F))


@pytest.mark.parametrize("law", LAWS)
def test_a_law_at_rest_has_neither_energy_nor_stress(law):
    assert isinstance(law, Material)
    assert energy(law, np.eye(3)) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(pk2(law, np.eye(3)), 0, atol=1e-10)


@pytest.mark.parametrize("law", LAWS)
@settings(deadline=None, max_examples=50)
@given(values=components)
def test_no_deformation_sets_energy_free(law, values):
    F = stretched(values)
    assert energy(law, F.T @ F) >= -1e-9


@pytest.mark.parametrize("law", LAWS)
@settings(deadline=None, max_examples=25)
@given(values=components, scale=st.floats(0.1, 10))
def test_the_scale_multiplies_every_stress(law, values, scale):
    F = stretched(values)
    C = F.T @ F
    np.testing.assert_allclose(
        pk2(law, C, scale=scale), scale * pk2(law, C), rtol=1e-12, atol=1e-9
    )


def test_the_exponent_leaves_the_stiffness_at_rest():
    C = np.diag([1 + 2e-5, 1.0, 1.0])
    once, thrice = (pk2(HolzapfelOgden(), C, exponent=factor)[0, 0] for factor in (1.0, 3.0))
    assert thrice == pytest.approx(once, rel=1e-3)
    C = np.diag([1.3, 1.0, 1.0])
    once, thrice = (pk2(HolzapfelOgden(), C, exponent=factor)[0, 0] for factor in (1.0, 3.0))
    assert thrice > 1.5 * once


def test_guccione_meets_its_closed_form_in_uniaxial_stretch():
    law = Guccione(isochoric=False)
    E = np.array([0.2, -0.08, -0.05])
    q = law.b_f * E[0] ** 2 + law.b_t * (E[1] ** 2 + E[2] ** 2)
    exact = law.c * np.exp(q) * np.array([law.b_f, law.b_t, law.b_t]) * E
    np.testing.assert_allclose(np.diag(pk2(law, np.diag(1 + 2 * E))), exact, rtol=1e-12)


def test_holzapfel_ogden_meets_its_published_form_where_fibres_are_taut():
    # eq. 5.38 without the ramp, whose width vanishes against this stretch
    law = HolzapfelOgden(ramp=1e-8)
    I4, C = 1.2, np.diag([1.2, 1.2**-0.5, 1.2**-0.5])
    I1 = np.trace(C)
    matrix = law.a / (2 * law.b) * (np.exp(law.b * (I1 - 3)) - 1)
    fibre = law.a_f / (2 * law.b_f) * (np.exp(law.b_f * (I4 - 1) ** 2) - 1)
    assert energy(law, C) == pytest.approx(matrix + fibre, rel=1e-6)


@settings(deadline=None, max_examples=100)
@given(x=st.floats(-0.5, 0.8))
def test_the_fibres_energy_is_convex_in_their_strain(x):
    law, h = HolzapfelOgden(), 1e-4
    ends = [law._fibre_energy(np.float64(x + k * h), law.a_f, law.b_f, np) for k in (-1, 0, 1)]
    assert ends[0] - 2 * ends[1] + ends[2] >= -1e-12


def test_compressed_fibres_bear_almost_nothing():
    law = HolzapfelOgden()
    C = np.diag([0.7, 0.7**-0.5, 0.7**-0.5])
    alone = pk2(law, C) - pk2(HolzapfelOgden(a_f=1e-9), C)
    taut = pk2(law, np.diag([1.3, 1.0, 1.0]))[0, 0]
    assert abs(alone[0, 0]) < 0.03 * taut


def test_the_active_stress_acts_along_the_fibre_and_by_its_share_across():
    C = np.diag([1.2, 0.9, 0.95])
    active = pk2(LAWS[0], C, active_tension=3e3) - pk2(LAWS[0], C)
    share = Activation().cross_fibre
    np.testing.assert_allclose(active, 3e3 * np.diag([1, 0, share]), atol=1e-8)
    assert Activation(cross_fibre=0.0).energy(stretches(C), 3e3) == pytest.approx(3e3 * 0.1)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: HolzapfelOgden(a_f=-1.0),
            r"HolzapfelOgden.a_f must be positive and finite, found -1",
        ),
        (lambda: Guccione(b_t=0.0), r"Guccione.b_t must be positive and finite, found 0"),
        (
            lambda: Springs(pericardium=-2.0),
            r"pericardium must be finite and not negative, found -2\.",
        ),
        (
            lambda: Springs(base_normal=0.0, base_plane=2e5),
            r"base must be held: .*found 0 and 200000 Pa/m",
        ),
        (
            lambda: Springs(annulus=-1e4),
            r"Springs.annulus must be finite and not negative, found -10000",
        ),
        (lambda: Springs(annulus_height=1.0), r"annulus_height must lie between .*, found 1\."),
        (lambda: Activation(cross_fibre=1.2), r"cross_fibre must lie between .*, found 1\.2"),
        (lambda: Activation(cross_fibre=-0.1), r"cross_fibre must lie between .*, found -0\.1"),
        (lambda: Discretisation(form="penalty"), r"penalty form must be .* finite, found inf Pa"),
        (
            lambda: HolzapfelOgden(b=np.inf),
            r"HolzapfelOgden.b must be positive and finite, found inf",
        ),
        (lambda: Discretisation(form="foo"), r"form must be mixed or penalty, found 'foo'"),
        (lambda: NewtonSettings(relative=0.0), r"NewtonSettings.relative must be .*, found 0\."),
        (lambda: NewtonSettings(absolute=np.nan), r"NewtonSettings.absolute .*, found nan"),
        (lambda: NewtonSettings(iterations=0), r"iterations must be at least 1, found 0"),
        (lambda: NewtonSettings(shortest=1.0), r"shortest must lie between 0 and 1, found 1\."),
        (lambda: Discretisation(bulk_modulus=-3.0), r"mixed form must be positive, found -3 Pa"),
    ],
)
def test_what_is_no_material_is_refused_by_name(build, message):
    with pytest.raises(InputError, match=message):
        build()
