"""`beat_curves.png` and `beat_segments.png`: a whole beat over time, and by AHA segment."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes as Plot

from cardiotwin.circulation import Record, Stores
from cardiotwin.measurement.views import N_SEGMENTS, SLICES
from cardiotwin.twin.function_record import DEGREE, MIDWALL, PERCENT
from cardiotwin.twin.whole_beat import WholeBeat
from cardiotwin.units import KPA, ML, MMHG
from cardiotwin.viz import theme
from cardiotwin.viz.segments import Eye, draw_eyes

MS = 1e-3
LEVELS = ((1, 6, theme.BLUE, "basal"), (7, 12, theme.GREEN, "mid"), (13, 17, theme.ORANGE, "apex"))
PRESSURES = {
    "lv": ("left ventricle", theme.VERMILION),
    "systemic_arteries": ("systemic arteries", theme.BLACK),
    "la": ("left atrium", theme.PURPLE),
    "rv": ("right ventricle", theme.BLUE),
    "pulmonary_arteries": ("pulmonary arteries", theme.SKY),
}
SIDES = {"lv": ("left", theme.VERMILION), "rv": ("right", theme.BLUE)}


def draw_beat_curves(
    beat: WholeBeat, record: Record, path: Path, *, diseased: Mapping[int, float] | None = None
) -> Path:
    """Write the picture of a beat; `record` holds its steps.

    Segments of `diseased` muscle are drawn in red.
    """
    sick = frozenset(diseased or {})
    function, since = beat.function, beat.time / MS
    with theme.figure(11.0, 9.4) as fig:
        plots = fig.subplots(3, 3)
        _loops(plots[0, 0], record, beat)
        _pressures(plots[0, 1], record)
        _volumes(plots[0, 2], record)
        _strains(plots[1, 0], beat)
        _thickening(plots[1, 1], beat)
        _rotation(plots[1, 2], beat)
        material = function.material
        for plot, values, title in (
            (plots[2, 0], material.segment_longitudinal / PERCENT, "Longitudinal, by segment"),
            (
                plots[2, 1],
                material.segment_circumferential / PERCENT,
                "Circumferential, by segment",
            ),
            (plots[2, 2], function.fibre_stress / KPA, "Fibre stress, by segment"),
        ):
            _by_segment(plot, since, values, sick)
            plot.set_title(title)
            plot.set_ylabel("Cauchy, kPa" if "stress" in title else "strain, %")
        end_systole = since[function.end_systole]
        for plot in plots.flat[1:]:
            plot.axvline(end_systole, color=theme.GREY, linewidth=0.8, linestyle=(0, (3, 2)))
            plot.set_xlabel("time after end-diastole, ms")
        healthy = "" if not sick else "; red: " + ", ".join(map(str, sorted(sick))) + ", diseased"
        fig.text(
            0.01,
            0.008,
            "dashed: end-systole, where the ejection has ended; strains from the beat's "
            f"own end-diastole, mid-wall, in material lines (dotted: in fixed planes){healthy}",
            fontsize=8,
        )
        fig.subplots_adjust(0.06, 0.085, 0.985, 0.96, 0.27, 0.42)
        return theme.save(fig, path)


def draw_beat_segments(beat: WholeBeat, path: Path) -> Path:
    """Write the bull's eyes of a beat: strain at end-systole, stress, work."""
    function, at = beat.function, beat.function.end_systole
    material = function.material
    held = np.where(beat.segment_volume > 0, beat.segment_volume, np.nan)
    strains = [
        Eye(
            title=f"{name} strain",
            label="end-systole, (L \N{MINUS SIGN} L0) / L0, %",
            values=values[at] / PERCENT,
            diverging=True,
            digits=0,
        )
        for name, values in (
            ("Longitudinal", material.segment_longitudinal),
            ("Circumferential", material.segment_circumferential),
        )
    ]
    thickening = Eye(
        title="Wall thickening",
        label="end-systole, %",
        values=material.segment_radial[at] / PERCENT,
        diverging=True,
        digits=0,
    )
    below = [
        Eye(
            title="Largest fibre stress",
            label="segment's mean, Cauchy, kPa",
            values=function.fibre_stress.max(axis=0) / KPA,
            diverging=False,
            digits=0,
        ),
        Eye(
            title="Fibre work per volume",
            label="over the beat, mJ/mL",
            values=beat.segment_fibre_work / held / KPA,
            diverging=False,
            digits=1,
        ),
        Eye(
            title="Fibre work",
            label="over the beat, mJ",
            values=beat.segment_fibre_work * 1e3,
            diverging=False,
            digits=0,
        ),
    ]
    return draw_eyes([[*strains, thickening], below], path)


