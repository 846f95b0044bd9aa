"""Velocities side by side: a picture of two maps, one of them half empty."""

import matplotlib.image
import numpy as np

from cardiotwin.viz.velocity_maps import draw_velocity_maps


def test_maps_are_drawn_with_their_errors(tmp_path):
    rng = np.random.default_rng(0)
    true = rng.normal(size=(12, 8, 3))
    true[:, :2] = np.nan
    maps = {"truth": true, "found": true + 0.1 * rng.normal(size=true.shape)}
    draw_velocity_maps(
        maps,
        truth="truth",
        axis=np.array([0.0, 0.0, 1.0]),
        spacing=(2e-3, 2e-3),
        title="two maps",
        file=tmp_path / "maps.png",
    )
    picture = matplotlib.image.imread(tmp_path / "maps.png")
    assert picture.shape[1] > picture.shape[0] > 400
    coloured = np.ptp(picture[..., :3], axis=-1) > 0.2
    assert coloured.mean() > 0.05
