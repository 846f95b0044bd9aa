"""The empirical end-diastolic relation, against its paper's numbers."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiotwin.errors import InputError
from cardiotwin.fitting.klotz import Klotz
from cardiotwin.units import ML, MMHG

PUBLISHED = tomllib.loads(
    (Path(__file__).parents[1] / "published" / "klotz_2006.toml").read_text()
)
volumes = st.floats(60 * ML, 350 * ML)
pressures = st.floats(2 * MMHG, 25 * MMHG)


def published(name):
    number = PUBLISHED[name]
    return pytest.approx(number["value"], abs=number["tolerance"])


@pytest.mark.validation
@given(volume=volumes, low=st.floats(2, 12), high=st.floats(13, 25))
def test_the_unloaded_volume_falls_with_the_pressure_as_published(volume, low, high):
    """Klotz et al. (2006), eq. 3."""
    fractions = [
        Klotz(volume=volume, pressure=pressure * MMHG).unloaded_volume / volume
        for pressure in (low, high)
    ]
    slope = (fractions[0] - fractions[1]) / (high - low)
    assert slope == published("unloaded_fraction_slope")
    assert fractions[0] + slope * low == published("unloaded_fraction_at_zero")


@pytest.mark.validation
@given(volume=volumes, pressure=pressures)
def test_the_normalised_relation_is_the_published_power(volume, pressure):
    """Klotz et al. (2006), eq. 2."""
    relation = Klotz(volume=volume, pressure=pressure)
    span = relation.volume_at_30_mmhg - relation.unloaded_volume
    ends = np.array([5.0, 20.0]) * MMHG
    normalised = [(relation.volume_at(end) - relation.unloaded_volume) / span for end in ends]
    exponent = np.log(ends[1] / ends[0]) / np.log(normalised[1] / normalised[0])
    assert exponent == published("normalised_exponent")
    assert ends[0] / MMHG / normalised[0] ** exponent == published("normalised_pressure")


@given(volume=volumes, pressure=pressures)
def test_the_relation_goes_through_the_measured_point(volume, pressure):
    relation = Klotz(volume=volume, pressure=pressure)
    assert relation.volume_at(pressure) == pytest.approx(volume, rel=1e-12)
    assert relation.unloaded_volume < volume
    assert relation.unloaded_volume_sd > 0


def test_the_scatter_at_30_mmhg_is_the_pressures_by_the_slope():
    relation = Klotz(volume=150 * ML, pressure=10 * MMHG)
    step = 0.01 * MMHG
    slope = (
        (relation.volume_at(30 * MMHG + step) - relation.volume_at(30 * MMHG - step)) / 2 / step
    )
    # The relation is normalised at 27.78 mmHg and named after 30: 3 % apart.
    assert relation.volume_at_30_mmhg_sd == pytest.approx(2.79 * MMHG * slope, rel=0.06)


@pytest.mark.parametrize("pressure", [0.5, 45.0])
def test_a_pressure_without_a_meaning_is_refused(pressure):
    with pytest.raises(InputError, match=rf"between 1 and 40 mmHg .* found {pressure:g} mmHg"):
        Klotz(volume=150 * ML, pressure=pressure * MMHG)
