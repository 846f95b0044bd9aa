"""Velocities side by side: the true one, the measured one, and what was made of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.units import MM
from cardiotwin.viz import theme

Map = Float[np.ndarray, "rows columns 3"]


def draw_velocity_maps(
    maps: Mapping[str, Map],
    *,
    truth: str,
    axis: Float[np.ndarray, "3"],
    spacing: tuple[float, float],
    title: str,
    file: Path,
) -> None:
    """Draw the velocity along an axis in a plane, above the size of each map's error.

    Parameters
    ----------
    maps
        Velocities by name, m/s, NaN outside the blood; rows run to the right.
    truth
        The name of the one that the others are held against.
    axis
        Unit vector of the component that is shown.
    spacing
        Of rows and columns, m.
    title
        Of the figure.
    file
        To write.
    """
    true = maps[truth]
    speed = float(np.nanmax(np.abs(true @ axis)))
    wrong = {name: np.linalg.norm(each - true, axis=-1) for name, each in maps.items()}
    others = [name for name in maps if name != truth]
    most = max(float(np.nanquantile(wrong[name], 0.98)) for name in others)
    n_rows, n_columns = true.shape[:2]
    extent = (0.0, n_rows * spacing[0] / MM, 0.0, n_columns * spacing[1] / MM)
    with theme.figure(2.9 * len(maps) + 1.0, 5.6) as figure:
        figure.set_layout_engine("constrained")
        figure.suptitle(title)
        grid = figure.subplots(2, len(maps), squeeze=False)
        style: dict[str, Any] = {"origin": "lower", "extent": extent}
        signed = style | {"cmap": "RdBu_r", "vmin": -speed, "vmax": speed}
        sized = style | {"cmap": theme.MAGNITUDE_MAP, "vmin": 0, "vmax": most}
        for above, below, (name, each) in zip(*grid, maps.items(), strict=True):
            above.imshow((each @ axis).T, **signed)
            above.set_title(name)
            above.set_xlabel("mm")
            above.set_ylabel("mm")
            if name == truth:
                below.set_axis_off()
                continue
            below.imshow(wrong[name].T, **sized)
            below.set_xlabel("mm")
            below.set_ylabel("mm")
        figure.colorbar(
            grid[0, 0].images[0], ax=grid[0].tolist(), label="velocity along the axis, m/s"
        )
        last = list(maps).index(others[0])
        figure.colorbar(
            grid[1, last].images[0], ax=grid[1].tolist(), label="size of the error, m/s"
        )
        theme.save(figure, file)


__all__ = ["draw_velocity_maps"]
