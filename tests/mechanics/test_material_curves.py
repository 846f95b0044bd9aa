"""The passive laws against measured curves, with published constants or fitted to them."""

import tomllib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares

from cardiotwin.mechanics.material import Guccione, HolzapfelOgden, NeoHookean, Usyk

from .stresses import pk2

pytestmark = pytest.mark.validation

PUBLISHED = Path(__file__).parents[1] / "published"
DOKOS, YIN, TRELOAR = (
    tomllib.loads((PUBLISHED / f"{name}.toml").read_text())
    for name in ("dokos_2002", "yin_1987", "treloar_1944")
)
MODES = ["fs", "fn", "sf", "sn", "nf"]
AXIS = {"f": 0, "s": 1, "n": 2}


def shear_stress(law, mode, amount):
    across, along = (AXIS[letter] for letter in mode)
    F = np.eye(3)
    F[along, across] = amount
    return (F @ pk2(law, F.T @ F) @ F.T)[across, along]


def plane_stress(law, E_ff, E_ss):
    """Return the second Piola-Kirchhoff stress of an incompressible sheet, free across."""
    C = np.diag([1 + 2 * E_ff, 1 + 2 * E_ss, 1 / ((1 + 2 * E_ff) * (1 + 2 * E_ss))])
    S = pk2(law, C)
    return S - S[2, 2] * C[2, 2] * np.linalg.inv(C)


def shear_misfit(law, mode):
    curve = DOKOS[mode]
    found = np.array([shear_stress(law, mode, amount) for amount in curve["shear"]])
    return (found - curve["value"]) / max(curve["value"])


def biaxial_misfit(law, curve):
    ratio = curve["ratio"]
    fibre = [plane_stress(law, E, E / ratio)[0, 0] for E in curve["fibre_strain"]]
    sheet = [plane_stress(law, E * ratio, E)[1, 1] for E in curve["sheet_strain"]]
    values = np.array([*curve["fibre_value"], *curve["sheet_value"]])
    return (np.array([*fibre, *sheet]) - values) / values.max()


def root_mean_square(values):
    return np.sqrt(np.mean(np.square(values)))


@pytest.mark.parametrize("mode", MODES)
def test_holzapfel_ogden_shears_as_pig_myocardium(mode):
    """Dokos et al. (2002) with the constants of Goektepe et al. (2011)."""
    law = HolzapfelOgden(**DOKOS["holzapfel_ogden"])
    assert root_mean_square(shear_misfit(law, mode)) < DOKOS[mode]["tolerance"]


def test_shear_is_stiffest_where_fibres_stretch_and_softest_between_sheets():
    """Dokos et al. (2002): FS > FN > SF > SN > NF."""
    for law in (HolzapfelOgden(**DOKOS["holzapfel_ogden"]), HolzapfelOgden()):
        stresses = [shear_stress(law, mode, 0.49) for mode in MODES]
        assert all(stiff > soft for stiff, soft in pairwise(stresses))


@pytest.mark.parametrize("name", ["steep", "even"])
def test_holzapfel_ogden_stretches_as_dog_myocardium(name):
    """Yin et al. (1987) with the constants of Holzapfel & Ogden (2009)."""
    law = HolzapfelOgden(**YIN["holzapfel_ogden"], a_s=0.0, a_fs=0.0)
    assert root_mean_square(biaxial_misfit(law, YIN[name])) < YIN[name]["tolerance"]


def test_usyk_can_shear_as_pig_myocardium():
    """Dokos et al. (2002): seven constants fit the five modes as well as eight of another law."""
    names = ("c", "b_ff", "b_ss", "b_nn", "b_fs", "b_fn", "b_sn")

    def misfit(logarithms):
        law = Usyk(**dict(zip(names, np.exp(logarithms).tolist(), strict=True)))
        return np.concatenate([shear_misfit(law, mode) for mode in MODES])

    start = np.log([300.0, 30, 10, 5, 10, 5, 5])
    fit = least_squares(misfit, start, bounds=(np.log(1e-3), np.log(1e4)))
    assert root_mean_square(fit.fun) < 0.06


def test_guccione_can_stretch_as_dog_myocardium():
    """Yin et al. (1987)."""

    def misfit(logarithms):
        c, b_f, b_t = np.exp(logarithms).tolist()
        law = Guccione(c=c, b_f=b_f, b_t=b_t)
        return np.concatenate([biaxial_misfit(law, YIN[name]) for name in ("steep", "even")])

    fit = least_squares(misfit, np.log([1000.0, 20, 10]))
    assert root_mean_square(fit.fun) < 0.08


def test_a_neo_hookean_solid_stretches_as_rubber():
    """Treloar (1944)."""
    law, curve = NeoHookean(**TRELOAR["neo_hookean"]), TRELOAR["uniaxial"]
    nominal = []
    for stretch in curve["stretch"]:
        C = np.diag([stretch**2, 1 / stretch, 1 / stretch])
        S = pk2(law, C)
        nominal.append(stretch * (S[0, 0] - S[1, 1] * C[1, 1] / C[0, 0]))
    misfit = (np.array(nominal) - curve["value"]) / max(curve["value"])
    assert root_mean_square(misfit) < curve["tolerance"]
