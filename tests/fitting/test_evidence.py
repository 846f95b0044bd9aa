"""What an examination says becomes numbers with spreads, and what it does not say a flag."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.fitting.evidence import POINT_SD, AssumedPressures, gather_evidence
from cardiotwin.geometry.anatomy import Anatomy, HeartFrame
from cardiotwin.imaging.examination import Phase, Subject
from cardiotwin.units import ML, MMHG

ED, ES = Phase.END_DIASTOLE, Phase.END_SYSTOLE
NOBODY = Subject(identifier="nobody")
CUFF = replace(NOBODY, cuff_systolic=130 * MMHG)


@pytest.fixture(scope="module")
def anatomy(hearts):
    twin = hearts.heart_twin()
    shapes = {ED: hearts.END_DIASTOLE, ES: hearts.END_SYSTOLE}
    return Anatomy(
        mesh=twin.mesh,
        points=twin.measured_points,
        frame=HeartFrame(
            origin=np.zeros(3), long_axis=np.array([0.0, 0, 1]), rv_insertion=np.eye(3)[0]
        ),
        fits=twin.fits,
        contours={phase: hearts.drawn_contours(shape, phase) for phase, shape in shapes.items()},
        base_rule=twin.base_rule,
    )


@pytest.fixture
def gathered(anatomy):
    def gather(subject, *, klotz=True, **assumed):
        return gather_evidence(subject, anatomy, AssumedPressures(**assumed), klotz=klotz)

    return gather


def names(evidence):
    return [flag.name for flag in evidence.flags]


def test_the_volumes_are_the_whole_meshs_with_a_part_of_a_slice_as_spread(gathered, anatomy):
    found = gathered(CUFF)
    volume = anatomy.fits[ED].cavity_volume
    assert found.end_diastolic_volume.value == volume
    assert 0.01 * volume < found.end_diastolic_volume.sd < 0.1 * volume
    both = found.end_systolic_volume
    share = both.value / volume
    assert both.sd > share * found.end_diastolic_volume.sd  # the stroke bears both errors


def test_a_surface_that_misses_the_contours_makes_the_volume_uncertain(gathered, anatomy):
    fits = {p: replace(fit, surface_distance=4e-3) for p, fit in anatomy.fits.items()}
    worse = gather_evidence(
        CUFF, replace(anatomy, fits=fits), AssumedPressures(), klotz=True
    ).end_diastolic_volume
    assert worse.sd > 1.3 * gathered(CUFF).end_diastolic_volume.sd


def test_of_the_systolic_cuff_nine_tenths_are_left_at_end_systole(gathered):
    found = gathered(CUFF)
    assert found.end_systolic_pressure.value == pytest.approx(117 * MMHG)
    assert found.end_systolic_pressure.sd == pytest.approx(7 * MMHG)
    assert found.end_systolic_pressure.source == "cuff"
    assert names(found) == ["end_diastolic_pressure_assumed", "klotz_prior"]


def test_what_is_assumed_is_flagged_with_its_numbers(gathered):
    found = gathered(NOBODY, end_diastolic=12 * MMHG, end_systolic_sd=20 * MMHG)
    assert names(found) == [
        "end_diastolic_pressure_assumed",
        "end_systolic_pressure_assumed",
        "klotz_prior",
    ]
    assert "12 +- 3 mmHg is assumed" in found.flags[0].sentence
    assert "108 +- 20 mmHg is assumed" in found.flags[1].sentence
    assert found.end_diastolic_pressure.source == "assumed"
    assert found.end_systolic_pressure.sd == pytest.approx(20 * MMHG)


def test_what_was_measured_goes_before_cuff_and_assumption(gathered):
    found = gathered(
        replace(
            CUFF,
            end_diastolic_pressure=(9 * MMHG, 1 * MMHG),
            end_systolic_pressure=(99 * MMHG, 4 * MMHG),
        )
    )
    assert found.end_systolic_pressure.value == pytest.approx(99 * MMHG)
    assert found.end_diastolic_pressure.sd == pytest.approx(1 * MMHG)
    assert names(found) == ["klotz_prior"]


def test_measured_diastolic_points_take_the_place_of_the_relation(gathered, anatomy):
    volume = anatomy.fits[ED].cavity_volume
    points = ((0.7 * volume, 4 * MMHG, 1 * MMHG), (1.1 * volume, 20 * MMHG, 0.0))
    found = gathered(replace(CUFF, diastolic_points=points))
    assert found.klotz is None
    assert "klotz_prior" not in names(found)
    (low, first), (high, second) = found.diastolic_points
    assert (low, high) == (4 * MMHG, 20 * MMHG)
    assert (first.value, second.value) == (0.7 * volume, 1.1 * volume)
    assert second.sd == pytest.approx(POINT_SD * 1.1 * volume)
    relation = gathered(CUFF).klotz
    by_pressure = (relation.volume_at(5 * MMHG) - relation.volume_at(3 * MMHG)) / 2
    assert first.sd == pytest.approx(np.hypot(by_pressure, POINT_SD * 0.7 * volume))


def test_without_the_relation_nothing_stands_in(gathered):
    found = gathered(CUFF, klotz=False)
    assert found.klotz is None
    assert names(found) == ["end_diastolic_pressure_assumed"]


def test_a_heart_without_end_systole_needs_no_systolic_pressure(anatomy):
    passive = replace(anatomy, points={ED: anatomy.points[ED]}, fits={ED: anatomy.fits[ED]})
    found = gather_evidence(NOBODY, passive, AssumedPressures(), klotz=True)
    assert found.end_systolic_volume is None
    assert found.end_systolic_pressure is None
    assert names(found) == ["end_diastolic_pressure_assumed", "klotz_prior"]


def test_a_diastolic_point_of_another_heart_is_refused(gathered, anatomy):
    volume = 3 * anatomy.fits[ED].cavity_volume
    subject = replace(CUFF, diastolic_points=((volume, 20 * MMHG, 1 * MMHG),))
    with pytest.raises(InputError, match=rf"has the volume {volume / ML:.4g} mL, found") as caught:
        gathered(subject)
    assert f"{volume / 3 / ML:.4g} mL at end-diastole" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"end_systolic": 16 * MMHG}, r"end-systolic pressure must lie .*, found 16 mmHg"),
        ({"end_diastolic": -3 * MMHG}, r"end-diastolic pressure must lie .*, found -3 mmHg"),
        ({"cuff_sd": 0.0}, r"cuff_sd must be positive, found 0 mmHg"),
    ],
)
def test_an_assumed_pressure_in_another_unit_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        AssumedPressures(**options)
