"""Strains of a measured motion over the beat, with their uncertainty and the truth if known."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardiotwin.measurement.strain_of import GlobalStrains
from cardiotwin.viz import theme

SHOWN = {
    "longitudinal": ("GLS, mid-wall, %", 100.0),
    "circumferential": ("GCS, mid-wall, %", 100.0),
    "radial": ("GRS, %", 100.0),
    "twist": ("twist, mid-wall, degrees", 180 / np.pi),
}


def draw_strains(
    found: GlobalStrains,
    times: Float[np.ndarray, " frames"],
    path: Path,
    *,
    true: Mapping[str, Float[np.ndarray, " frames"]] | None = None,
) -> Path:
    """Write the picture; frames are counted where their times are not known."""
    timed = bool(np.isfinite(times).all())
    across = 1e3 * times if timed else np.arange(1.0, len(times) + 1)
    with theme.figure(8.6, 5.2) as fig:
        for plot, (name, (label, scale)) in zip(
            fig.subplots(2, 2).ravel(), SHOWN.items(), strict=True
        ):
            mean = scale * getattr(found, name)
            spread = 1.96 * scale * getattr(found, f"{name}_sd")
            plot.fill_between(
                across, mean - spread, mean + spread, color=theme.SKY, alpha=0.4, linewidth=0
            )
            plot.errorbar(  # the band of a single frame has no width
                across, mean, spread, color=theme.BLUE, marker="o", markersize=3, label="measured"
            )
            if true is not None:
                plot.plot(across, scale * true[name], "x-", color=theme.VERMILION, label="true")
            plot.axhline(0, color=theme.GREY, linewidth=0.6)
            plot.set_ylabel(label)
            plot.set_xlabel("time after the R wave, ms" if timed else "frame")
        fig.axes[0].legend(loc="best")
        fig.tight_layout()
        return theme.save(fig, path)


__all__ = ["draw_strains"]
