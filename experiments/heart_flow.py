"""A beat of flow in the measured left ventricle: its cost, its balance, and what it looks like.

`python experiments/heart_flow.py path=folder [steps=1000] [edge=0.115] [layers=27] [harmonics=0]
[period_s=PERIOD] [beats=1] [valves=window|resistive] [tolerance=TOLERANCE] [film=yes|no]
[output=folder]`; the folder holds the contours of a whole cine (guide points), or is the run
folder of a twin with its beat. Of several beats the last one is told; the first begins at rest.

`valves=window` lets through what the wall displaces. `valves=resistive` has resistive surfaces
between an atrium and an aorta of given pressures (`atrium_mmhg`, `aorta_mmhg`), which decide by
themselves when they open and shut: `resistance_kg_per_m_s`, `closing_ml`, `ramp_ms`; between
them the wall rests (`contraction_ms`, `relaxation_ms`). The valves' rings are as wide as drawn, or
typical, or `mitral_mm` and `aortic_mm`.
"""

import csv
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cine_frames import beat_period, beating_frames, wall_harmonics
from experiment import run
from heart_flow_valves import told_of_valves, valve_row

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import CavityTemplate, MovingCavity, make_cavity
from cardiotwin.geometry.regions import cell_sizes
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import VALVES, HeartFlow, Moment, check_ramp, check_steps
from cardiotwin.haemodynamics.immersed import ResistiveSurface
from cardiotwin.haemodynamics.isovolumic import check_isovolumic
from cardiotwin.haemodynamics.leaflets import Leaflets
from cardiotwin.haemodynamics.numbers import dissipation, filling, kinetic_energy, vorticity
from cardiotwin.haemodynamics.valved import ValvedFlow
from cardiotwin.units import ML, MM, MMHG
from cardiotwin.viz.flow import draw_flow
from cardiotwin.viz.flow_film import draw_flow_film
from cardiotwin.viz.valves import draw_valves

KINDS: dict[str, dict[str, Any]] = {  # of valves, and the stubs they need
    "window": {},
    "resistive": {"stub_layers": 8, "stub_length": {"mitral": 12e-3, "aortic": 15e-3}},
}
TOLERANCES = {"window": 1e-6, "resistive": 1e-11}  # through valves flows what a solution lets
MOST_MMHG = 300.0
SHORTEST, LONGEST = 0.25, 3.0  # s, of a beat
FILMED = 40  # moments of the film
EVERY = 10  # steps between two moments whose derivatives are taken


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    steps: int = 1000
    edge: float = 0.115  # of the cross-section's radius
    layers: int = 27
    harmonics: int = 0  # of the wall's motion; 0: 6, of a twin's beat 16
    period_s: float = 0.0  # 0: the twin's, of a cine 0.86
    beats: int = 1
    ramp_ms: float = 15.0
    valves: str = "window"
    atrium_mmhg: float = 10.0
    aorta_mmhg: float = 95.0
    resistance_kg_per_m_s: float = 1e4
    tolerance: float = 0.0  # of the linear solvers, relative; 0: the valves' own
    closing_ml: float = 1.0  # what runs back while a valve shuts
    contraction_ms: float = 50.0  # isovolumic, between resistive valves
    relaxation_ms: float = 80.0
    mitral_mm: float = 0.0  # the rings' diameters; 0: as drawn, or typical
    aortic_mm: float = 0.0
    film: str = "yes"
    output: str = "outputs/heart_flow"

    def __post_init__(self) -> None:
        if self.beats < 1:
            msg = f"heart_flow tells the last of at least one beat, found beats={self.beats}."
            raise InputError(msg)
        if self.tolerance and not 1e-13 <= self.tolerance <= 1e-3:
            msg = f"tolerance must be 1e-13 to 1e-3, found {self.tolerance:g}. 0: the usual one."
            raise InputError(msg)
        if self.valves not in KINDS:
            msg = f"valves must be window or resistive, found {self.valves!r}. Name one of them."
            raise InputError(msg)
        if self.period_s and not SHORTEST <= self.period_s <= LONGEST:
            msg = (
                f"period_s must be {SHORTEST:g} to {LONGEST:g}, found {self.period_s:g}. Give it "
                "in seconds; 0 takes the beat's own."
            )
            raise InputError(msg)
        if self.film not in ("yes", "no"):
            msg = f"film must be yes or no, found {self.film!r}."
            raise InputError(msg)
        if self.harmonics < 0:
            msg = f"harmonics must be at least 1, found {self.harmonics}. 0: the usual ones."
            raise InputError(msg)
        if not 0 <= self.atrium_mmhg < self.aorta_mmhg <= MOST_MMHG:
            msg = (
                f"atrium_mmhg must lie below aorta_mmhg, 0 to {MOST_MMHG:g}, found "
                f"{self.atrium_mmhg:g} and {self.aorta_mmhg:g}."
            )
            raise InputError(msg)
        check_steps(self.steps)
        check_ramp(self.ramp_ms * 1e-3)
        check_isovolumic("contraction", self.contraction_ms * 1e-3)
        check_isovolumic("relaxation", self.relaxation_ms * 1e-3)
        self.template()
        self.leaflets()

    def template(self) -> CavityTemplate:
        """Return how the cavity is cut."""
        return CavityTemplate(edge=self.edge, layers=self.layers, **KINDS[self.valves])

    def leaflets(self) -> Leaflets:
        """Return how valves resist."""
        return Leaflets(
            surface=ResistiveSurface(resistance=self.resistance_kg_per_m_s),
            ramp=self.ramp_ms * 1e-3,
            closing_volume=self.closing_ml * ML,
        )


