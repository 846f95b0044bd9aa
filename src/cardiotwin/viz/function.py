"""`function.png`: global strain and torsion of the twin and of the images, beside healthy hearts.

Both ways of reading are shown, since they differ by what moves through the image planes.
"""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes as Plot

from cardiotwin.measurement.healthy import HEALTHY
from cardiotwin.measurement.views import LAYERS, SLICES
from cardiotwin.twin.function import Function
from cardiotwin.twin.function_record import DEGREE, function_record
from cardiotwin.twin.twin import Twin
from cardiotwin.viz import theme

READINGS = {
    "material": ("model,\nmaterial", theme.VERMILION, "o"),
    "image_plane": ("model,\nfixed plane", theme.BLUE, "s"),
    "measured": ("imaged,\nfixed plane", theme.BLACK, "D"),
}
PANELS = (
    ("gls_percent", "Longitudinal (GLS), mid-wall", "strain, %"),
    ("gcs_percent", "Circumferential (GCS), mid-wall", "strain, %"),
    ("grs_percent", "Radial (wall thickening)", "strain, %"),
    ("torsion_endocardium_deg", "Torsion, endocardium", "shear angle, °"),
    ("torsion_epicardium_deg", "Torsion, epicardium", "shear angle, °"),
)
ROTATIONS = ((theme.VERMILION, "o", "material"), (theme.BLUE, "s", "fixed plane"))


def draw_function(twin: Twin, path: Path) -> Path | None:
    """Write the picture; return None for a twin that does not beat."""
    if twin.function is None:
        return None
    record = function_record(twin.function)
    with theme.figure(9.2, 5.4) as fig:
        plots = fig.subplots(2, 3).flat
        for plot, (key, title, label) in zip(plots, PANELS, strict=False):
            _numbers(plot, record, key)
            plot.set_title(title)
            plot.set_ylabel(label)
        _rotation(plots[len(PANELS)], twin.function)
        fig.text(
            0.01,
            0.012,
            "end-systole (the smaller cavity; of a whole beat where the ejection has ended) "
            "against end-diastole\ngrey: healthy adults, mean ± 2 sd (Lim 2021: strain, feature "
            "tracking; Rüssel 2008: torsion, tagging)",
            fontsize=8,
        )
        fig.subplots_adjust(0.075, 0.155, 0.985, 0.94, 0.36, 0.47)
        return theme.save(fig, path)


def _numbers(plot: Plot, record: dict[str, Any], key: str) -> None:
    healthy = HEALTHY[key]
    low, high = healthy.mean - 2 * healthy.sd, healthy.mean + 2 * healthy.sd
    plot.axhspan(low, high, color=theme.PALE, zorder=0)
    plot.axhline(healthy.mean, color=theme.GREY, linewidth=1, zorder=1)
    shown = [
        (k, style) for k, style in READINGS.items() if key in record.get(k, {}).get("global", {})
    ]
    values = [record[k]["global"][key] for k, _ in shown]
    for x, (value, (_, (_, colour, marker))) in enumerate(zip(values, shown, strict=True)):
        plot.plot(x, value, marker, color=colour, markersize=7)
        plot.annotate(
            f"{value:.1f}".replace("-", "\N{MINUS SIGN}"),
            (x, value),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    plot.set_xlim(-0.5, len(READINGS) - 0.3)
    plot.set_xticks(range(len(shown)), [style[0] for _, style in shown])
    ends = [*values, low, high]
    room = 0.12 * (max(ends) - min(ends))
    plot.set_ylim(min(0.0, min(ends) - room), max(0.0, max(ends) + room))


def _rotation(plot: Plot, function: Function) -> None:
    """Draw each slice's rotation at end-systole, mid-wall."""
    layer = LAYERS.index("midwall")
    for reading, (colour, marker, label) in zip(
        (function.material, function.image), ROTATIONS, strict=True
    ):
        angles = reading.rotation[function.end_systole, :, layer] / DEGREE
        plot.plot(angles, np.arange(len(SLICES)), f"{marker}-", color=colour, label=label)
    plot.axvline(0, color=theme.GREY, linewidth=0.8)
    plot.set_yticks(range(len(SLICES)), SLICES)
    plot.invert_yaxis()
    plot.set_title("Rotation, mid-wall")
    plot.set_xlabel("° counter-clockwise from the apex")
    plot.legend(loc="best")


__all__ = ["draw_function"]
