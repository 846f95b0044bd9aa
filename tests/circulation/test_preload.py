"""Blood is given until the ventricle begins its beats where it was measured."""

import numpy as np
import pytest

from cardiotwin.circulation import Record, beat
from cardiotwin.circulation.preload import infused, preload
from cardiotwin.errors import InputError
from cardiotwin.units import ML, MMHG

from .loops import ADULT


@pytest.mark.parametrize(("volume", "pressure"), [(125 * ML, 10 * MMHG), (190 * ML, 16 * MMHG)])
def test_beats_begin_at_the_end_diastole_that_was_measured(volume, pressure):
    loop, cycle = preload(ADULT, volume, pressure, 150)
    record = Record.of(beat(loop, cycle.state, 150))
    for row in (0, -1):
        assert record.volume[row, 1] == pytest.approx(volume, rel=2e-4)
        assert record.pressure[row, 1] == pytest.approx(pressure, rel=2e-4)
    assert record.change(cycle.record) < 1e-3


def test_given_blood_is_in_the_veins_and_nowhere_else():
    start = ADULT.start()
    more = infused(ADULT, start, 100 * ML)
    assert more.blood - start.blood == pytest.approx(100 * ML, rel=1e-10)
    E, V0 = ADULT.laws(0.0)
    np.testing.assert_allclose(more.pressure, E * (np.array(more.volume) - V0), rtol=1e-12)


def test_an_end_diastole_below_the_unstressed_volume_is_refused():
    with pytest.raises(InputError, match=r"unstressed volume, found 4 mL"):
        preload(ADULT, 4 * ML, 10 * MMHG)
