"""How all figures look: one palette that colour-blind readers can tell apart, one set of fonts.

Colours: Okabe & Ito (2008), Color Universal Design, https://jfly.uni-koeln.de/color/.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cardiotwin.twin.files import write_atomically

BLACK = "#1a1a1a"
GREY = "#7f7f7f"
PALE = "#d9d9d9"
ORANGE = "#e69f00"
SKY = "#56b4e9"
GREEN = "#009e73"
YELLOW = "#f0e442"
BLUE = "#0072b2"
VERMILION = "#d55e00"
PURPLE = "#cc79a7"

STATE_COLOURS = {"unloaded": GREY, "end_diastole": BLUE, "end_systole": VERMILION}
TISSUE_COLOURS = {1: SKY, 2: ORANGE, 3: VERMILION}  # Tissue values: RV, wall, LV

STRAIN_MAP = "RdBu"  # red is shortening, as echocardiography has it
HELIX_MAP = "PuOr_r"
MAGNITUDE_MAP = "viridis"
SIGNED_MAP = "RdBu_r"

DOTS_PER_INCH = 150

SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine has it
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.labelsize": 9,
    "axes.edgecolor": BLACK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "figure.dpi": DOTS_PER_INCH,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
    "text.color": BLACK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """Give a figure of a size in inches with the house's settings, without any display."""
    with mpl.rc_context(SETTINGS):
        fig = Figure(figsize=(width, height), dpi=DOTS_PER_INCH)
        FigureCanvasAgg(fig)
        yield fig


def save(fig: Figure, path: Path) -> Path:
    """Write a figure as PNG and return its path."""

    def write(part: Path) -> None:
        fig.savefig(part, dpi=DOTS_PER_INCH, facecolor="white")

    write_atomically(path, write)
    return path


def pixels(fig: Figure) -> UInt8[np.ndarray, "rows columns 3"]:
    """Return a figure as red, green, blue."""
    canvas: Any = FigureCanvasAgg(fig)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def spoken(name: str) -> str:
    """Return a name of the code as words for a caption."""
    return (
        name.replace("_", " ")
        .replace("end diastol", "end-diastol")
        .replace("end systol", "end-systol")
        .replace("mmhg", "mmHg")
    )


__all__ = [
    "BLACK",
    "BLUE",
    "DOTS_PER_INCH",
    "GREEN",
    "GREY",
    "HELIX_MAP",
    "MAGNITUDE_MAP",
    "ORANGE",
    "PALE",
    "PURPLE",
    "SETTINGS",
    "SIGNED_MAP",
    "SKY",
    "STATE_COLOURS",
    "STRAIN_MAP",
    "TISSUE_COLOURS",
    "VERMILION",
    "YELLOW",
    "figure",
    "pixels",
    "save",
    "spoken",
]
