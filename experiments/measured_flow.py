"""The blood's flow in a ventricle from its 4D flow: what clinicians read, with standard errors.

`python experiments/measured_flow.py path=folder [flow=file] [edge=0.105] [layers=26]
[harmonics=0] [draws=8] [movie=1] [output=folder]`

`path` holds the contours of a whole cine (guide points), or is the run folder of a twin with its
beat; `flow` is the NIfTI file of the magnitudes, with phases and header beside it
(`imaging.phase_contrast.files` says how), by default the only one in `path/flow`. Written are
`flow.csv` (courses), `measured_flow.png`, `flow_courses.png` and, with `movie=1`, `flow.mp4`.
"""

import csv
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cine_frames import beating_frames, wall_harmonics
from experiment import run

from cardiotwin.errors import Flag, InputError
from cardiotwin.geometry.cavity import CavityTemplate, MovingCavity, make_cavity
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import Moment, valve_times
from cardiotwin.imaging.phase_contrast import (
    BoxAverage,
    FlowSeries,
    read_flow,
    without_background,
)
from cardiotwin.measurement.flow import (
    FlowBeat,
    FlowRetrieval,
    Lumen,
    blood_parts,
    flow_beat,
    moving_lumen,
    retrieve_flow,
)
from cardiotwin.measurement.flow.images import (
    FrameView,
    brightness_beside,
    covered,
    view,
    without_mixed,
)
from cardiotwin.units import ML, MMHG
from cardiotwin.viz.flow import draw_flow
from cardiotwin.viz.flow_courses import draw_flow_courses
from cardiotwin.viz.flow_film import draw_flow_film

