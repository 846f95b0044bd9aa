"""A driven beat: pressures of blood and circulation, flows, and where the valves are open."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from cardiotwin.viz import theme

Courses = Mapping[str, Float[np.ndarray, " moments"]]


def draw_driven_flow(courses: Courses, file: Path) -> None:
    """Draw pressures, volumes and flows of a beat over time.

    `courses` holds, by keys with their units: ventricle, mitral, aortic, circulation, atrium and
    root in mmHg; volume and circulation in mL; inflow and outflow in mL/s; time in s; and how far
    the valves are open.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    time = courses["time_s"] * 1e3
    with theme.figure(7.2, 6.6) as figure:
        figure.set_layout_engine("constrained")
        pressure, volume, flow = figure.subplots(3, 1, sharex=True)
        for name, label, colour in (
            ("ventricle", "ventricle's mean", theme.BLUE),
            ("aortic", "at the aortic window", theme.ORANGE),
        ):
            pressure.plot(time, courses[f"{name}_mmhg"], color=colour, label=label)
        for name, label, style in (
            ("circulation", "circulation: ventricle", "-"),
            ("root", "aortic root", "--"),
            ("atrium", "atrium", ":"),
        ):
            pressure.plot(
                time, courses[f"{name}_mmhg"], color="black", lw=0.8, ls=style, label=label
            )
        pressure.set_ylabel("pressure, mmHg")
        volume.plot(time, courses["volume_ml"], color=theme.BLUE, label="cavity")
        volume.plot(time, courses["circulation_ml"], color="black", lw=0.8, label="circulation")
        volume.set_ylabel("volume, mL")
        flow.plot(time, courses["inflow_ml_per_s"], color=theme.BLUE, label="mitral")
        flow.plot(time, courses["outflow_ml_per_s"], color=theme.ORANGE, label="aortic")
        flow.set_ylabel("flow, mL/s")
        flow.set_xlabel("time since end-diastole, ms")
        for axes in (pressure, volume, flow):
            _shade(axes, time, courses["mitral_open"] + courses["aortic_open"] < 1e-9)
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=7, frameon=False)
        pressure.set_title("both valves are shut where it is grey", fontsize=9, loc="left")
        theme.save(figure, file)


def _shade(axes: Axes, time: np.ndarray, shut: np.ndarray) -> None:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], shut, [False]]))).reshape(-1, 2)
    for low, high in edges:
        axes.axvspan(time[low], time[high - 1], color="0.9", lw=0)


__all__ = ["draw_driven_flow"]
