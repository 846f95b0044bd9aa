import first_pass
import numpy as np
import pytest

from cardiotwin.perfusion.arterial_input import find_arterial_input


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


@pytest.mark.real_data
def test_the_input_of_its_own_blood_pool_gives_a_plausible_flow_too(real_data):
    """Its peak is within Kellman's 4.4 +- 1.2 mM; no dedicated sequence measured this pool."""
    path = real_data / "perfusion/first_pass_rest/perf_data.mat"
    time, tissue, given, _ = first_pass.read(path, "given")
    found = find_arterial_input(time, tissue)
    assert 3.2 < found.concentration.max() < 5.6
    assert np.corrcoef(found.concentration, given)[0, 1] > 0.99
    assert abs(time[found.concentration.argmax()] - time[given.argmax()]) <= 1.0
    assert [flag.name for flag in found.flags] == ["saturated_pool"]  # LUT ends at 6 mM
    assert found.transit > 2.0
    high = given > given.max() / 2
    apart = found.concentration[high] @ given[high] / (given[high] @ given[high]) - 1
    assert abs(apart) < 1.96 * found.scale_error < 0.25  # the dedicated sequence's is within
