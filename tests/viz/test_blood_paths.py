"""The picture of the blood's paths shows every part where it is, and the wall's shear."""

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from pulsing import PERIOD, pulsing_spheroid

from cardiotwin.geometry.cavity import CavityTemplate, make_cavity
from cardiotwin.haemodynamics.heart import Moment
from cardiotwin.viz.blood_paths import COLOURS, draw_blood_paths


def share_of(picture: np.ndarray, colour: str) -> float:
    """Return the share of pixels that have a colour."""
    return float((np.abs(picture - np.array(to_rgb(colour))).max(axis=2) < 0.01).mean())


def test_each_part_has_as_much_of_the_cut_as_of_the_cells(tmp_path):
    cavity = make_cavity(
        pulsing_spheroid(), PERIOD, CavityTemplate(edge=0.16, layers=6, collar_layers=2)
    )
    points, cells = cavity.motion.positions(0.0), cavity.region.cells
    moment = Moment(
        time=0.0,
        points=points,
        velocity=np.zeros_like(points),
        pressure=np.zeros(len(points)),
        inflow=0.0,
        outflow=0.0,
        imbalance=0.0,
        resolved=0.0,
    )
    height = points[cells].mean(axis=1) @ (points.mean(axis=0) - points[cavity.apex])
    kind = np.digitize(height, np.quantile(height, [0.25, 0.5, 0.75]))
    shear = np.linspace(0, 1, len(cavity.region.facets["lv_endocardium"]))
    file = tmp_path / "paths.png"
    draw_blood_paths(moment, cavity, file, kind=kind, beats=kind + 1, washes=3, shear=shear)
    picture = imread(file)[..., :3]
    third = picture.shape[1] // 3
    # The legend's patches have the same size for all.
    shares = [share_of(picture[:, :third], colour) for colour in COLOURS]
    assert min(shares) > 0.02
    assert max(shares) < 4 * min(shares)  # the cells are of unlike sizes
    wall = picture[:, 2 * third :]
    assert (np.ptp(wall, axis=2) > 0.1).mean() > 0.05  # coloured, not grey
