"""The picture of a map of blood flow by piece of the wall, unrolled, inner and outer half."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardiotwin.viz import theme

Pieces = Float[np.ndarray, "along around 2"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Values by piece, with the largest and the unit of their colours."""

    values: Pieces
    most: float
    label: str


def draw_map(panels: Mapping[str, Panel], path: Path) -> None:
    """Draw the panels side by side."""
    with theme.figure(2.9 * len(panels), 5.0) as figure:
        plots = figure.subplots(
            2, len(panels), sharex=True, sharey=True, gridspec_kw={"hspace": 0.35}
        )
        for column, (title, panel) in zip(plots.T, panels.items(), strict=True):
            images = [
                plot.imshow(
                    panel.values[:, :, layer],
                    cmap=theme.MAGNITUDE_MAP,
                    vmin=0.0,
                    vmax=panel.most,
                    origin="lower",
                    aspect="auto",
                    extent=(0, 360, 0, 1),
                )
                for layer, plot in enumerate(column)
            ]
            for plot, name in zip(column, ("inner", "outer"), strict=True):
                plot.set_title(f"{title}, {name}")
                plot.set_xticks((0, 120, 240, 360))
            column[1].set_xlabel("angle, degrees")
            bar = figure.colorbar(images[0], ax=column.tolist(), location="bottom", pad=0.16)
            bar.set_label(panel.label)
        for plot in plots[:, 0]:
            plot.set_ylabel("apex to base")
        theme.save(figure, path)