def beat(options: Options) -> Mapping[str, Any]:
    """Return the numbers of a beat; draw it."""
    start = time.process_time()
    frames = beating_frames(options.path, "heart_flow")
    period = options.period_s or beat_period(options.path)
    harmonics = wall_harmonics(options.path, options.harmonics)
    told = {"mitral": options.mitral_mm, "aortic": options.aortic_mm}
    cavity = make_cavity(
        frames,
        period,
        options.template(),
        harmonics=harmonics,
        sizes={name: mm * MM for name, mm in told.items() if mm},
    )
    made = time.process_time() - start
    heart = _heart(cavity, options)
    start = time.process_time()
    for _ in heart.run(options.steps * (options.beats - 1)):
        pass
    rows, kept = _watch(heart, options.steps)
    cost = time.process_time() - start
    table = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    end_systole = (heart.valves.end_systole - heart.start) % period
    waves = filling(table["time_s"].tolist(), table["inflow_ml_per_s"].tolist(), end_systole)
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "flow.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    peaks = {"peak systole": float(table["time_s"][np.argmax(table["outflow_ml_per_s"])])}
    if waves is not None:
        peaks |= {"E wave": waves.early_time, "A wave": waves.late_time}
    shown = {
        name: min(kept, key=lambda k, t=at: abs(table["time_s"][k] - t))  # type: ignore[misc]
        for name, at in peaks.items()
    }
    draw_flow({name: kept[k] for name, k in shown.items()}, cavity, folder / "heart_flow.png")
    if options.film == "yes":
        moments = list(kept.values())
        spread = np.linspace(0, len(moments), min(FILMED, len(moments)), endpoint=False)
        shots = [moments[int(k)] for k in spread]
        draw_flow_film(shots, cavity, folder / "heart_flow.mp4")
    if isinstance(heart, ValvedFlow):
        beyond = {"atrium_mmhg": options.atrium_mmhg, "aorta_mmhg": options.aorta_mmhg}
        level = {key: np.full(len(rows), mmhg) for key, mmhg in beyond.items()}
        draw_valves(table | level, folder / "valves.png")
    energies = {
        f"kinetic_energy_{name.lower().replace(' ', '_')}_mj": float(table["kinetic_energy_mj"][k])
        for name, k in shown.items()
    }
    volumes = table["volume_ml"]
    return {
        "cells": len(cavity.region.cells),
        "steps": options.steps,
        "cpu_s": cost,
        "cavity_cpu_s": made,
        "flux_error": float(
            np.abs(table["imbalance_ml_per_s"]).max() / table["inflow_ml_per_s"].max()
        ),
        "resolved_flux_error": float(
            np.abs(table["resolved_imbalance_ml_per_s"]).max() / table["inflow_ml_per_s"].max()
        ),
        "max_speed_m_per_s": float(table["max_speed_m_per_s"].max()),
        "cell_shrinkage": cavity.shrinkage,
        "edv_ml": float(volumes.max()),
        "esv_ml": float(volumes.min()),
        "stroke_volume_ml": float(volumes.max() - volumes.min()),
        "ejected_ml": float(table["outflow_ml_per_s"].mean() * period),
        "filled_ml": float(table["inflow_ml_per_s"].mean() * period),
        "peak_outflow_ml_per_s": float(table["outflow_ml_per_s"].max()),
        "e_ml_per_s": None if waves is None else waves.early,
        "a_ml_per_s": None if waves is None else waves.late,
        "e_over_a": None if waves is None else waves.ratio,
        **energies,
        "dissipated_mj": float(np.nanmean(table["dissipation_mw"]) * period),
        **_differences(table, after=options.ramp_ms * 1e-3 if options.beats == 1 else 0.0),
        **(told_of_valves(table, heart) if isinstance(heart, ValvedFlow) else {}),
        "flags": [flag.sentence for flag in cavity.flags],
    }


