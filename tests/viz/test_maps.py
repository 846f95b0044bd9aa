import numpy as np
import pytest
from matplotlib.image import imread

from cardiotwin.errors import InputError
from cardiotwin.viz.maps import Panel, draw_maps


def panels(retrieved):
    true = np.full((20, 20), np.nan)
    true[5:15, 5:15] = 1.0
    return [
        Panel(title="t1: true", unit="s", values=true),
        Panel(title="t1: retrieved", unit="s", values=retrieved * true),
    ]


def test_a_map_that_differs_from_the_truth_looks_different(tmp_path):
    same = imread(draw_maps(panels(1.0), tmp_path / "same.png"))
    other = imread(draw_maps(panels(1.3), tmp_path / "other.png"))
    assert same.shape == other.shape
    assert np.abs(same - other).max() > 0.3


def test_maps_without_a_value_are_refused(tmp_path):
    with pytest.raises(InputError, match="No map has a value to draw"):
        draw_maps(panels(np.nan)[1:], tmp_path / "none.png")
