"""The circulation of an animal from its catheter pressures, with uncertainty and a picture.

`python experiments/circulation_fit.py [animal=DSEA08] [state=baseline] [structure=whole]
[data=folder] [output=folder]`: one beat of the published coronary studies in dogs (pressures of
the left ventricle and of the aorta; no volume was measured, so the size of the heart is the
prior's), or with `animal=catheter_mr` beats of a preload reduction (pressure and volume of the
ventricle). Channels that are missing, mislabelled or bad are reported and not
fitted. `structure` is one of `STRUCTURES`, each of which has what those before it have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from circulation_structures import STRUCTURES, has, loop_and_priors
from experiment import DATA, run

from cardiotwin.errors import Flag, InputError
from cardiotwin.fitting.channels import FLUID_FILLED, Channel
from cardiotwin.fitting.haemodynamics import HaemodynamicFit, fit_circulation
from cardiotwin.measurement.mains import KEYS
from cardiotwin.measurement.preload_study import read_preload_study
from cardiotwin.measurement.pressure_trace import BeatTrace, read_beat_trace
from cardiotwin.units import ML, MMHG
from cardiotwin.viz import theme
from cardiotwin.viz.traces import draw_traces

ZERO = 5 * MMHG  # Pa: how far a fluid-filled catheter's level may be off
BESIDE = 2 * MMHG  # Pa: how far two levelled transducers may differ
GAIN = 0.01  # of the reading: what transducers of one kind differ by
WANDER = 1 * MMHG  # Pa by which a breath moves a pressure over a beat
HUM = 1 * MMHG  # Pa of the mains in a pressure that holds any
CLOCK = 0.005  # s: the pulse's way along a catheter
VOLUME_NOISE = 3 * ML  # of a contour in a real-time image
UNITS = {
    "resistance": ("mmhg_s_per_ml", MMHG / ML),
    "open_resistance": ("mmhg_s_per_ml", MMHG / ML),
    "termination": ("mmhg_s_per_ml", MMHG / ML),
    "impedance": ("mmhg_s_per_ml", MMHG / ML),
    "inertance": ("mmhg_s2_per_ml", MMHG / ML),
    "compliance": ("ml_per_mmhg", ML / MMHG),
    "bulge": ("ml_per_mmhg", ML / MMHG),
    "active": ("mmhg_per_ml", MMHG / ML),
    "passive": ("mmhg_per_ml", MMHG / ML),
    "unstressed_volume": ("ml", ML),
    "blood_volume": ("ml", ML),
    "level": ("mmhg", MMHG),
    "drift": ("mmhg", MMHG),
    "share": ("of_valve", 1.0),
    "gain": ("ratio", 1.0),
    "damping": ("ratio", 1.0),
    "frequency": ("hz", 1.0),
    "area": ("cm2", 1e-4),
    "length": ("cm", 1e-2),
    "opening_rate": ("per_s_mmhg", 1 / MMHG),
    "closing_rate": ("per_s_mmhg", 1 / MMHG),
    **dict.fromkeys(KEYS, ("mmhg", MMHG)),
}
NOISY = 1.5  # times the noise, beyond which a residual is the model's


@dataclass(frozen=True, kw_only=True)
class Options:
    animal: str = "DSEA08"
    state: str = "baseline"
    structure: str = "whole"
    data: str = str(DATA / "pressure_volume")
    output: str = "outputs/circulation_fit"


def channels(trace: BeatTrace, structure: str = "whole") -> list[Channel]:
    """Return the pressures that can be fitted."""
    levels = any(flag.name == "pressure_levels_differ" for flag in trace.flags)
    both = len({"lv_pressure", "aortic_pressure"} & set(trace.channels)) == 2
    found = []
    for name in ("lv_pressure", "aortic_pressure"):
        if name in trace.channels:
            beside = both and name == "aortic_pressure"
            channel = Channel(
                name=name,
                time=trace.time,
                value=trace.channels[name],
                noise=trace.noise[name],
                level_sd=ZERO if levels and name == "lv_pressure" else 0.0,
            )
            if name in trace.hum:
                channel = replace(channel, hum_sd=HUM)
            found.append(instrumented(channel, structure, beside=beside))
    return found


def instrumented(channel: Channel, structure: str, *, beside: bool) -> Channel:
    """Return a pressure with what its catheter does; `beside` another one, by which it is told."""
    if not has(structure, "catheters"):
        return channel
    return replace(
        channel,
        catheter=FLUID_FILLED,
        drift_sd=WANDER,
        level_sd=BESIDE if beside else channel.level_sd,
        gain_sd=GAIN if beside else 0.0,
        shift_sd=CLOCK if beside else 0.0,
    )


def studied(options: Options) -> tuple[float, list[Channel], tuple[Flag, ...]]:
    """Return the period, the channels to be fitted, and what was found wrong."""
    if options.structure not in STRUCTURES:
        msg = f"structure must be one of {', '.join(STRUCTURES)}, found {options.structure!r}."
        raise InputError(msg)
    folder = Path(options.data)
    if options.animal == "catheter_mr":
        beat = read_preload_study(folder / "catheter_mr")
        pressure = Channel(
            name="lv_pressure",
            time=beat.pressure_time,
            value=beat.pressure,
            noise=beat.pressure_noise,
            level_sd=ZERO,
        )
        volume = Channel(
            name="lv_volume",
            time=beat.volume_time,
            value=beat.volume,
            noise=VOLUME_NOISE,
            shift_sd=0.1,
        )
        return (
            beat.period,
            [instrumented(pressure, options.structure, beside=False), volume],
            beat.flags,
        )
    path = folder / "coronary_dogs" / f"{options.animal}_{options.state}.csv"
    if not path.exists():
        msg = f"There is no {path.name} in {path.parent}. Name another animal or state."
        raise InputError(msg)
    trace = read_beat_trace(path)
    return trace.period, channels(trace, options.structure), trace.flags


def picture(measured: list[Channel], fit: HaemodynamicFit, options: Options) -> None:
    """Write `fit.png`: pressures, volume, and what they miss, measured and by the model."""
    panels: dict[str, Any] = {}
    colours = {
        "lv_pressure": theme.BLUE,
        "aortic_pressure": theme.VERMILION,
        "lv_volume": theme.GREEN,
    }
    for channel in measured:
        label, unit = (
            ("volume, mL", ML) if channel.name == "lv_volume" else ("pressure, mmHg", MMHG)
        )
        words, colour = channel.name.replace("_", " "), colours[channel.name]
        order = np.argsort(channel.time)
        curves = panels.setdefault(label, {})
        curves[f"{words}, measured"] = (channel.time, channel.value / unit, f".{colour}")
        curves[f"{words}, model"] = (
            channel.time[order],
            fit.predicted[channel.name][order] / unit,
            colour,
        )
        miss = (channel.value - fit.predicted[channel.name]) / channel.noise
        left = panels.setdefault("measured less model, by noise", {})
        left[words] = (channel.time[order], miss[order], colour)
    title = f"{options.animal}, {options.state}".replace("_", " ")
    draw_traces(panels, Path(options.output) / "fit.png", title=title)


def numbers(measured: list[Channel], fit: HaemodynamicFit) -> dict[str, Any]:
    """Return parameters with their standard deviations, and how the curves are met."""
    found: dict[str, Any] = {"fitted": len(measured), "log_evidence_nats": fit.log_evidence}
    for channel in measured:
        key, unit = ("ml", ML) if channel.name == "lv_volume" else ("mmhg", MMHG)
        found[f"{channel.name}_residual_{key}"] = fit.residual[channel.name] / unit
        found[f"{channel.name}_noise_{key}"] = channel.noise / unit
        found[f"{channel.name}_residual_by_noise"] = fit.residual[channel.name] / channel.noise
        term = fit.discrepancy[channel.name]
        found[f"{channel.name}_discrepancy_{key}"] = term.amplitude / unit
        found[f"{channel.name}_discrepancy_length_s"] = term.length
    for name, value in fit.values.items():
        if ".shape_" in name:
            continue
        key = name.rsplit(".", maxsplit=1)[-1]
        suffix, unit = UNITS.get(key, ("s", 1.0))
        label = f"{name.replace('.', '_')}_{suffix}"
        relative = key not in {"delay", "level", "shift", "onset", "drift", *KEYS}
        found[label] = value / unit
        found[f"{label}_sd"] = fit.sd[name] * (value if relative else 1.0) / unit
    found["stroke_volume_ml"] = float(fit.trace.stroke_volume[0]) / ML
    return found | {"at_bound": int(np.sum(fit.mode.at_bound))}


def solve(options: Options) -> Mapping[str, Any]:
    """Read, judge, fit, draw, and return the numbers."""
    period, measured, flags = studied(options)
    for flag in flags:
        print(f"{flag.name}: {flag.sentence}", flush=True)
    known: dict[str, Any] = {"flags": [flag.name for flag in flags], "period_s": period}
    if not measured:
        return {**known, "fitted": 0}
    loop, priors, shapes = loop_and_priors(period, options.structure)
    fit = fit_circulation(loop, priors, measured, shapes)
    picture(measured, fit, options)
    for channel in measured:
        times = fit.residual[channel.name] / channel.noise
        if times > NOISY:
            known["flags"].append(f"model_error_of_{channel.name}")
            print(
                f"model_error: {channel.name} is missed by {times:.1f} times its noise; the "
                "discrepancy is told apart and widens the standard deviations.",
                flush=True,
            )
    return known | numbers(measured, fit)


if __name__ == "__main__":
    run(Options, solve)
