import numpy as np
import pandas as pd
import pytest
import torch

from cardiotwin.errors import InputError
from cardiotwin.perfusion.kinetics import gamma_variate, parker_aif

MINUTE = 60.0


@pytest.mark.real_data
@pytest.mark.validation
def test_parkers_input_is_the_published_one(real_data):
    """OSIPI DCE-DSC-MRI_CodeCollection, ParkerAIF_ref.csv: its tolerances are 1e-4 mM."""
    table = pd.read_csv(real_data / "perfusion/aif/ParkerAIF_ref.csv")
    for _, group in table.groupby("label"):
        time = torch.from_numpy(group.time.to_numpy() * MINUTE)
        late = float(group.delay.iloc[0])
        found = parker_aif(time, arrival=late)
        np.testing.assert_allclose(found, group.Cb, atol=1e-4)


def test_a_gamma_variate_peaks_when_and_as_told():
    time = torch.arange(0.0, 60.0, 0.01, dtype=torch.float64)
    found = gamma_variate(time, arrival=5.0, to_peak=7.0, peak=4.4, shape=3.0)
    assert found.max().item() == pytest.approx(4.4, rel=1e-9)
    assert time[found.argmax()].item() == pytest.approx(12.0, abs=1e-9)
    assert not found[time < 5].any()
    with pytest.raises(InputError, match=r"to_peak must be positive, found -7"):
        gamma_variate(time, arrival=5.0, to_peak=-7.0, peak=4.4, shape=3.0)
