"""What holds for every passive law, in numpy, UFL and torch, and what each refuses."""

import numpy as np
import pytest
import torch
import ufl
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from ufl.algorithms.apply_algebra_lowering import apply_algebra_lowering
from ufl.algorithms.apply_derivatives import apply_derivatives

from cardiotwin.errors import InputError
from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.material import (
    Guccione,
    HolzapfelOgden,
    Material,
    NeoHookean,
    Stretches,
    Usyk,
)
from cardiotwin.mechanics.springs import Springs

from .stresses import energy, pk2

LAWS = [
    HolzapfelOgden(),
    HolzapfelOgden(kappa_f=0.1, kappa_s=0.2, split="all"),
    HolzapfelOgden(switch="logistic", split="none"),
    HolzapfelOgden(switch="none", kappa_f=0.3),
    Guccione(),
    Guccione(isochoric=False),
    Usyk(),
    Usyk(isochoric=False),
    NeoHookean(),
    NeoHookean(isochoric=False),
]
components = st.lists(st.floats(-0.25, 0.25), min_size=9, max_size=9)
vectors = st.lists(st.floats(-3, 3), min_size=3, max_size=3)


def deformed(values):
    return np.eye(3) + np.array(values).reshape(3, 3)


def stretched(values):
    F = deformed(values)
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


@pytest.mark.parametrize("law", LAWS)
@settings(deadline=None, max_examples=25)
@given(values=components)
def test_the_stress_is_the_energy_s_central_difference(law, values):
    F, h = deformed(values), 1e-6
    C = F.T @ F
    S = pk2(law, C)
    for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)):
        step = np.zeros((3, 3))
        step[i, j] = step[j, i] = h / 2 if i != j else h
        slope = (energy(law, C + step) - energy(law, C - step)) / h
        assert slope == pytest.approx(S[i, j], rel=1e-5, abs=1e-4 * (1 + np.abs(S).max()))


@pytest.mark.parametrize("law", LAWS)
@settings(deadline=None, max_examples=25)
@given(values=components, turn=vectors)
def test_a_turn_of_the_body_changes_no_energy_and_turns_the_stress(law, values, turn):
    F, R = deformed(values), Rotation.from_rotvec(turn).as_matrix()
    turned = R @ F
    assert energy(law, turned.T @ turned) == pytest.approx(energy(law, F.T @ F), rel=1e-9)
    cauchy, after = (A @ pk2(law, A.T @ A) @ A.T for A in (F, turned))
    np.testing.assert_allclose(after, R @ cauchy @ R.T, rtol=1e-7, atol=1e-6)


def energy_change(law, values, Q):
    """Return how a turn Q of the material before it deforms changes its energy, relative."""
    F = deformed(values)
    C = F.T @ F
    return energy(law, Q.T @ C @ Q) / energy(law, C) - 1


@pytest.mark.parametrize("law", LAWS)
@settings(deadline=None, max_examples=25)
@given(values=components, signs=st.sampled_from([(1, 1, -1), (1, -1, 1), (-1, 1, 1)]))
def test_every_law_is_orthotropic(law, values, signs):
    F, Q = deformed(values), np.diag(signs)
    C = F.T @ F
    assert energy(law, Q.T @ C @ Q) == pytest.approx(energy(law, C), rel=1e-12, abs=1e-12)


SKEW = [0.1, 0.2, -0.1, 0.05, -0.1, 0.15, 0.0, 0.1, 0.05]


@pytest.mark.parametrize(
    ("law", "about_fibre", "about_all"),
    [
        (Guccione(), True, False),
        (HolzapfelOgden(a_s=0.0, a_fs=0.0), True, False),
        (HolzapfelOgden(a_fs=0.0, kappa_s=1 / 3), True, False),
        (HolzapfelOgden(a_fs=0.0, kappa_f=1 / 3, kappa_s=1 / 3), True, True),
        (HolzapfelOgden(), False, False),
        (Usyk(), False, False),
        (Usyk(**dict.fromkeys(("b_ff", "b_ss", "b_nn", "b_fs", "b_fn", "b_sn"), 4.0)), True, True),
        (NeoHookean(), True, True),
    ],
)
def test_a_law_knows_the_directions_that_it_has_and_no_other(law, about_fibre, about_all):
    turns = [[0.7, 0, 0], [2.0, 0, 0]], [[0.3, 0.8, 0], [-0.4, 0.2, 1.1]]
    for known, turn in zip((about_fibre, about_all), turns, strict=True):
        changes = [
            abs(energy_change(law, SKEW, Rotation.from_rotvec(vector).as_matrix()))
            for vector in turn
        ]
        assert max(changes) < 1e-12 if known else min(changes) > 1e-2


