"""Laws of one parameter: a standard normal number and back, and right slopes."""

import numpy as np
import pytest
from scipy import stats

from cardiotwin.errors import InputError
from cardiotwin.fitting.priors import LogNormal, Normal, Uniform, Within

LOG = LogNormal(median=2.0, sd=0.7, source="test")
LAWS = {
    "log": LOG,
    "normal": Normal(mean=-1.0, sd=3.0, source="test"),
    "uniform": Uniform(lower=2.0, upper=5.0, source="test"),
    "cut": Within(law=LOG, lower=1.5, upper=3.0),
    "half cut": Within(law=LOG, lower=0.0, upper=3.0),
    "tail": Within(law=Normal(mean=0.0, sd=1.0, source="test"), lower=3.0, upper=3.5),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_number_comes_back_and_its_slope_is_right(name):
    law, x = LAWS[name], np.linspace(-3.0, 3.0, 31)
    np.testing.assert_allclose(law.standard(law.value(x)), x, atol=1e-7)
    step = 1e-5
    slope = (law.value(x + step) - law.value(x - step)) / (2 * step)
    np.testing.assert_allclose(law.slope(x), slope, rtol=1e-6, atol=1e-12)


def test_a_cut_law_is_the_law_given_its_range():
    x = stats.norm.ppf(np.linspace(0.001, 0.999, 999))
    values, free = LAWS["cut"].value(x), stats.lognorm(s=0.7, scale=2.0)
    share = (free.cdf(values) - free.cdf(1.5)) / (free.cdf(3.0) - free.cdf(1.5))
    np.testing.assert_allclose(share, stats.norm.cdf(x), atol=1e-12)
    assert ((values > 1.5) & (values < 3.0)).all()


def test_far_numbers_stay_within_the_range_and_finite():
    for law in (LAWS["cut"], LAWS["tail"]):
        values, slopes = (each(np.array([-30.0, 30.0])) for each in (law.value, law.slope))
        np.testing.assert_allclose(values, [law.lower, law.upper], rtol=1e-9)
        assert np.isfinite(slopes).all()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Uniform(lower=2.0, upper=2.0, source=""), r"lower < upper, found 2 and 2"),
        (lambda: Normal(mean=0.0, sd=0.0, source=""), r"sd must be positive and finite, found 0"),
        (lambda: Within(law=LOG, lower=100.0, upper=200.0), r"found 100 to 200 with"),
    ],
)
def test_what_is_no_law_is_refused(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()
