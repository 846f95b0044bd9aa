from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.exam import Volunteer, end_diastolic_wall
from cardiotwin.exam.beat import solve_beat
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.template import Template
from cardiotwin.geometry.volumes import wall_volume


@pytest.mark.slow
def test_the_true_beat_starts_at_the_recipes_shape_and_keeps_the_walls_volume():
    volunteer = replace(Volunteer(), template=Template(rings=4, layers=1))
    mesh = end_diastolic_wall(volunteer)
    beat = solve_beat(volunteer, mesh)
    np.testing.assert_allclose(beat.end_diastole, mesh.points, atol=1e-9)
    volumes = [
        cavity_volume(points, mesh)
        for points in (beat.end_systole, beat.unloaded, beat.end_diastole)
    ]
    assert volumes == sorted(volumes)
    assert wall_volume(beat.end_systole, mesh) == pytest.approx(
        wall_volume(mesh.points, mesh), rel=1e-3
    )