@pytest.mark.parametrize("law", LAWS)
def test_ufl_differentiates_the_same_text(law):
    F = deformed(SKEW)
    C = ufl.variable(ufl.as_matrix((F.T @ F).tolist()))
    pairs = ((C[i, j] + C[j, i]) / 2 for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)))
    density = law.energy(Stretches(*pairs, J=ufl.sqrt(ufl.det(C))), ufl, 2.0, 1.5)
    S = apply_derivatives(apply_algebra_lowering(2 * ufl.diff(density, C)))
    found = [[float(S[i, j](())) for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(found, pk2(law, F.T @ F, scale=2.0, exponent=1.5), rtol=1e-9)


class Strict:
    """Functions that take arrays alone, as torch's do."""

    def __getattr__(self, name):
        if name not in {"exp", "log", "sqrt", "tanh"}:
            raise AttributeError(name)

        def function(x):
            assert isinstance(x, np.ndarray), f"{name} of a plain number"
            return getattr(np, name)(x)

        return function


@pytest.mark.parametrize("law", LAWS)
def test_many_points_at_once_have_the_energies_of_each(law):
    F = np.stack([deformed(SKEW), deformed(np.negative(SKEW)), np.eye(3)])
    C = F.transpose(0, 2, 1) @ F
    pairs = (C[:, i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)))
    found = law.energy(Stretches(*pairs, J=np.linalg.det(F)), Strict())
    np.testing.assert_allclose(found, [energy(law, c) for c in C], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_torch_differentiates_the_same_text(law):
    F = deformed(SKEW)
    C = torch.tensor(F.T @ F, dtype=torch.float64, requires_grad=True)
    pairs = ((C[i, j] + C[j, i]) / 2 for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)))
    law.energy(Stretches(*pairs, J=torch.sqrt(torch.det(C))), torch, 2.0, 1.5).backward()
    expected = pk2(law, F.T @ F, scale=2.0, exponent=1.5)
    np.testing.assert_allclose(2 * C.grad.numpy(), expected, rtol=1e-9)


def test_the_active_stress_acts_along_the_fibre_and_by_its_share_across():
    C = np.diag([1.2, 0.9, 0.95])
    active = pk2(LAWS[0], C, active_tension=3e3) - pk2(LAWS[0], C)
    share = Activation().cross_fibre
    np.testing.assert_allclose(active, 3e3 * np.diag([1, 0, share]), atol=1e-8)
    assert Activation(cross_fibre=0.0).stress(3e3) == (3e3, 0, 0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: HolzapfelOgden(a_f=-1.0),
            r"HolzapfelOgden.a_f must be finite and not negative, found -1",
        ),
        (
            lambda: HolzapfelOgden(b_f=0.0),
            r"HolzapfelOgden.b_f must be finite and positive, found 0",
        ),
        (
            lambda: HolzapfelOgden(kappa_f=0.4),
            r"HolzapfelOgden.kappa_f must lie between 0 and 1/3, found 0\.4",
        ),
        (lambda: HolzapfelOgden(switch="ramps"), r"switch .*, found 'ramps'.*ramp, logistic or"),
        (lambda: HolzapfelOgden(split="J"), r"split .*, found 'J'.*matrix, all or none"),
        (lambda: Guccione(b_t=0.0), r"Guccione.b_t must be finite and positive, found 0"),
        (lambda: Usyk(b_fn=-1.0), r"Usyk.b_fn must be finite and positive, found -1"),
        (
            lambda: NeoHookean(mu=float("nan")),
            r"NeoHookean.mu must be finite and positive, found nan",
        ),
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
            r"HolzapfelOgden.b must be finite and positive, found inf",
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