def _loops(plot: Plot, record: Record, beat: WholeBeat) -> None:
    both = any(state.right is not None for state in beat.states)
    for name in ("lv", "rv") if both else ("lv",):
        words, colour = SIDES[name]
        k = Stores._fields.index(name)
        plot.plot(
            record.volume[:, k] / ML, record.pressure[:, k] / MMHG, color=colour, label=words
        )
    state = beat.states[beat.function.end_systole]
    plot.plot(
        state.cavity_volume / ML,
        state.cavity_pressure / MMHG,
        "o",
        color=theme.BLACK,
        label="end-systole",
    )
    plot.set_title("Pressure and volume")
    plot.set_xlabel("volume, mL")
    plot.set_ylabel("pressure, mmHg")
    plot.set_ylim(bottom=min(0.0, plot.get_ylim()[0]))
    plot.legend(loc="center")


def _pressures(plot: Plot, record: Record) -> None:
    since = (record.time - record.time[0]) / MS
    for name, (words, colour) in PRESSURES.items():
        k = Stores._fields.index(name)
        plot.plot(since, record.pressure[:, k] / MMHG, color=colour, label=words)
    plot.set_title("Pressures")
    plot.set_ylabel("mmHg")
    plot.set_ylim(top=1.4 * plot.get_ylim()[1])  # room for the names
    plot.legend(loc="upper right", fontsize=7.5, ncols=2)


def _volumes(plot: Plot, record: Record) -> None:
    since = (record.time - record.time[0]) / MS
    for name in ("lv", "rv", "la"):
        words, colour = PRESSURES[name]
        k = Stores._fields.index(name)
        plot.plot(since, record.volume[:, k] / ML, color=colour, label=words)
    plot.set_title("Volumes")
    plot.set_ylabel("mL")
    plot.set_ylim(0, 1.3 * plot.get_ylim()[1])
    plot.legend(loc="upper right", fontsize=7.5)


def _strains(plot: Plot, beat: WholeBeat) -> None:
    since = beat.time / MS
    for words, colour, name in (
        ("longitudinal", theme.VERMILION, "global_longitudinal"),
        ("circumferential", theme.BLUE, "global_circumferential"),
    ):
        for reading, style in ((beat.function.material, "-"), (beat.function.image, ":")):
            values = getattr(reading, name)[:, MIDWALL] / PERCENT
            label = words if style == "-" else None
            plot.plot(since, values, style, color=colour, label=label)
    plot.axhline(0, color=theme.GREY, linewidth=0.8)
    plot.set_title("Global strain")
    plot.set_ylabel("%")
    plot.legend(loc="lower right")


def _thickening(plot: Plot, beat: WholeBeat) -> None:
    since = beat.time / MS
    for k, (name, colour) in enumerate(
        zip(SLICES, (theme.BLUE, theme.GREEN, theme.ORANGE), strict=True)
    ):
        plot.plot(since, beat.function.material.radial[:, k] / PERCENT, color=colour, label=name)
        plot.plot(since, beat.function.image.radial[:, k] / PERCENT, ":", color=colour)
    plot.axhline(0, color=theme.GREY, linewidth=0.8)
    plot.set_title("Wall thickening, by slice")
    plot.set_ylabel("%")
    plot.legend(loc="upper right")


def _rotation(plot: Plot, beat: WholeBeat) -> None:
    since, material = beat.time / MS, beat.function.material
    for k, colour in ((0, theme.BLUE), (2, theme.ORANGE)):
        angle = material.rotation[:, k, MIDWALL] / DEGREE
        plot.plot(since, angle, color=colour, label=SLICES[k])
    plot.plot(since, material.twist[:, MIDWALL] / DEGREE, color=theme.BLACK, label="twist")
    plot.axhline(0, color=theme.GREY, linewidth=0.8)
    plot.set_title("Rotation and twist")
    plot.set_ylabel("° counter-clockwise from the apex")
    plot.legend(loc="best")


def _by_segment(
    plot: Plot,
    since: Float[np.ndarray, " frames"],
    values: Float[np.ndarray, "frames 17"],
    sick: frozenset[int],
) -> None:
    for first, last, colour, words in LEVELS:
        label: str | None = words
        for number in range(first, min(last, N_SEGMENTS) + 1):
            ill = number in sick
            plot.plot(
                since,
                values[:, number - 1],
                color=theme.VERMILION if ill else colour,
                linewidth=1.6 if ill else 0.9,
                zorder=3 if ill else 2,
                label=None if ill else label,
            )
            label = label if ill else None
    plot.axhline(0, color=theme.GREY, linewidth=0.8)
    plot.legend(loc="best", fontsize=7.5)


__all__ = ["draw_beat_curves", "draw_beat_segments"]
