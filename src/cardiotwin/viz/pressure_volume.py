"""`pressure_volume.png`: the passive curve, the states of the beat, and what was measured."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes as Plot
from scipy.interpolate import PchipInterpolator

from cardiotwin.fitting.klotz import Klotz
from cardiotwin.twin.beat import UNLOADED, beat_states
from cardiotwin.twin.twin import Agreement, Twin
from cardiotwin.units import ML, MMHG
from cardiotwin.viz import theme

CURVE_POINTS = 200


def draw_pressure_volume(twin: Twin, path: Path) -> Path:
    """Write the picture; the whole beat beside its passive part, which a full scale would hide."""
    names = beat_states(twin)
    passive_names = [name for name in names if twin.states[name].active_tension == 0]
    beating = len(passive_names) < len(names)
    with theme.figure(8.6 if beating else 5.4, 4.0) as fig:
        plots = fig.subplots(1, 2 if beating else 1, squeeze=False)[0]
        for plot in plots:
            _curves(plot, twin)
            plot.set_xlabel("left-ventricular volume, mL")
            plot.set_ylabel("left-ventricular pressure, mmHg")
        _passive(plots[-1], twin, passive_names)
        if beating:
            plots[0].set_title("The beat")
            for name in names:
                _state(plots[0], twin, name)
            plots[0].set_ylim(bottom=0)
        entries = {
            label: handle
            for plot in plots
            for handle, label in zip(*plot.get_legend_handles_labels(), strict=True)
        }
        n_columns = 3 if beating else 2
        fig.legend(entries.values(), entries.keys(), loc="lower center", ncols=n_columns)
        rows = -(-len(entries) // n_columns)
        left = 0.075 if beating else 0.11
        fig.subplots_adjust(left, 0.15 + 0.052 * rows, 0.985, 0.92, 0.2)
        return theme.save(fig, path)


def _passive(plot: Plot, twin: Twin, names: Sequence[str]) -> None:
    for name in names:
        _state(plot, twin, name)
    _diastolic_points(plot, twin)
    top = _passive_pressure(twin)
    plot.set_ylim(-0.04 * top, top)
    plot.set_xlim(*_passive_volumes(twin))
    plot.set_title("Passive filling")


def klotz_curve(twin: Twin) -> Klotz | None:
    """Return the empirical relation where the fit used it, else None."""
    used = any("klotz" in one.source.lower() for one in twin.fit.values())
    state = twin.states.get("end_diastole")
    if not used or state is None:
        return None
    volume = measured(twin, "end_diastolic_volume")
    pressure = measured(twin, "end_diastolic_pressure")
    return Klotz(
        volume=state.cavity_volume if volume is None else volume.measured,
        pressure=state.cavity_pressure if pressure is None else pressure.measured,
    )


def smooth(curve: Float[np.ndarray, "states 2"]) -> Float[np.ndarray, "points 2"]:
    """Return a curve through computed volumes and pressures that is as monotone as they are."""
    volume, pressure = curve.T
    if len(curve) < 3 or np.any(np.diff(pressure) <= 0):
        return curve
    between = np.linspace(pressure[0], pressure[-1], CURVE_POINTS)
    return np.stack([PchipInterpolator(pressure, volume)(between), between], axis=1)


def measured(twin: Twin, name: str) -> Agreement | None:
    """Return a measurement of the fit by its name."""
    return twin.fit.get(name)


def is_assumed(one: Agreement) -> bool:
    """Return whether a number of the fit was assumed because nobody measured it."""
    return one.source == "assumed"


def _curves(plot: Plot, twin: Twin) -> None:
    if len(twin.passive_curve):
        volume, pressure = twin.passive_curve.T
        plot.plot(volume / ML, pressure / MMHG, ".", color=theme.BLACK, markersize=4)
        volume, pressure = smooth(twin.passive_curve).T
        plot.plot(volume / ML, pressure / MMHG, color=theme.BLACK, label="model, passive")
    klotz = klotz_curve(twin)
    if klotz is not None:
        pressures = np.linspace(0, 1, 120) ** 3 * max(30 * MMHG, 1.5 * klotz.pressure)
        volumes = np.array([klotz.volume_at(float(p)) for p in pressures])
        plot.plot(
            volumes / ML,
            pressures / MMHG,
            color=theme.GREEN,
            linestyle=(0, (4, 2)),
            label="Klotz 2006, through end-diastole",
        )
    state = twin.states.get(UNLOADED)
    if state is not None:
        plot.plot(
            state.cavity_volume / ML,
            0,
            "o",
            color="white",
            markeredgecolor=theme.BLACK,
            clip_on=False,
            zorder=5,
            label="model, unloaded",
        )


def _state(plot: Plot, twin: Twin, name: str) -> None:
    state = twin.states[name]
    colour = theme.STATE_COLOURS.get(name, theme.PURPLE)
    words = theme.spoken(name)
    plot.plot(
        state.cavity_volume / ML,
        state.cavity_pressure / MMHG,
        "o",
        color=colour,
        markersize=6,
        zorder=6,
        label=f"model, {words}",
    )
    stem = {"end_diastole": "end_diastolic", "end_systole": "end_systolic"}.get(name, name)
    volume, pressure = measured(twin, f"{stem}_volume"), measured(twin, f"{stem}_pressure")
    if volume is None:
        return
    height = state.cavity_pressure if pressure is None else pressure.measured
    assumed = pressure is not None and is_assumed(pressure)
    plot.errorbar(
        volume.measured / ML,
        height / MMHG,
        xerr=volume.sd / ML,
        yerr=None if pressure is None else pressure.sd / MMHG,
        fmt="s",
        color=colour,
        markersize=10,
        markerfacecolor="none",
        elinewidth=1,
        capsize=3,
        zorder=5,
        label=f"{'measured volume, assumed pressure' if assumed else 'measured'} ± sd, {words}",
    )


def _diastolic_points(plot: Plot, twin: Twin) -> None:
    points = np.array(twin.subject.diastolic_points).reshape(-1, 3)
    if len(points):
        plot.errorbar(
            points[:, 0] / ML,
            points[:, 1] / MMHG,
            yerr=points[:, 2] / MMHG,
            fmt="s",
            color=theme.PURPLE,
            markersize=4.5,
            elinewidth=1,
            capsize=3,
            label="measured ± sd, diastole",
        )


def _passive_volumes(twin: Twin) -> tuple[float, float]:
    """Return the volumes worth showing for the passive wall, mL."""
    volumes = [state.cavity_volume for state in twin.states.values() if not state.active_tension]
    volumes += [float(v) for v in twin.passive_curve[:, 0]]
    klotz = klotz_curve(twin)
    volumes += [] if klotz is None else [klotz.unloaded_volume]
    low, high = min(volumes, default=0.0) / ML, max(volumes, default=ML) / ML
    room = max(0.12 * (high - low), 1.0)
    return low - room, high + room


def _passive_pressure(twin: Twin) -> float:
    """Return the highest pressure worth showing for the passive wall, mmHg."""
    pressures = [
        state.cavity_pressure for state in twin.states.values() if not state.active_tension
    ]
    pressures += [float(p) for p in twin.passive_curve[:, 1]]
    known = measured(twin, "end_diastolic_pressure")
    pressures += [] if known is None else [known.measured + known.sd]
    pressures += [pressure + sd for _, pressure, sd in twin.subject.diastolic_points]
    return max(1.08 * max(pressures, default=0.0) / MMHG, 12.0)


__all__ = ["draw_pressure_volume", "is_assumed", "klotz_curve", "smooth"]
