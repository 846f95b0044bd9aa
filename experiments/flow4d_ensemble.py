"""4D flow of a measured heart, assimilated through an ensemble of its flow models.

`python experiments/flow4d_ensemble.py path=folder [snr=10] [truth=window|resistive] [members=12]
[rounds=2] [venc_ratio=1.1] [voxel_mm=2] [edge=0.13] [draws=6] [seed=1] [truth_seed=7]
[peers=folder] [output=folder]`; `path` holds a cine's contours.

The truth is a beat on a finer mesh, whose parameters are drawn from the members' priors with a
seed of its own; with `truth=resistive` its valves are resistive surfaces in longer stubs between
an atrium and an aorta, which no member has. First the plain retrieval; then every member tells
each frame from the field retrieved a frame before (plus a draw of its error), and the members'
space is brought nearer to the images. A second round draws its parameters where the first one
found them. Last, what the images tell beyond the members is retrieved as a deviation from them.
Errors are as in `flow4d.py`; the fields of all stages are held against the same truth.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from experiment import run
from flow4d import (
    SAMPLES,
    apart_percent,
    at_voxels,
    decoded,
    draw,
    energy,
    flow,
    middle,
    pressures,
    run_filter,
    views_of,
)
from flow4d_heart import truth_of
from flow4d_members import Members, setting, true_beat, true_flow
from flow4d_phantoms import FRAMES, TISSUE, Field, Truth, scan

from cardiotwin.errors import InputError
from cardiotwin.imaging.phase_contrast import BoxAverage, FlowSeries
from cardiotwin.measurement.flow import FlowRetrieval, retrieve_flow
from cardiotwin.measurement.flow.ensemble import Foreseen, drawn_about, foresee
from cardiotwin.measurement.flow.images import Images
from cardiotwin.measurement.flow.unknowns import UNKNOWNS, values_of

KINDS = ("window", "resistive")


FEWEST = 3  # members: two have one deviation from their mean


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    truth: str = "window"
    snr: float = 10.0
    members: int = 12
    rounds: int = 2
    venc_ratio: float = 1.1  # of the largest component
    voxel_mm: float = 2.0
    edge: float = 0.13  # of the lumen's mesh, of the radius
    draws: int = 6
    seed: int = 1  # of the noise, the draws and the members
    truth_seed: int = 7
    peers: str = "outputs/peers"
    output: str = "outputs/flow4d_ensemble"


def solve(options: Options) -> Mapping[str, Any]:
    """Return the errors of every stage; draw the fastest frame."""
    _check(options)
    of = setting(options.edge, options.path)
    hidden = np.random.default_rng(options.truth_seed).standard_normal(len(UNKNOWNS))
    beating = true_flow(options.truth, hidden, options.path)
    truth = truth_of(beating, true_beat(beating), options.voxel_mm * 1e-3, of.cavity, of.lumen)
    rng = np.random.default_rng(options.seed)
    fastest = max(float(np.abs(truth.at(m)[1]).max()) for m in range(0, FRAMES * 3, 4))
    venc = options.venc_ratio * fastest
    series, share, mean = scan(truth, venc, options.snr, rng)
    score = _Score(truth=truth, share=share, mean=mean)
    result, fields = assimilated(series, score, Members(of, options.path), options, rng)
    mask = share > 0.5
    phases = decoded(series, venc)
    filtered = run_filter(
        phases, mask, options.voxel_mm, Path(options.peers), Path(options.output)
    )
    for name, each in {"phases": phases, **filtered}.items():
        key = {"phases": "phase_", "dfw": "peer_", "fdm": "peer_projection_"}[name]
        result |= score.of_voxels(key, each, share * mask)
    fields |= {"truth": mean, "phases": phases} | filtered
    title = f"heart, SNR {options.snr:g}: the frame of the fastest flow"
    draw(fields, mask, truth, title, Path(options.output) / "flow4d.png")
    told = {f"true_{name}": value for name, value in values_of(hidden).items()}
    return result | {"venc_m_per_s": venc, "vmax_m_per_s": score.speed} | told


def assimilated(
    series: FlowSeries,
    score: "_Score",
    members: Members,
    options: Options,
    rng: np.random.Generator,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the errors of the plain retrieval and of each round, and the fields at the voxels."""
    truth = score.truth
    lumen, average = truth.lumen, BoxAverage(per_edge=SAMPLES)
    images = Images(series=series, average=average, views=views_of(truth), tissue=TISSUE)

    def retrieved(foreseen: Foreseen | None) -> FlowRetrieval:
        return retrieve_flow(
            series,
            lumen,
            average,
            per_edge=SAMPLES,
            tissue=TISSUE,
            rng=rng,
            n_draws=options.draws,
            views=images.views,
            foreseen=foreseen,
        )

    begin = time.process_time()
    found = retrieved(None)
    result: dict[str, Any] = {"plain_cpu_s": time.process_time() - begin}
    fields: dict[str, np.ndarray] = {}
    told, fields["plain"] = score.of("plain_", found)
    result |= told
    about, spread = np.zeros(len(UNKNOWNS)), np.eye(len(UNKNOWNS))
    foreseen: Foreseen | None = None
    for number in range(1, options.rounds + 1):
        parameters = drawn_about(about, spread, options.members, rng)
        beats = [
            members(each, found.velocity + _turned(found.draws, k))
            for k, each in enumerate(parameters)
        ]
        begin = time.process_time()
        foreseen = foresee(images, beats, lumen.wall, lumen.wall_velocity)
        about, spread = foreseen.closer(parameters)
        result[f"round_{number}_analysis_cpu_s"] = time.process_time() - begin
        only = replace(found, velocity=foreseen.middles, draws=foreseen.sharper)
        key = "ensemble_" if number == options.rounds else f"ensemble_{number}_"
        told, fields["ensemble"] = score.of(key, only)
        result |= told
        print({name: value for name, value in result.items() if "error" in name}, flush=True)
    begin = time.process_time()
    found = retrieved(foreseen)
    result["retrieval_cpu_s"] = time.process_time() - begin
    told, fields["retrieved"] = score.of("", found)
    result |= told
    error = np.sqrt(np.diag(spread))
    for name, value, beyond in zip(UNKNOWNS, about, about + error, strict=True):
        result[f"found_{name}"] = UNKNOWNS[name].at(float(value))
        result[f"found_{name}_sd"] = abs(
            UNKNOWNS[name].at(float(beyond)) - UNKNOWNS[name].at(float(value))
        )
    result |= {
        "member_cpu_s": float(np.mean(members.costs)),
        "member_cells": len(members.cavity.region.cells),
        "nodes": len(lumen.wall),
        "smooth_mm": found.strength.smooth * 1e3,
        "solenoidal_mm": found.strength.solenoidal * 1e3,
        "steady_ms": found.strength.steady * 1e3,
        "flags": [flag.sentence for flag in found.flags],
    }
    return result, fields


