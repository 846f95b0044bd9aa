"""Maps of the wall beside their truth: one row per parameter, true and retrieved on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.viz import theme

SHARE = (0.02, 0.98)  # of the values of a pair, which the colours span


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """One map.

    Parameters
    ----------
    title, unit
        In words.
    values
        By pixel, NaN where nothing is known.
    """

    title: str
    unit: str
    values: Float[np.ndarray, "i j"]


def draw_maps(panels: Sequence[Panel], path: Path, *, columns: int = 4) -> Path:
    """Write the picture: pairs of panels, true then retrieved, each pair on one scale.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    known = [panel for panel in panels if np.isfinite(panel.values).any()]
    if not known:
        msg = "No map has a value to draw, found none finite. Retrieve a series of the wall first."
        raise InputError(msg)
    rows = -(-len(panels) // columns)
    with theme.figure(2.2 * columns, 2.3 * rows) as fig:
        plots = fig.subplots(rows, columns, squeeze=False)
        for plot in plots.ravel():
            plot.axis("off")
        for number, panel in enumerate(panels):
            plot = plots.ravel()[number]
            first = number - number % 2
            true = panels[first].values
            pair = np.stack([one.values for one in panels[first : first + 2]])
            low, high = np.nanquantile(pair, SHARE)
            held = np.argwhere(np.isfinite(true))
            (top, left), (bottom, right) = held.min(axis=0) - 4, held.max(axis=0) + 5
            box = np.s_[max(top, 0) : bottom, max(left, 0) : right]
            picture = plot.imshow(
                panel.values[box].T,
                origin="lower",
                cmap=theme.MAGNITUDE_MAP,
                vmin=low,
                vmax=high if high > low else low + 1,
            )
            plot.set_title(panel.title, fontsize=7)
            fig.colorbar(picture, ax=plot, shrink=0.8, label=panel.unit)
        fig.tight_layout()
        return theme.save(fig, path)


__all__ = ["Panel", "draw_maps"]
