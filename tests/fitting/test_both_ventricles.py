"""A heart of both ventricles between its two pressures."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.fitting.heart_model import HeartModel, Trial
from cardiotwin.geometry.biventricular import BiventricularOptions, Doste, fit_biventricle
from cardiotwin.imaging import read_examination
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall
from cardiotwin.units import MM, MMHG

FULL = 22 * MMHG
TRIAL = Trial(
    passive_scale=2.0, passive_exponent=2.5, end_diastolic_pressure=10 * MMHG, rv_share=0.3
)


@pytest.fixture(scope="module")
def wall(real_data):
    heart = read_examination(real_data / "cine/autofd/C/seg_sa_ED.nii.gz")
    anatomy = fit_biventricle(heart, BiventricularOptions(edge=15 * MM, rv_wall=5 * MM))
    return Wall(
        anatomy.mesh,
        angles=Doste(),
        material=HolzapfelOgden(),
        springs=Springs(),
        discretisation=Discretisation(newton=NewtonSettings(relative=1e-11)),
    )


@pytest.mark.real_data
@pytest.mark.slow
def test_slopes_count_the_right_pressure_that_rises_with_the_left_one(wall):
    model = HeartModel(wall, (FULL,))
    placed = model.first(TRIAL)
    slopes = model.slopes(placed)
    for name in ("end_diastolic_pressure", "passive_exponent"):
        value = getattr(TRIAL, name)
        ahead, behind = (
            model.volumes(model.moved(placed, replace(TRIAL, **{name: value * (1 + step)})))
            for step in (1e-3, -1e-3)
        )
        for key, slope in slopes.items():
            found = (ahead[key] - behind[key]) / (2e-3 * value)
            assert slope[name] == pytest.approx(found, rel=1e-3)


@pytest.mark.real_data
@pytest.mark.slow
def test_what_both_pressures_lead_to_the_image_leads_back_to_it(wall):
    placed = HeartModel(wall, ()).first(TRIAL)
    empty = wall.state(placed.unloaded, unloaded=True)
    image = wall.state(wall.imaged(placed.unloaded))
    assert image.right.cavity_pressure == pytest.approx(3 * MMHG)
    assert empty.right.cavity_pressure == 0
    assert empty.right.cavity_volume < image.right.cavity_volume
    assert empty.cavity_volume < image.cavity_volume
    curve = HeartModel(wall, ()).filling(placed, np.array([0.5, 1.0]) * 10 * MMHG)
    returned = wall.points(curve[-1])
    np.testing.assert_allclose(returned, wall.mesh.points, atol=1e-9)
