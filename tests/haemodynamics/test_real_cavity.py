"""The cavity of a measured heart: every third frame of a cine."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import CavityTemplate, make_cavity, measured_frames
from cardiotwin.imaging.read import read_examination

PERIOD = 0.86  # s


@pytest.mark.real_data
@pytest.mark.slow
def test_the_cavity_of_a_cine_empties_and_fills_as_its_authors_surfaces_do(real_data):
    """The authors' fitted surfaces hold 157.9 mL at end-diastole and 57.4 mL at end-systole."""
    folder = real_data / "cine" / "patient1" / "guidepoints"
    examination = read_examination(folder)
    thinned = replace(examination, motion=examination.motion[::3])
    coarse = CavityTemplate(edge=0.15, layers=16)
    cavity = make_cavity(measured_frames(thinned), PERIOD, coarse, harmonics=3)
    volumes = np.array([cavity.ventricle_volume(t * PERIOD / 9) for t in range(9)])
    assert volumes.argmin() == 3  # frame 9
    assert volumes.max() - volumes.min() == pytest.approx(100.5e-6, rel=0.2)
    assert cavity.shrinkage > 0.05
    with pytest.raises(InputError, match=r"motion of a cavity needs .* found 2 frames"):
        measured_frames(replace(examination, motion=examination.motion[:2]))
