"""Courses of a measured flow over the beat, with bands of two standard errors."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardiotwin.viz import theme

PANELS = (
    (
        "flow, mL/s",
        (
            ("inflow_ml_per_s", "in through the mitral valve", theme.BLUE),
            ("outflow_ml_per_s", "out through the aortic valve", theme.ORANGE),
        ),
    ),
    ("volume, mL", (("volume_ml", "below the rim, of the wall", "black"),)),
    (
        "energy, mJ",
        (("kinetic_energy_mj", "kinetic", theme.BLUE),),
    ),
    (
        "pressure, mmHg",
        (
            ("mitral_minus_apex_mmhg", "mitral valve less apex", theme.BLUE),
            ("apex_minus_aortic_mmhg", "apex less aortic valve", theme.ORANGE),
        ),
    ),
)


def draw_flow_courses(table: Mapping[str, Float[np.ndarray, " frames"]], file: Path) -> None:
    """Draw courses of one beat, by keys with their units; those with ``_se`` are their errors."""
    time = table["time_s"] * 1e3
    with theme.figure(7.6, 5.2) as figure:
        figure.set_layout_engine("constrained")
        for axes, (label, curves) in zip(
            figure.subplots(2, 2, sharex=True).ravel(), PANELS, strict=True
        ):
            for key, name, colour in curves:
                axes.plot(time, table[key], color=colour, label=name)
                error = table.get(f"{key}_se")
                if error is not None:
                    low, high = table[key] - 2 * error, table[key] + 2 * error
                    axes.fill_between(time, low, high, color=colour, alpha=0.25, linewidth=0)
            axes.set_ylabel(label)
            axes.set_ylim(top=axes.get_ylim()[1] + 0.25 * float(np.ptp(axes.get_ylim())))
            axes.legend(loc="upper right", fontsize=7, frameon=False)
        figure.supxlabel("time after the R wave, ms", fontsize=9)
        theme.save(figure, file)


__all__ = ["draw_flow_courses"]
