import numpy as np
import pytest
from first_pass_motion import INNER, MIDDLE, OUTER, SIZE, Options, moving_slice

from cardiotwin.errors import InputError
from cardiotwin.perfusion.wall import find_wall


def test_the_wall_found_is_the_ring_between_blood_and_outside():
    made = moving_slice(Options())
    wall, pool = find_wall(made.still, made.aif)
    rows, columns = np.indices((SIZE, SIZE))
    away = np.hypot(rows - MIDDLE[0], columns - MIDDLE[1])
    assert wall[(away > INNER + 2.5) & (away < OUTER - 1.5) & made.wall].mean() > 0.85
    assert not wall[(away < INNER) | (away > OUTER + 1.5)].any()
    assert (pool == (away < INNER)).mean() > 0.98


def test_a_slice_without_a_ventricle_is_refused():
    made = moving_slice(Options())
    with pytest.raises(InputError, match=r"No voxel rises as the arterial input does"):
        find_wall(0.1 * made.still, made.aif)
