import math

import numpy as np
import pytest
import torch

from cardiotwin.errors import InputError
from cardiotwin.imaging.signal import (
    HAMILTON_2011,
    SINGLE_PEAK,
    FatSpectrum,
    off_resonance_between,
    off_resonance_error,
    turned,
    water_fat,
)


@pytest.mark.parametrize(("field", "hertz"), [(1.5, -217.1), (3.0, -434.3)])
def test_a_single_peak_of_fat_precesses_at_the_known_frequency(field, hertz):
    """-217 Hz at 1.5 T, -434 Hz at 3 T."""
    time = torch.tensor([0.0, 1e-4], dtype=torch.float64)
    first, second = SINGLE_PEAK.modulation(time, field)
    assert float(off_resonance_between(first, second, 1e-4)) == pytest.approx(hertz, abs=0.1)


def test_water_and_fat_are_in_and_out_of_phase_at_the_known_times():
    """At 1.5 T 2.3 and 4.6 ms, so W = (IP + OP)/2 and F = (IP - OP)/2."""
    period = 1 / (3.4e-6 * 42.577478518e6 * 1.5)
    assert period == pytest.approx(4.6e-3, abs=0.05e-3)
    times = torch.tensor([period / 2, period], dtype=torch.float64)
    out, together = water_fat(0.7, 0.3, echo_time=times, field_strength=1.5, spectrum=SINGLE_PEAK)
    assert complex((together + out) / 2) == pytest.approx(0.7, abs=1e-12)
    assert complex((together - out) / 2) == pytest.approx(0.3, abs=1e-12)


def test_water_alone_decays_and_precesses():
    time = torch.linspace(0, 0.01, 7, dtype=torch.float64)
    signal = water_fat(
        2.0, 0.0, echo_time=time, field_strength=3.0, off_resonance=35.0, r2_star=40.0
    )
    expected = 2 * np.exp((2j * np.pi * 35 - 40) * time.numpy())
    np.testing.assert_allclose(signal, expected, rtol=1e-12)


def test_the_peaks_of_fat_start_in_phase():
    assert complex(HAMILTON_2011.modulation(0.0, 3.0)) == pytest.approx(1.0, abs=1e-12)


def test_a_spectrum_without_amplitudes_is_refused():
    with pytest.raises(InputError, match=r"has 2 shifts and amplitudes \(1.0,\)"):
        FatSpectrum(shifts=(-3.4, 0.6), amplitudes=(1.0,))


def test_a_field_map_is_recovered_to_the_edge_of_what_can_be_told_apart():
    spacing = 2e-3
    truth = torch.linspace(-249.0, 249.0, 101, dtype=torch.float64)
    found = off_resonance_between(turned(truth, 1e-3, 0.7), turned(truth, 3e-3, 0.7), spacing)
    np.testing.assert_allclose(found, truth, atol=1e-9)


def test_the_error_of_a_field_map_is_that_of_simulated_noise():
    rng = np.random.default_rng(5)
    n, snr, spacing = 40_000, 25.0, 2e-3
    noise = rng.normal(scale=1 / snr, size=(2, n, 2)) @ [1, 1j]
    first, second = (torch.from_numpy(1.0 + noise[echo]) for echo in range(2))
    found = off_resonance_between(first, second, spacing).std()
    expected = off_resonance_error(snr, snr, spacing)
    assert float(found) == pytest.approx(float(expected), rel=4 / math.sqrt(2 * n))