def _heart(cavity: MovingCavity, options: Options) -> HeartFlow | ValvedFlow:
    ramp = options.ramp_ms * 1e-3
    tolerance = options.tolerance or TOLERANCES[options.valves]
    if options.valves == "window":
        return HeartFlow(cavity, Fluid(), steps=options.steps, ramp=ramp, tolerance=tolerance)
    return ValvedFlow(
        cavity,
        Fluid(),
        steps=options.steps,
        tolerance=tolerance,
        atrium=lambda _: options.atrium_mmhg * MMHG,
        aorta=lambda _: options.aorta_mmhg * MMHG,
        leaflets=options.leaflets(),
        contraction=options.contraction_ms * 1e-3,
        relaxation=options.relaxation_ms * 1e-3,
    )


def _differences(table: Mapping[str, np.ndarray], after: float) -> dict[str, float]:
    """Return the extremes of the pressure's differences after a time, s.

    Blood that begins at rest between walls that move is pushed in the first step.
    """
    settled = table["time_s"] > after
    names = {"apex_to_aorta": "apex_minus_aortic_mmhg", "mitral_to_apex": "mitral_minus_apex_mmhg"}
    return {
        f"pressure_{name}_{which}_mmhg": float(find(table[key][settled]))
        for name, key in names.items()
        for which, find in (("max", np.max), ("min", np.min))
    }


def _watch(
    heart: HeartFlow | ValvedFlow, steps: int
) -> tuple[list[dict[str, float]], dict[int, Moment]]:
    """Return one row per step, and every tenth moment itself."""
    rows, kept, begin = [], {}, heart.flow.time
    for k, moment in enumerate(heart.run(steps)):
        slow = k % EVERY == 0
        row = _row(heart, moment, slow=slow) | {"time_s": moment.time - begin}
        rows.append(row | (valve_row(heart, moment) if isinstance(heart, ValvedFlow) else {}))
        if slow:
            kept[k] = moment
    return rows, kept


def _row(heart: HeartFlow | ValvedFlow, moment: Moment, *, slow: bool) -> dict[str, float]:
    region, fluid = heart.cavity.region, heart.flow.fluid
    field = (moment.points, region.cells, moment.velocity)
    mitral, aortic = (
        float(moment.pressure[np.unique(region.facets[name])].mean()) for name in VALVES
    )
    tip = float(moment.pressure[heart.cavity.apex])
    sizes = cell_sizes(moment.points, region.cells)
    row = {
        "volume_ml": heart.cavity.ventricle_volume(heart.start + moment.time) / ML,
        "inflow_ml_per_s": moment.inflow / ML,
        "outflow_ml_per_s": moment.outflow / ML,
        "imbalance_ml_per_s": moment.imbalance / ML,
        "resolved_imbalance_ml_per_s": moment.resolved / ML,
        "max_speed_m_per_s": float(np.linalg.norm(moment.velocity, axis=1).max()),
        "apex_minus_aortic_mmhg": (tip - aortic) / MMHG,
        "mitral_minus_apex_mmhg": (mitral - tip) / MMHG,
    }
    told = {"kinetic_energy_mj": np.nan, "dissipation_mw": np.nan, "vorticity_per_s": np.nan}
    if slow:
        curl = np.linalg.norm(vorticity(*field), axis=1)
        told = {
            "kinetic_energy_mj": kinetic_energy(*field, fluid.density) * 1e3,
            "dissipation_mw": dissipation(*field, fluid.viscosity) * 1e3,
            "vorticity_per_s": float(sizes @ curl / sizes.sum()),
        }
    return row | told


if __name__ == "__main__":
    run(Options, beat)
