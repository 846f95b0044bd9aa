"""A beat between an atrium and an aorta: pressures, flows, and how far the valves are open."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardiotwin.viz import theme

Courses = Mapping[str, Float[np.ndarray, " moments"]]


def draw_valves(courses: Courses, file: Path) -> None:
    """Draw the courses of a beat over time.

    `courses` holds, by keys with their units: ventricle, atrium and aorta (the pressures beyond
    the valves) in mmHg; inflow and outflow in mL/s; mitral_open and aortic_open; time in s.
    """
    time = courses["time_s"] * 1e3
    with theme.figure(6.4, 5.6) as figure:
        figure.set_layout_engine("constrained")
        panels = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1.2))
        rows = (
            (panels[0], "ventricle_mmhg", "ventricle's mean", "black"),
            (panels[0], "atrium_mmhg", "atrium", theme.BLUE),
            (panels[0], "aorta_mmhg", "aorta", theme.ORANGE),
            (panels[1], "inflow_ml_per_s", "in through the mitral valve", theme.BLUE),
            (panels[1], "outflow_ml_per_s", "out through the aortic valve", theme.ORANGE),
            (panels[2], "mitral_open", "mitral", theme.BLUE),
            (panels[2], "aortic_open", "aortic", theme.ORANGE),
        )
        for axes, key, label, colour in rows:
            axes.plot(time, courses[key], color=colour, label=label)
        for axes, label in zip(
            panels, ("pressure, mmHg", "flow, mL/s", "open, share"), strict=True
        ):
            axes.set_ylabel(label)
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=7, frameon=False)
        panels[2].set_xlabel("time since end-diastole, ms")
        theme.save(figure, file)


__all__ = ["draw_valves"]
