import math

import numpy as np
import pytest
import torch

from cardiotwin.errors import InputError
from cardiotwin.imaging.design import Choice, optimal_acquisition, variation
from cardiotwin.imaging.retrieval import fit
from cardiotwin.imaging.signal import (
    ernst_angle,
    inversion_recovery,
    multi_echo,
    saturation_recovery,
    spin_echo_train,
    spoiled_gradient_echo,
)

T1, T2 = 1.2, 0.045


def best(signal, tissue, choices, interest, **options):
    return optimal_acquisition(
        signal,
        [tissue],
        choices,
        interest=dict.fromkeys(interest, 1.0),
        rng=np.random.default_rng(0),
        **options,
    )


def decay(m0, t2, echo_time):
    return multi_echo(t2, echo_time=echo_time, m0=m0)


def test_two_flip_angles_for_t1_lie_where_the_signal_is_that_of_ernst_over_root_two():
    """TR 5 ms, T1 1.2 s: 2.166 and 12.576 degrees (Deoni et al. 2003, MRM 49:515)."""

    def signal(m0, t1, flip_angle):
        return spoiled_gradient_echo(t1, flip_angle=flip_angle, repetition_time=5e-3, m0=m0)

    choice = {"flip_angle": Choice(lowest=math.radians(0.5), highest=math.radians(40), number=2)}
    found = best(signal, {"m0": 1.0, "t1": T1}, choice, ["t1"])
    angles = found.acquisition["flip_angle"]
    np.testing.assert_allclose(np.degrees(angles), [2.166, 12.576], atol=2e-3)
    peak = signal(1.0, T1, ernst_angle(T1, 5e-3))
    ratio = signal(1.0, T1, torch.from_numpy(angles)) / peak
    np.testing.assert_allclose(ratio, math.sqrt(0.5), rtol=1e-4)


def test_two_echoes_for_t2_are_1_109_apart():
    """TE 0 and 1.109 T2; coefficient of variation 2.878/SNR."""
    choice = {"echo_time": Choice(lowest=0.0, highest=0.3, number=2)}
    found = best(decay, {"m0": 1.0, "t2": T2}, choice, ["t2"], noise_sd=0.01)
    first, second = found.acquisition["echo_time"]
    assert first == pytest.approx(0.0, abs=1e-9)
    assert second / T2 == pytest.approx(1.109, abs=5e-4)
    assert found.variation["t2"] == pytest.approx(0.02878, abs=1e-5)


def test_shared_time_moves_the_second_echo_to_1_278():
    """The least of (1 + exp(x))/x; the second echo takes exp(x) = 3.6 times as long."""
    choice = {"echo_time": Choice(lowest=0.0, highest=0.3, number=2)}
    found = best(decay, {"m0": 1.0, "t2": T2}, choice, ["t2"], share_time=True)
    assert found.acquisition["echo_time"][1] / T2 == pytest.approx(1.2785, abs=5e-4)
    assert found.shares[1] / found.shares[0] == pytest.approx(math.exp(1.2785), rel=2e-3)


def test_one_saturation_time_beside_the_full_signal_is_0_844_t1():
    """Coefficient of variation 3.172/SNR."""

    def signal(m0, t1, saturation_time):
        times = torch.cat([torch.tensor([math.inf], dtype=torch.float64), saturation_time])
        return saturation_recovery(t1, saturation_time=times, m0=m0)

    choice = {"saturation_time": Choice(lowest=0.05, highest=4.0, number=1)}
    found = best(signal, {"m0": 1.0, "t1": T1}, choice, ["t1"])
    assert found.acquisition["saturation_time"][0] / T1 == pytest.approx(0.844, abs=5e-4)
    assert found.variation["t1"] == pytest.approx(3.172, abs=1e-3)


def test_the_most_informative_design_has_the_least_determinant():
    choice = {"echo_time": Choice(lowest=0.0, highest=0.3, number=3)}
    tissue = {"m0": 1.0, "t2": T2}
    found = {
        criterion: best(decay, tissue, choice, ["m0", "t2"], criterion=criterion)
        for criterion in ("A", "D")
    }

    def logdet(design):
        times = torch.from_numpy(design.acquisition["echo_time"])
        return float(torch.linalg.slogdet(variation(decay, tissue, {"echo_time": times}))[1])

    assert logdet(found["D"]) <= logdet(found["A"]) + 1e-9
    assert logdet(found["D"]) == pytest.approx(found["D"].criterion, rel=1e-6)


def test_a_designed_protocol_beats_the_standard_one_by_what_theory_predicts():
    """T1 from eight inversion times, against 5(3)3: simulated and fitted."""
    standard = np.array([0.1, 1.1, 2.1, 3.1, 4.1, 0.18, 1.18, 2.18])
    tissue, sd, n = {"m0": 1.0, "t1": T1, "efficiency": 1.0}, 0.02, 6000

    def signal(m0, t1, efficiency, inversion_time):
        return inversion_recovery(t1, inversion_time=inversion_time, efficiency=efficiency, m0=m0)

    choice = {"inversion_time": Choice(lowest=0.1, highest=4.1, number=8)}
    found = best(signal, tissue, choice, ["t1"], noise_sd=sd, n_starts=4)
    designed = found.acquisition["inversion_time"]
    errors = []
    for seed, times in enumerate((standard, designed)):
        clean = signal(**tissue, inversion_time=torch.from_numpy(times)).numpy()
        noisy = clean + np.random.default_rng(seed).normal(scale=sd, size=(n, 8))
        errors.append(np.std(fit("inversion_recovery", noisy, inversion_time=times).values["t1"]))
    given = {"inversion_time": torch.from_numpy(standard)}
    theory = float(variation(signal, tissue, given, noise_sd=sd)[1, 1].sqrt())
    predicted = found.variation["t1"] / theory
    assert predicted < 0.85
    assert errors[1] / errors[0] == pytest.approx(predicted, rel=4 / math.sqrt(n))


def test_gradients_reach_the_pulses_of_a_train():
    """Refocusing angles for T2 through extended phase graphs: no worse than any constant angle."""

    def signal(m0, t2, refocusing):
        return spin_echo_train(1.0, t2, refocusing=refocusing, echo_spacing=12e-3, m0=m0)

    tissue = {"m0": 1.0, "t2": T2}
    choice = {"refocusing": Choice(lowest=0.5, highest=math.pi, number=4)}
    found = best(signal, tissue, choice, ["t2"], n_starts=3)
    constant = [
        float(variation(signal, tissue, {"refocusing": torch.full((4,), a).double()})[1, 1].sqrt())
        for a in np.linspace(0.5, math.pi, 12)
    ]
    assert found.variation["t2"] <= min(constant) * (1 + 1e-6)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: Choice(lowest=1.0, highest=1.0, number=2),
            r"lowest < highest .* found 1, 1 and 2",
        ),
        (lambda: best(decay, {"m0": 1.0, "t2": T2}, {}, ["t1"]), r"\(m0, t2\), found t1"),
    ],
)
def test_a_design_without_choice_or_aim_is_refused(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()
