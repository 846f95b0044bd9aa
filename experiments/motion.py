"""Strains of the wall's motion as images tell it, with their uncertainty.

`python experiments/motion.py path=subject [series=dense] [rings=8] [draws=20] [output=folder]`. A
subject with `tagging/dense.nii.gz` gives its motion from displacement images on the wall that its
own labels make (which pixels of these images are wall is the truth's), or from the stripes of one
or more views (`series=tagging,tagging_2ch,tagging_3ch,tagging_4ch every=3`, of each third frame)
on that wall brought to where they show it; one with contours of all frames from those. Where the
truth lies beside (a virtual examination), each strain's error is given in its own standard
deviations.
Healthy values: Lim et al. (2021), Eur Radiol 31:3962.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from experiment import run

from cardiotwin.errors import InputError
from cardiotwin.exam.heart import BeatingHeart
from cardiotwin.exam.patient import Scanned, place_of
from cardiotwin.exam.scan import Scan
from cardiotwin.geometry.coordinates import frame_of, with_coordinates
from cardiotwin.geometry.fit import fit_anatomy
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.template import Template
from cardiotwin.imaging.encoded import read_encoded
from cardiotwin.imaging.read import read_examination
from cardiotwin.imaging.retrieval.from_series import retrieve
from cardiotwin.measurement import read_material
from cardiotwin.measurement.healthy import HEALTHY
from cardiotwin.measurement.images_motion import (
    DisplacementFrame,
    motion_from_contours,
    motion_from_displacement,
)
from cardiotwin.measurement.motion import Motion
from cardiotwin.measurement.placing import Placed, borders_of, placed
from cardiotwin.measurement.strain_of import MIDWALL, global_strains
from cardiotwin.measurement.stripes import motion_from_stripes, stripes_of
from cardiotwin.viz.motion import draw_strains

NAMES = ("longitudinal", "circumferential", "radial", "twist")
KEYS = {"longitudinal": "gls", "circumferential": "gcs", "radial": "grs"}
WALL = 0.8  # share of a voxel that is wall
PURE = 0.95  # of a voxel with stripes: what is beside the wall has others
LABELLED = 0.5  # share of wall in a voxel that a label of the tagged images would call wall
DENSE = "dense"


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    series: str = DENSE
    every: int = 1
    rings: int = 8
    draws: int = 20
    seed: int = 1
    output: str = "outputs/motion"


def from_dense(folder: Path, template: Template) -> tuple[Motion, TetMesh]:
    """Return the motion that a subject's displacement images tell of the wall of its labels.

    Short-axis images do not tell where the wall lies along its axis, so it stays where it is.
    """
    mesh = fit_anatomy(read_examination(folder), template).mesh
    series = read_encoded(folder / f"tagging/{DENSE}.nii.gz")
    wall = np.load(folder / "truth_maps.npz")["dense_wall"] > WALL
    maps = retrieve(series, wall)
    frames = []
    for t, one in enumerate(maps.frames):
        names = [f"displacement_{axis}" for axis in "xyz"]
        frames.append(
            DisplacementFrame(
                time=float(maps.times[t]),
                displacement=np.stack([one.values[name] for name in names], axis=-1),
                sd=np.stack([one.standard_errors[name] for name in names], axis=-1),
                known=one.fitted & wall[..., t],
            )
        )
    return motion_from_displacement(frames, series.affine, mesh), mesh


def from_stripes(
    folder: Path, names: Sequence[str], template: Template, every: int
) -> tuple[Motion, Placed]:
    """Return the motion that the stripes of one or more views tell, of the wall where they are."""
    mesh = fit_anatomy(read_examination(folder), template).mesh
    maps = np.load(folder / "truth_maps.npz")
    series = [
        stripes_of(read_encoded(folder / f"tagging/{name}.nii.gz"), maps[f"{name}_wall"] > PURE)
        for name in names
    ]
    borders = [
        borders_of(maps[f"{name}_wall"][..., 0] > LABELLED, one.affine)
        for name, one in zip(names, series, strict=True)
    ]
    wall = placed(mesh, borders)
    return motion_from_stripes(series, wall.mesh, every=every), wall


def true_strains(folder: Path, times: Any) -> dict[str, Any]:
    """Return the strains of the true wall at some times."""
    kept = np.load(folder / "truth.npz")
    points = kept["points"]
    mesh = TetMesh(
        points=points[0],
        cells=kept["cells"],
        facets={
            key.removeprefix("facets_"): kept[key] for key in kept if key.startswith("facets_")
        },
        point_fields={key: kept[key] for key in ("apicobasal", "transmural", "rotational")},
    )
    mesh = with_coordinates(mesh, frame_of(mesh))
    heart = BeatingHeart(
        patient=Scanned(shape=place_of(mesh), scan=Scan()),
        mesh=mesh,
        times=kept["times"],
        points=points,
        period=float(kept["times"][1] * len(points)),
        end_systole_time=0.0,
        marked={},
    )
    read = read_material(mesh, np.stack([heart.at(float(time)) for time in times]))
    return {
        "longitudinal": read.global_longitudinal[:, MIDWALL],
        "circumferential": read.global_circumferential[:, MIDWALL],
        "radial": read.global_radial,
        "twist": read.twist[:, MIDWALL],
    }


def strains(options: Options) -> Mapping[str, Any]:
    """Return peak strains with their standard deviations, and errors where the truth is known."""
    torch.set_num_threads(1)
    folder, template = Path(options.path), Template(rings=options.rings, layers=2)
    names = tuple(options.series.split(","))
    encoded = all((folder / f"tagging/{name}.nii.gz").is_file() for name in names)
    if not encoded and names != (DENSE,):
        msg = (
            f"series={options.series} must lie in {folder / 'tagging'}, found not all of them. "
            "Scan them with cardiotwin exam beside.series=[...]."
        )
        raise InputError(msg)
    rng, elsewhere = np.random.default_rng(options.seed), None
    if encoded and names == (DENSE,):
        motion, mesh = from_dense(folder, template)
    elif encoded:
        motion, wall = from_stripes(folder, names, template, options.every)
        mesh, elsewhere = wall.mesh, wall.draws(options.draws, rng)
    else:
        motion, mesh = motion_from_contours(read_examination(folder), template)
    found = global_strains(motion, mesh, rng, draws=options.draws, wall=elsewhere)
    peak = int(np.argmin(found.longitudinal))
    numbers: dict[str, Any] = {
        "source": motion.source,
        "frames": len(motion.times),
        "node_sd_mean_mm": float(1e3 * motion.sd.mean()),
    }
    for name, key in KEYS.items():
        value, sd = getattr(found, name)[peak], getattr(found, f"{name}_sd")[peak]
        healthy = HEALTHY[f"{key}_percent"]
        numbers |= {
            f"{key}_percent": float(100 * value),
            f"{key}_sd_percent": float(100 * sd),
            f"{key}_healthy_mean_percent": healthy.mean,
            f"{key}_healthy_sd_percent": healthy.sd,
        }
    numbers["twist_deg"] = float(np.rad2deg(found.twist[peak]))
    numbers["twist_sd_deg"] = float(np.rad2deg(found.twist_sd[peak]))
    true = None
    if (folder / "truth.npz").is_file() and encoded:
        true = true_strains(folder, motion.times)
        for name in NAMES:
            error = getattr(found, name) - true[name]
            sd = getattr(found, f"{name}_sd")
            scale = (180 / np.pi, "deg") if name == "twist" else (100, "percent")
            numbers[f"{name}_rmse_{scale[1]}"] = float(scale[0] * np.sqrt(np.mean(error**2)))
            numbers[f"{name}_error_in_sd"] = float(np.sqrt(np.mean((error / sd) ** 2)))
    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    draw_strains(found, motion.times, output / "strains.png", true=true)
    return numbers


if __name__ == "__main__":
    run(Options, strains)
