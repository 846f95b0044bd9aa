"""A personal loop whose valves keep measured times."""

import pytest

from cardiotwin.circulation import Circulation, LimitCycle, from_end_diastole, settle
from cardiotwin.coupling import Beat, timing
from cardiotwin.coupling.personal import AORTIC_IMPEDANCE, healthy_adult
from cardiotwin.coupling.timing import CLOSE, root_impedance, timed_circulation
from cardiotwin.errors import InputError
from cardiotwin.units import ML, MMHG

BEAT = Beat(
    period=0.86,
    end_diastolic_volume=150 * ML,
    end_systolic_volume=60 * ML,
    end_diastolic_pressure=9 * MMHG,
    end_systolic_pressure=105 * MMHG,
)


def adult(beat: Beat, loop: Circulation) -> tuple[Circulation, LimitCycle]:
    """Return the loop as it is: what fits it to volumes and pressures has tests of its own."""
    loop = from_end_diastole(loop, beat.period)
    return loop, settle(loop, loop.start(), tolerance=1e-2)


def test_the_valves_keep_the_measured_systole_and_relaxation(monkeypatch):
    monkeypatch.setattr(timing, "personal_circulation", adult)
    circulation, _, drive = timed_circulation(BEAT, 0.36, 0.07)
    (begin, rising), (end, shut) = drive.rest_before_ejection, drive.rest_before_filling
    assert (end - begin) % BEAT.period == pytest.approx(0.36, abs=CLOSE)
    assert shut == pytest.approx(0.07, abs=CLOSE)
    assert 0.03 < rising < 0.13
    # While neither valve passes blood the ventricle's pressure is between the two others'.
    assert drive.at("atrium", end) < drive.at("ventricle", end) < drive.at("root", end)
    assert 0 < root_impedance(circulation) < circulation.aortic.open_resistance


def test_the_adults_root_has_its_own_impedance():
    assert root_impedance(healthy_adult()) == pytest.approx(AORTIC_IMPEDANCE)


def test_times_that_do_not_fit_into_the_beat_are_refused():
    with pytest.raises(InputError, match=r"found 820 and 70 ms in 860 ms"):
        timed_circulation(BEAT, 0.82, 0.07)
    with pytest.raises(InputError, match=r"found 360 and -70 ms"):
        timed_circulation(BEAT, 0.36, -0.07)
