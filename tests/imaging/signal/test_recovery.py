import math

import numpy as np
import pytest
import torch
from scipy.optimize import curve_fit

from cardiotwin.errors import InputError
from cardiotwin.imaging.signal import (
    extracellular_volume,
    inversion_recovery,
    look_locker,
    molli_acquisition,
    molli_t1,
    molli_times,
    saturation_recovery,
)

from .integration import fixed_point, integrate

T1, T2 = 1.03, 0.04


@pytest.mark.parametrize("efficiency", [1.0, 0.95, 0.5])
def test_inversion_recovery_is_that_of_the_bloch_equations(efficiency):
    """Played for ever with a saturating read-out, so that recovery is incomplete."""
    angle, wait, interval = math.acos(1 - 2 * efficiency), 0.4, 2.0
    cycle = [
        ("pulse", angle, 0.0),
        ("spoil",),
        ("wait", wait),
        ("pulse", math.pi / 2, 0.0),
        ("spoil",),
        ("wait", interval - wait),
    ]
    start = fixed_point(cycle, t1=T1, t2=T2)
    now = integrate(start, cycle[:3], t1=T1, t2=T2)[2]
    found = inversion_recovery(
        T1, inversion_time=wait, efficiency=efficiency, shot_interval=interval
    )
    assert float(found) == pytest.approx(now, abs=1e-6)


def test_saturation_recovery_without_saturation_is_the_equilibrium():
    times = torch.tensor([0.1, 0.7, math.inf], dtype=torch.float64)
    found = saturation_recovery(T1, saturation_time=times, m0=3.0)
    np.testing.assert_allclose(found, 3 * (1 - np.exp(-times.numpy() / T1)), rtol=1e-14)


def test_an_endless_time_has_no_slope_and_spoils_none():
    t1 = torch.tensor(1.1, dtype=torch.float64, requires_grad=True)
    times = torch.tensor([0.3, math.inf], dtype=torch.float64)
    saturation_recovery(t1, saturation_time=times).sum().backward()
    assert float(t1.grad) == pytest.approx(-0.3 / 1.1**2 * math.exp(-0.3 / 1.1), rel=1e-12)


def test_molli_reads_five_waits_three_and_reads_three():
    np.testing.assert_allclose(
        molli_times(heart_period=1.0), [0.1, 1.1, 2.1, 3.1, 4.1, 0.18, 1.18, 2.18], rtol=1e-14
    )


def test_a_scheme_without_its_times_is_refused():
    with pytest.raises(InputError, match=r"\(5, 3, 3\) has 2 groups of images and first has 1"):
        molli_times((5, 3, 3), first=(0.1,), heart_period=1.0)


def test_a_read_out_longer_than_the_inversion_time_is_refused():
    with pytest.raises(InputError, match=r"takes 0.273 s to the centre"):
        molli_acquisition(T1, T2, n_pulses=200, centre=100)


def test_mollis_images_are_those_of_the_bloch_equations():
    """Two images after one inversion, pulse by pulse."""
    flip, spacing, n_pulses, centre, period = math.radians(35), 2.8e-3, 5, 2, 0.8
    towards = math.pi / 2
    now = np.array([0.0, 0.0, -1.0])
    found, clock = [], 0.0
    for image in range(2):
        wait = 0.1 + image * period - (centre + 1) * spacing - clock
        events = [("wait", wait), ("pulse", flip / 2, towards), ("wait", spacing / 2)]
        now, clock = integrate(now, events, t1=T1, t2=T2), clock + wait + spacing / 2
        for number in range(n_pulses):
            sign = -1 if number % 2 == 0 else 1
            events = [("pulse", sign * flip, towards), ("wait", spacing / 2)]
            now = integrate(now, events, t1=T1, t2=T2)
            if number == centre:
                found.append(sign * now[0])
            last = number == n_pulses - 1
            now = now if last else integrate(now, [("wait", spacing / 2)], t1=T1, t2=T2)
        clock += n_pulses * spacing - spacing / 2
    signals = molli_acquisition(
        T1,
        T2,
        scheme=(2,),
        first=(0.1,),
        heart_period=period,
        flip_angle=flip,
        repetition_time=spacing,
        n_pulses=n_pulses,
        centre=centre,
    )
    np.testing.assert_allclose(signals.real, found, atol=2e-7)


def test_pulses_that_do_nothing_leave_the_true_t1():
    """A vanishing flip in a short read-out disturbs nothing: A - B exp(-TI/T1) with B = 2 A."""
    read_out = {"flip_angle": 1e-6, "repetition_time": 1e-6, "n_pulses": 1, "centre": 0}
    signals = molli_acquisition(T1, T2, scheme=(5,), first=(0.12,), **read_out).real
    times = molli_times((5,), first=(0.12,), heart_period=1.0)
    ratio = signals / signals[-1]
    expected = inversion_recovery(T1, inversion_time=times)
    np.testing.assert_allclose(ratio, expected / expected[-1], rtol=1e-5)


@pytest.mark.parametrize(("t1", "t2"), [(1.030, 0.040), (1.471, 0.047)])
def test_molli_underestimates_the_t1_of_the_wall(t1, t2):
    """MOLLI's T1 is shorter, by more than noise and less than a fifth (Kellman & Hansen 2014)."""
    times = molli_times(heart_period=1.0).numpy()
    signals = molli_acquisition(t1, t2).real.numpy()

    def model(time, a, b, apparent):
        return a - b * np.exp(-time / apparent)

    (a, b, apparent), _ = curve_fit(model, times, signals, p0=(0.2, 0.4, 1.0))
    reported = float(molli_t1(a, b, apparent))
    assert 0.80 * t1 < reported < 0.98 * t1
    np.testing.assert_allclose(
        look_locker(a, b, apparent, inversion_time=torch.from_numpy(times)),
        model(times, a, b, apparent),
        rtol=1e-12,
    )


def test_a_wall_that_takes_up_as_blood_does_is_plasma():
    """Equal changes of relaxation rate: the fraction is that of plasma in blood, 1 - Hct."""
    after, wall = 1 / (1 / 1.4 + 2), 1 / (1 / 1.0 + 2)
    found = extracellular_volume(1.0, wall, 1.4, after, 0.42)
    assert float(found) == pytest.approx(0.58, rel=1e-12)