def _turned(draws: Field, number: int) -> Field:
    """Return a draw for each member: each of them twice, with both signs."""
    return np.asarray(draws[number // 2 % len(draws)] * (1 if number % 2 else -1))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Score:
    """The truth at the voxels, against which fields are held."""

    truth: Truth
    share: np.ndarray
    mean: np.ndarray

    @property
    def speed(self) -> float:
        """Return the largest speed, m/s."""
        return float(np.linalg.norm(self.mean[self.share > 0.5], axis=-1).max())

    def of(self, key: str, found: FlowRetrieval) -> tuple[dict[str, float], Any]:
        """Return a field's errors, and the field at the voxels."""
        field, ours, spread = at_voxels(found, self.truth)
        seen = (self.share > 0.5) & (ours > 0)
        result = self.of_voxels(key, field, ours, seen)
        within = np.abs(field - self.mean)[seen] / np.maximum(spread[seen], 1e-9)
        result[f"{key}within_two_standard_errors_percent"] = float((within < 2).mean() * 100)
        true = energy(self.mean, self.share, self.truth)
        drawn = [
            energy(
                at_voxels(replace(found, velocity=found.velocity + one), self.truth)[0],
                ours,
                self.truth,
            )
            for one in found.draws
        ]  # the mean of a square is not the square of the mean
        result[f"{key}mean_kinetic_energy_error_percent"] = apart_percent(
            np.mean(drawn, axis=0), true
        )
        told = pressures(self.truth, found.velocity)
        name = "poisson_pressure_error_percent"
        return result | {f"{key}{name}": told[name]}, field

    def of_voxels(
        self, key: str, field: np.ndarray, ours: np.ndarray, seen: np.ndarray | None = None
    ) -> dict[str, float]:
        """Return the errors of a field at the voxels with a share of blood of its own."""
        seen = self.share > 0.5 if seen is None else seen
        slab, truth = middle(self.share, self.truth), self.truth
        error = np.sqrt(((field - self.mean)[seen] ** 2).sum(axis=-1).mean())
        flows = (flow(field, ours, slab, truth), flow(self.mean, self.share, slab, truth))
        energies = (energy(field, ours, truth), energy(self.mean, self.share, truth))
        return {
            f"{key}error_percent_vmax": float(error) / self.speed * 100,
            f"{key}flow_rate_error_percent": apart_percent(*flows),
            f"{key}kinetic_energy_error_percent": apart_percent(*energies),
        }


def _check(options: Options) -> None:
    if options.truth not in KINDS:
        msg = f"truth must be window or resistive, found {options.truth!r}. Name one of them."
        raise InputError(msg)
    if options.members < FEWEST or not (options.snr > 0 and options.venc_ratio > 0):
        msg = (
            f"An ensemble takes {FEWEST} members or more, and positive snr and venc_ratio, found "
            f"members={options.members} snr={options.snr:g} venc_ratio={options.venc_ratio:g}."
        )
        raise InputError(msg)
    if options.rounds < 1 or options.draws < 1:
        msg = (
            f"An ensemble takes at least one round and one draw, found rounds={options.rounds} "
            f"and draws={options.draws}. The plain retrieval alone is flow4d.py's."
        )
        raise InputError(msg)


if __name__ == "__main__":
    run(Options, solve)
