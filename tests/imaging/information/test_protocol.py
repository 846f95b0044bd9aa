import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.information.protocol import Prior, Scan, protocol_information

PRIORS = {
    "m0": Prior(value=1.0, sd=0.3),
    "t1": Prior(value=1.0, sd=0.1),
    "t2": Prior(value=0.045, sd=0.01),
    "velocity": Prior(value=0.0, sd=0.2, positive=False),
}
PLACE = {"matrix": (10, 10), "slices": 1, "coils": 4, "minutes": 1.0}


def scan(contrast, snr=30.0, **acquisition):
    return Scan(contrast=contrast, snr=snr, acquisition=acquisition, **PLACE)


def inform(scans, seed=0):
    return protocol_information(scans, PRIORS, rng=np.random.default_rng(seed), n_samples=4)


T1_MAP = scan("inversion_recovery", inversion_time=[0.1, 0.5, 1.0, 2.0, 4.0])
T2_MAP = scan("t2_prepared", preparation_time=[0.0, 0.025, 0.055])
FLOW = scan("phase_contrast", venc=1.5)


def test_gains_add_up_to_the_whole_in_any_order():
    one = inform({"t1": T1_MAP, "t2": T2_MAP, "flow": FLOW})
    other = inform({"flow": FLOW, "t2": T2_MAP, "t1": T1_MAP})
    for found in (one, other):
        total = sum(each.gain_bits for each in found.scans)
        assert total == pytest.approx(found.bits_per_voxel, rel=1e-12)
    assert one.bits_per_voxel == pytest.approx(other.bits_per_voxel, rel=1e-12)


def test_a_sequence_tells_less_given_others_and_never_less_than_nothing():
    for each in inform({"t1": T1_MAP, "t2": T2_MAP, "flow": FLOW}).scans:
        assert 0 <= each.last_gain_bits <= each.gain_bits * (1 + 1e-12)
        assert each.gain_bits <= each.alone_bits * (1 + 1e-12)


def test_a_parameter_that_no_sequence_sees_keeps_its_prior():
    found = inform({"t1": T1_MAP})
    assert found.parameter_bits["t2"] == pytest.approx(0.0, abs=1e-12)
    assert found.parameter_bits["velocity"] == pytest.approx(0.0, abs=1e-12)
    assert found.parameter_bits["t1"] > 0.5


def test_much_signal_gains_a_bit_per_parameter_for_each_doubling():
    low = inform({"flow": scan("phase_contrast", snr=1000.0, venc=1.5)})
    high = inform({"flow": scan("phase_contrast", snr=2000.0, venc=1.5)})
    assert high.bits_per_voxel - low.bits_per_voxel == pytest.approx(2.0, abs=0.01)


def test_the_velocity_is_as_exact_as_theory_says():
    """sqrt(2) venc/(pi SNR) from two encodings of +venc/2 and -venc/2, beside the prior."""
    priors = PRIORS | {"m0": Prior(value=1.0, sd=1e-6)}
    found = protocol_information({"flow": FLOW}, priors, rng=np.random.default_rng(0), n_samples=2)
    sd = np.sqrt(2) * 1.5 / (np.pi * 30)
    expected = 0.5 * np.log2(1 + (0.2 / sd) ** 2)
    assert found.parameter_bits["velocity"] == pytest.approx(expected, rel=1e-5)


def test_the_data_weigh_what_coils_and_samples_say():
    (row,) = inform({"t2": T2_MAP}).scans
    assert row.data_bytes == 10 * 10 * 1 * 4 * 3 * 8
    assert row.bits_per_byte == pytest.approx(row.gain_bits * 100 / row.data_bytes)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: scan("t3"), r"no contrast 't3'"),
        (lambda: scan("t2_prepared", snr=0.0), r"snr of a sequence must be positive, found 0"),
        (lambda: Prior(value=1.0, sd=0.0), r"positive sd, .* found value 1 and sd 0"),
        (lambda: inform({"x": scan("t2_prepared")}), r"Set right preparation_time"),
        (lambda: inform({"x": scan("ivim", b_values=[0.0, 1e8])}), r"Set right d, d_star, f"),
    ],
)
def test_a_protocol_that_cannot_be_is_refused(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()
