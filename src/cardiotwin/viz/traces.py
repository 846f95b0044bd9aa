"""Measured courses over a beat, and a model's beside them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardiotwin.viz import theme

Course = Float[np.ndarray, " frames"]


def draw_traces(
    panels: Mapping[str, Mapping[str, tuple[Course, Course, str]]],
    path: Path,
    *,
    title: str = "",
    x_label: str = "time since the R wave, s",
) -> Path:
    """Write a picture of panels, named by their axis, each of curves by name: x, y and colour.

    A colour that begins with "." makes dots.
    """
    with theme.figure(4.8 * len(panels), 4.2) as fig:
        for plot, (label, curves) in zip(
            fig.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            for name, (x, y, colour) in curves.items():
                if colour.startswith("."):
                    plot.plot(x, y, ".", color=colour[1:], markersize=3, label=name)
                else:
                    plot.plot(x, y, color=colour, label=name)
            plot.set_xlabel(x_label)
            plot.set_ylabel(label)
            plot.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
        fig.suptitle(title)
        fig.tight_layout()
        return theme.save(fig, path)


__all__ = ["draw_traces"]