SAMPLES = 3  # along a voxel's edge
AWAY = 20e-3  # m from the lumen, beyond which tissue is taken for still
BRIGHT = 0.15  # of the brightest: below is air
LEAST, ALL = 0.5, 0.98  # of the ventricle that the images must hold, and that is all of it
UNITS = {
    "inflow": ("inflow_ml_per_s", ML),
    "outflow": ("outflow_ml_per_s", ML),
    "kinetic_energy": ("kinetic_energy_mj", 1e-3),
    "dissipation": ("dissipation_mw", 1e-3),
    "vorticity": ("vorticity_per_s", 1.0),
    "fastest": ("max_speed_m_per_s", 1.0),
    "wall_shear_stress": ("wall_shear_stress_pa", 1.0),
    "mitral_to_apex": ("mitral_minus_apex_mmhg", MMHG),
    "apex_to_aortic": ("apex_minus_aortic_mmhg", MMHG),
    "ejected": ("ejected_ml", ML),
    "filled": ("filled_ml", ML),
    "peak_outflow": ("peak_outflow_ml_per_s", ML),
    "largest_kinetic_energy": ("largest_kinetic_energy_mj", 1e-3),
    "dissipated": ("dissipated_mj", 1e-3),
    "mean_wall_shear_stress": ("mean_wall_shear_stress_pa", 1.0),
    "largest_apex_to_aortic": ("largest_apex_minus_aortic_mmhg", MMHG),
    "largest_mitral_to_apex": ("largest_mitral_minus_apex_mmhg", MMHG),
    "e_wave": ("e_ml_per_s", ML),
    "a_wave": ("a_ml_per_s", ML),
    "e_over_a": ("e_over_a", 1.0),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    flow: str = ""
    edge: float = 0.105  # of the cross-section's radius
    layers: int = 26
    harmonics: int = 0  # of the wall's motion; 0: 6, of a twin's beat 16
    draws: int = 8
    seed: int = 1
    movie: int = 1
    output: str = "outputs/measured_flow"


def measure(options: Options) -> Mapping[str, Any]:
    """Return the numbers of the beat with their standard errors; draw it."""
    start = time.process_time()
    if options.draws < 2:
        msg = f"Standard errors take at least 2 draws, found draws={options.draws}. 8 are usual."
        raise InputError(msg)
    frames = beating_frames(options.path, "measured_flow")
    series, flags = read_flow(_file(options))
    template = CavityTemplate(edge=options.edge, layers=options.layers)
    harmonics = wall_harmonics(options.path, options.harmonics)
    cavity = make_cavity(frames, series.period, template, harmonics=harmonics)
    lumen = moving_lumen(cavity, series.times)
    flags = (*flags, *_coverage(lumen, series))
    views = tuple(_view(cavity, lumen, series, t) for t in range(len(series.times)))
    series, more = _clean(series, views)
    found = retrieve_flow(
        series,
        lumen,
        BoxAverage(per_edge=SAMPLES),
        per_edge=SAMPLES,
        tissue=brightness_beside(series, views),
        rng=np.random.default_rng(options.seed),
        n_draws=options.draws,
        views=views,
    )
    valves, fluid = valve_times(cavity), Fluid()
    end_systole = (valves.end_systole - series.times[0]) % series.period
    beat = flow_beat(cavity, lumen, found, end_systole=end_systole, fluid=fluid)
    parts = blood_parts(cavity, found, valves, first=float(series.times[0]))
    cost = time.process_time() - start
    told = (*cavity.flags, *flags, *more, *found.flags, *beat.flags)
    folder, moments = Path(options.output), _moments(series.times, lumen, found, beat)
    _write(folder, _table(series, beat), moments, cavity)
    if options.movie:
        draw_flow_film(moments, cavity, folder / "flow.mp4")
    numbers: dict[str, Any] = {}
    for key, (value, error) in beat.numbers.items():
        name, unit = UNITS[key]
        numbers |= {name: value / unit, f"{name}_se": error / unit}
    for key, (share, error) in parts.items():
        numbers |= {f"{key}_percent": 100 * share, f"{key}_percent_se": 100 * error}
    return {
        **numbers,
        "stroke_volume_ml": float(np.ptp(beat.volume) / ML),
        "edv_ml": float(beat.volume.max() / ML),
        "esv_ml": float(beat.volume.min() / ML),
        "frames": len(series.times),
        "nodes": len(lumen.wall),
        "voxels": int(sum(each.used.sum() for each in views)),
        "misfit_per_value": found.misfit / found.number,
        "smooth_mm": found.strength.smooth * 1e3,
        "solenoidal_mm": found.strength.solenoidal * 1e3,
        "steady_ms": found.strength.steady * 1e3,
        "cpu_s": cost,
        "flags": [flag.sentence for flag in told],
    }


def _file(options: Options) -> Path:
    """Return the flow's file of magnitudes."""
    if options.flow:
        file = Path(options.flow)
        if not file.is_file():
            msg = f"flow must be a NIfTI file, found no {file}. Give that of the magnitudes."
            raise InputError(msg)
        return file
    folder = Path(options.path) / "flow"
    found = [f for f in sorted(folder.glob("*.nii*")) if "_phase.nii" not in f.name]
    if len(found) != 1:
        names = ", ".join(f.name for f in found) or "none"
        msg = f"{folder} must hold one series of flow, found {names}. Name it by flow=file."
        raise InputError(msg)
    return found[0]


def _coverage(lumen: Lumen, series: FlowSeries) -> tuple[Flag, ...]:
    """Return a flag where the images do not hold all of the ventricle.

    Raises
    ------
    InputError
        If they hold less than half of it.
    """
    share = covered(lumen, series.grid)
    if share < LEAST:
        msg = (
            f"The flow's images hold {100 * share:.0f} % of the ventricle's blood. Contours and "
            "flow are not of one place: give those of one examination, in one frame of reference."
        )
        raise InputError(msg)
    if share > ALL:
        return ()
    sentence = (
        f"The flow's images hold {100 * share:.0f} % of the ventricle's blood; elsewhere its "
        "velocity follows from that and from the wall."
    )
    return (Flag(name="not_covered", sentence=sentence),)


def _view(cavity: MovingCavity, lumen: Lumen, series: FlowSeries, t: int) -> FrameView:
    """Return how a frame's voxels see the lumen, without those that mix it with what it opens to.

    Beside the lid and the stubs lie atrium and aorta.
    """
    points = lumen.positions[t]
    seen = view(points, lumen, series.grid, SAMPLES)
    nodes = np.unique(
        np.concatenate(
            [t.ravel() for n, t in cavity.region.facets.items() if n != "lv_endocardium"]
        )
    )
    return without_mixed(seen, series.grid, points[nodes], float(series.grid.spacing.max()))


def _clean(
    series: FlowSeries, views: tuple[FrameView, ...]
) -> tuple[FlowSeries, tuple[Flag, ...]]:
    """Return the series without a background phase, and what is to be said of it."""
    from scipy.ndimage import distance_transform_edt  # noqa: PLC0415 - here alone

    blood = np.stack([each.used for each in views]).any(axis=0)
    away = distance_transform_edt(~blood, sampling=series.grid.spacing)
    size = np.abs(series.signal).mean(axis=(3, 4))
    still = (away > AWAY) & (size > BRIGHT * size.max())
    try:
        return without_background(series, still)
    except InputError as error:
        sentence = f"No background phase was looked for. {error}"
        return series, (Flag(name="background_unknown", sentence=sentence),)


def _table(series: FlowSeries, beat: FlowBeat) -> dict[str, np.ndarray]:
    """Return the courses by keys with their units."""
    table: dict[str, np.ndarray] = {
        "time_s": series.times,
        "volume_ml": beat.volume / ML,
        "imbalance_ml_per_s": beat.imbalance / ML,
    }
    for key, (value, error) in beat.courses.items():
        name, unit = UNITS[key]
        table |= {name: value / unit, f"{name}_se": error / unit}
    return table


def _moments(
    times: np.ndarray, lumen: Lumen, found: FlowRetrieval, beat: FlowBeat
) -> list[Moment]:
    (inflow, _), (outflow, _) = beat.courses["inflow"], beat.courses["outflow"]
    return [
        Moment(
            time=float(time),
            points=lumen.positions[t],
            velocity=found.velocity[t],
            pressure=beat.pressure[t],
            inflow=float(inflow[t]),
            outflow=float(outflow[t]),
            imbalance=0.0,
            resolved=0.0,
        )
        for t, time in enumerate(times)
    ]


def _write(
    folder: Path, table: Mapping[str, np.ndarray], moments: list[Moment], cavity: MovingCavity
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "flow.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    draw_flow_courses(table, folder / "flow_courses.png")
    shown = {
        "peak systole": moments[int(np.argmax(table["outflow_ml_per_s"]))],
        "peak filling": moments[int(np.argmax(table["inflow_ml_per_s"]))],
    }
    draw_flow(shown, cavity, folder / "measured_flow.png")


if __name__ == "__main__":
    run(Options, measure)
