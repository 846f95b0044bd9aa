import first_pass
import numpy as np
import pytest


@pytest.mark.real_data
def test_a_human_at_rest_has_a_plausible_flow_all_around_the_wall(real_data, tmp_path):
    """Resting flow of healthy people: 1.02 +- 0.22 mL/min/g, Kellman et al. (2017), JCMR 19:43."""
    path = real_data / "perfusion/first_pass_rest/perf_data.mat"
    found = first_pass.measure(
        first_pass.Options(
            path=str(path), models="one_compartment,2cum", film="no", output=str(tmp_path)
        )
    )
    assert 0.6 < found["mbf_median_ml_min_g"] < 1.5
    assert all(0.5 < value < 1.8 for value in found["sector_mbf_ml_min_g"])
    assert len(found["sector_mbf_ml_min_g"]) == first_pass.SECTORS
    assert not found["flags"]
    saved = np.load(tmp_path / "flow.npz")
    assert np.isnan(saved["mbf_ml_min_g"][~saved["wall"]]).all()
    assert {"maps.png", "curves.png"} <= {item.name for item in tmp_path.iterdir()}
