"""The circulation of an animal from its catheter pressures, with uncertainty and a picture.

`python experiments/circulation_fit.py [animal=DSEA08] [state=baseline] [data=folder]
[output=folder]`: one beat of the published coronary studies in dogs (pressures of the left
ventricle and of the aorta; no volume was measured, so the size of the heart is the prior's).
Channels that are missing, mislabelled or bad are reported and not fitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from experiment import run

from cardiotwin.circulation import Circulation, from_end_diastole
from cardiotwin.coupling.personal import scaled
from cardiotwin.errors import InputError
from cardiotwin.fitting.haemodynamics import Channel, HaemodynamicFit, fit_circulation
from cardiotwin.fitting.priors import LogNormal
from cardiotwin.measurement.pressure_trace import BeatTrace, read_beat_trace
from cardiotwin.units import ML, MMHG
from cardiotwin.viz import theme
from cardiotwin.viz.traces import draw_traces

ROOT = Path(__file__).resolve().parents[1]
DOG = 0.4  # of an adult's stroke: 25 kg at about 70 mL per 70 kg
ZERO = 5 * MMHG  # Pa: how far a fluid-filled catheter's level may be off
SPREAD = {
    "left_ventricle.active": 1.0,
    "left_ventricle.passive": 1.0,
    "systemic_arteries.resistance": 0.7,
    "systemic_arteries.compliance": 0.7,
    "systemic_arteries.inertance": 0.7,
    "aortic.open_resistance": 1.0,
}


@dataclass(frozen=True, kw_only=True)
class Options:
    animal: str = "DSEA08"
    state: str = "baseline"
    data: str = str(ROOT.parent / "shared" / "data" / "pressure_volume" / "coronary_dogs")
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


def picture(trace: BeatTrace, fit: HaemodynamicFit, options: Options) -> None:
    """Write `fit.png`: pressures measured and by the model, and the model's loop."""
    curves = {}
    for name, colour in (("lv_pressure", theme.BLUE), ("aortic_pressure", theme.VERMILION)):
        if name in fit.predicted:
            words = name.replace("_", " ")
            curves[f"{words}, measured"] = (trace.time, trace.channels[name] / MMHG, f".{colour}")
            curves[f"{words}, model"] = (trace.time, fit.predicted[name] / MMHG, colour)
    draw_traces(
        {"pressure, mmHg": curves},
        Path(options.output) / "fit.png",
        title=f"{options.animal}, {options.state.replace('_', ' ')}",
    )


def fit_animal(options: Options) -> Mapping[str, Any]:
    """Read, judge, fit, draw, and return the numbers."""
    path = Path(options.data) / f"{options.animal}_{options.state}.csv"
    if not path.exists():
        msg = (
            f"There is no {path.name} in {options.data}. Name an animal and a state of the study."
        )
        raise InputError(msg)
    trace = read_beat_trace(path)
    for flag in trace.flags:
        print(f"{flag.name}: {flag.sentence}", flush=True)
    flags = {"flags": [flag.name for flag in trace.flags], "period_s": trace.period}
    measured = channels(trace)
    if not measured:
        return {**flags, "fitted": 0}
    fit = fit_circulation(*loop_and_priors(trace.period), measured)
    picture(trace, fit, options)
    numbers: dict[str, Any] = {"fitted": len(measured)}
    for channel in measured:
        numbers[f"{channel.name}_residual_mmhg"] = fit.residual[channel.name] / MMHG
        numbers[f"{channel.name}_noise_mmhg"] = channel.noise / MMHG
        numbers[f"{channel.name}_independent"] = fit.independent[channel.name]
    units = {"resistance": MMHG / ML, "inertance": MMHG / ML, "compliance": ML / MMHG}
    units |= {"active": MMHG / ML, "passive": MMHG / ML, "open_resistance": MMHG / ML}
    names = {"resistance": "mmhg_s_per_ml", "open_resistance": "mmhg_s_per_ml"}
    names |= {"inertance": "mmhg_s2_per_ml", "compliance": "ml_per_mmhg", "level": "mmhg"}
    names |= {"active": "mmhg_per_ml", "passive": "mmhg_per_ml", "blood_volume": "ml"}
    units |= {"level": MMHG, "blood_volume": ML}
    for name, value in fit.values.items():
        key = name.rsplit(".", maxsplit=1)[-1]
        label = f"{name.replace('.', '_')}_{names.get(key, 's')}"
        numbers[label] = value / units.get(key, 1.0)
        relative = name.split(".")[-1] not in ("delay", "level", "shift")
        sd = fit.sd[name] * (value if relative else 1.0)
        numbers[f"{label}_sd"] = sd / units.get(key, 1.0)
    numbers["stroke_volume_ml"] = float(fit.trace.stroke_volume[0]) / ML
    numbers["evaluations"] = fit.mode.evaluations
    numbers["at_bound"] = int(np.sum(fit.mode.at_bound))
    return {**flags, **numbers}


if __name__ == "__main__":
    run(Options, fit_animal)
