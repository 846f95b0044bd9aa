"""The circulation of an animal from its catheter pressures, with uncertainty and a picture.

`python experiments/circulation_fit.py [animal=DSEA08] [state=baseline] [data=folder]
[output=folder]`: one beat of the published coronary studies in dogs (pressures of the left
ventricle and of the aorta; no volume was measured, so the size of the heart is the prior's), or
with `animal=catheter_mr` beats of a preload reduction (pressure and volume of the ventricle).
Channels that are missing, mislabelled or bad are reported and not fitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from experiment import run

from cardiotwin.circulation import Circulation, from_end_diastole
from cardiotwin.coupling.personal import healthy_adult, scaled
from cardiotwin.coupling.timing import root_impedance
from cardiotwin.errors import Flag, InputError
from cardiotwin.fitting.haemodynamics import ROOT_SHARE, Channel, HaemodynamicFit, fit_circulation
from cardiotwin.fitting.priors import LogNormal
from cardiotwin.measurement.preload_study import read_preload_study
from cardiotwin.measurement.pressure_trace import BeatTrace, read_beat_trace
from cardiotwin.units import ML, MMHG
from cardiotwin.viz import theme
from cardiotwin.viz.traces import draw_traces

ROOT = Path(__file__).resolve().parents[1]
DOG = 0.4  # of an adult's stroke: 25 kg at about 70 mL per 70 kg
ZERO = 5 * MMHG  # Pa: how far a fluid-filled catheter's level may be off
VOLUME_NOISE = 3 * ML  # of a contour in a real-time image
UNITS = {
    "resistance": ("mmhg_s_per_ml", MMHG / ML),
    "open_resistance": ("mmhg_s_per_ml", MMHG / ML),
    "inertance": ("mmhg_s2_per_ml", MMHG / ML),
    "compliance": ("ml_per_mmhg", ML / MMHG),
    "active": ("mmhg_per_ml", MMHG / ML),
    "passive": ("mmhg_per_ml", MMHG / ML),
    "unstressed_volume": ("ml", ML),
    "blood_volume": ("ml", ML),
    "level": ("mmhg", MMHG),
    "share": ("of_valve", 1.0),
}
NOISY = 1.5  # times the noise, beyond which a residual is the model's
SPREAD = {
    "left_atrium.active": 1.0,
    "left_ventricle.active": 1.0,
    "left_ventricle.passive": 1.0,
    "left_ventricle.unstressed_volume": 0.5,
    "systemic_arteries.resistance": 0.7,
    "systemic_arteries.compliance": 0.7,
    "systemic_arteries.inertance": 0.7,
    "aortic.open_resistance": 1.0,
}


@dataclass(frozen=True, kw_only=True)
class Options:
    animal: str = "DSEA08"
    state: str = "baseline"
    data: str = str(ROOT.parent / "shared" / "data" / "pressure_volume")
    output: str = "outputs/circulation_fit"


def loop_and_priors(period: float) -> tuple[Circulation, dict[str, LogNormal]]:
    """Return a dog's loop at this period and the priors of what is fitted."""
    loop = scaled(from_end_diastole(Circulation(), period), DOG)
    source = "a healthy adult's circulation, scaled to the stroke of a 25 kg dog"
    medians: dict[str, float] = {}
    for name in SPREAD:
        part, key = name.split(".")
        medians[name] = getattr(getattr(loop, part), key)
    priors = {
        name: LogNormal(median=medians[name], sd=sd, source=source) for name, sd in SPREAD.items()
    }
    adult = healthy_adult()
    valve, root = adult.aortic.open_resistance, root_impedance(adult)
    priors["aortic.open_resistance"] = LogNormal(
        median=valve / DOG, sd=SPREAD["aortic.open_resistance"], source=source
    )
    priors[ROOT_SHARE] = LogNormal(median=root / valve, sd=0.3, source=source)
    priors["twitch.contraction"] = LogNormal(median=0.31 * period, sd=0.15, source=source)
    priors["twitch.relaxation"] = LogNormal(median=0.28 * period, sd=0.2, source=source)
    blood = DOG * Circulation().start().blood
    priors["blood_volume"] = LogNormal(median=0.8 * blood, sd=0.4, source=source)
    return loop, priors


def channels(trace: BeatTrace) -> list[Channel]:
    """Return the pressures that can be fitted."""
    levels = any(flag.name == "pressure_levels_differ" for flag in trace.flags)
    return [
        Channel(
            name=name,
            time=trace.time,
            value=trace.channels[name],
            noise=trace.noise[name],
            level_sd=ZERO if levels and name == "lv_pressure" else 0.0,
        )
        for name in ("lv_pressure", "aortic_pressure")
        if name in trace.channels
    ]


def studied(options: Options) -> tuple[float, list[Channel], tuple[Flag, ...]]:
    """Return the period, the channels to be fitted, and what was found wrong."""
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
        return beat.period, [pressure, volume], beat.flags
    path = folder / "coronary_dogs" / f"{options.animal}_{options.state}.csv"
    if not path.exists():
        msg = f"There is no {path.name} in {path.parent}. Name another animal or state."
        raise InputError(msg)
    trace = read_beat_trace(path)
    return trace.period, channels(trace), trace.flags


def picture(measured: list[Channel], fit: HaemodynamicFit, options: Options) -> None:
    """Write `fit.png`: pressures, and the volume where there is one, measured and by the model."""
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
    title = f"{options.animal}, {options.state}".replace("_", " ")
    draw_traces(panels, Path(options.output) / "fit.png", title=title)


def numbers(measured: list[Channel], fit: HaemodynamicFit) -> dict[str, Any]:
    """Return parameters with their standard deviations, and how the curves are met."""
    found: dict[str, Any] = {"fitted": len(measured)}
    for channel in measured:
        key, unit = ("ml", ML) if channel.name == "lv_volume" else ("mmhg", MMHG)
        found[f"{channel.name}_residual_{key}"] = fit.residual[channel.name] / unit
        found[f"{channel.name}_noise_{key}"] = channel.noise / unit
        found[f"{channel.name}_independent"] = fit.independent[channel.name]
    for name, value in fit.values.items():
        key = name.rsplit(".", maxsplit=1)[-1]
        suffix, unit = UNITS.get(key, ("s", 1.0))
        label = f"{name.replace('.', '_')}_{suffix}"
        relative = key not in ("delay", "level", "shift")
        found[label] = value / unit
        found[f"{label}_sd"] = fit.sd[name] * (value if relative else 1.0) / unit
    found["stroke_volume_ml"] = float(fit.trace.stroke_volume[0]) / ML
    return found | {"at_bound": int(np.sum(fit.mode.at_bound))}


def fit_animal(options: Options) -> Mapping[str, Any]:
    """Read, judge, fit, draw, and return the numbers."""
    period, measured, flags = studied(options)
    for flag in flags:
        print(f"{flag.name}: {flag.sentence}", flush=True)
    known: dict[str, Any] = {"flags": [flag.name for flag in flags], "period_s": period}
    if not measured:
        return {**known, "fitted": 0}
    fit = fit_circulation(*loop_and_priors(period), measured)
    picture(measured, fit, options)
    for channel in measured:
        times = fit.residual[channel.name] / channel.noise
        if times > NOISY:
            known["flags"].append(f"model_error_of_{channel.name}")
            print(
                f"model_error: {channel.name} is missed by {times:.1f} times its noise. The "
                "lumped loop has neither waves nor a wall: its errors are in the standard "
                "deviations, which take the residuals for noise.",
                flush=True,
            )
    return known | numbers(measured, fit)


if __name__ == "__main__":
    run(Options, fit_animal)
