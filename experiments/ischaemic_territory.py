"""An ischaemic territory found again from a noisy map of blood flow: where, how large, how deep.

`python experiments/ischaemic_territory.py [path=subject] [factor=0.2] [radius_mm=25]
[noise=0.15] [maps=4] [seed=1] [output=folder]`: under vasodilation the vessels within a radius
of the middle of the anterior wall (AHA 7) conduct `factor` of the others'. The truth is solved on
a finer mesh; the map is its mean over pieces of the wall with errors of `noise`; the prior, a
smooth field or segments, is chosen by the evidence.

The size is told twice: of the cells below the threshold (`size`), and of the pieces whose mean is
below it (`pieces_size`), which is all that the map sees: where the territory's edge runs within a
piece, the prior says, and a smooth one rounds it.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from experiment import run
from jaxtyping import Bool, Float, Int64
from perfused_heart import ML_MIN_G, draw_walls, heart

from cardiotwin.geometry import TetMesh
from cardiotwin.geometry.template import Template
from cardiotwin.perfusion.darcy.bed import three_compartments
from cardiotwin.perfusion.darcy.feeding import fed_from_aorta, segment_territory
from cardiotwin.perfusion.darcy.map_fit import FedWall, MapFit, choose_prior, flow_draws
from cardiotwin.perfusion.darcy.measured_map import grouped, wall_pieces
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.prior import LogConductance, by_segment, smooth_field
from cardiotwin.perfusion.darcy.regulation import Regulation
from cardiotwin.perfusion.darcy.segments import segment_means
from cardiotwin.units import MM, MMHG
from cardiotwin.viz.segments import Eye, draw_eyes

AORTA = 90 * MMHG
MIDDLE = 7  # the segment round whose middle vessels are narrow
PIECES = (6, 12, 2)  # along, around, through
THRESHOLD = 1.94 * ML_MIN_G  # Kellman 2017: stress flow below it is ischaemic
SDS, LENGTHS = (0.4, 0.8, 1.6), (0.02, 0.04, 0.08)
DRAWS = 100
NINETY = (0.05, 0.95)


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    factor: float = 0.2
    radius_mm: float = 25.0
    noise: float = 0.15
    maps: int = 4
    seed: int = 1
    output: str = "outputs/ischaemic_territory"


def model_of(mesh: TetMesh) -> FedWall:
    """Return a wall whose vessels are as wide as they go."""
    wide, bed = Regulation(), three_compartments()
    fed = fed_from_aorta(bed, segment_territory(mesh))
    fed = replace(fed, conductance=fed.conductance * wide.most**wide.upstream)
    bed = replace(bed, exchange=tuple(wide.most * joint for joint in bed.exchange))
    return FedWall(PorousWall(mesh), bed, fed, AORTA)


def extent(model: FedWall, mbf: Float[np.ndarray, "*n cells"]) -> tuple[Any, Any]:
    """Return the ischaemic share of the wall, and the mean flow there, mL/min/g."""
    volume = model.wall.cell_volume
    low = mbf < THRESHOLD
    size = low @ volume
    return size / volume.sum(), (low * mbf) @ volume / np.maximum(size, 1e-30) / ML_MIN_G


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """What the maps are made of: values of the pieces, and the territory."""

    mbf: Float[np.ndarray, " fine"]
    clean: Float[np.ndarray, " pieces"]
    volume: Float[np.ndarray, " pieces"]
    piece: Int64[np.ndarray, " coarse"]
    size: float
    depth: float


def truth_of(fine: FedWall, coarse: FedWall, options: Options) -> Truth:
    """Return the truth on the fine wall, and its means over the pieces that both walls have."""
    mesh = fine.wall.mesh
    middles = mesh.points[mesh.cells[:, :4]].mean(axis=1)
    centre = middles[mesh.cell_fields["aha_segment"] == MIDDLE].mean(axis=0)
    near = np.linalg.norm(middles - centre, axis=1) < options.radius_mm * MM
    mbf = fine.mbf(np.where(near, options.factor, 1.0))
    pieces = [wall_pieces(one.wall.mesh, *PIECES) for one in (fine, coarse)]
    both = np.intersect1d(pieces[0], pieces[1])
    there, piece = (np.where(np.isin(p, both), np.searchsorted(both, p), -1) for p in pieces)
    inside = there >= 0
    volume = np.bincount(there[inside], fine.wall.cell_volume[inside])
    sums = np.bincount(there[inside], (fine.wall.cell_volume * mbf)[inside])
    size, depth = extent(fine, mbf)
    return Truth(
        mbf=mbf,
        clean=sums / volume,
        volume=volume,
        piece=piece,
        size=float(size),
        depth=float(depth),
    )


def one_map(
    coarse: FedWall, truth: Truth, priors: list[LogConductance], noise: float, seed: int
) -> tuple[dict[str, Any], MapFit, Float[np.ndarray, "draws cells"]]:
    """Return what the fit of one noisy map tells, the fit, and draws of its blood flow."""
    rng = np.random.default_rng(seed)
    clean, sd = truth.clean, noise * truth.clean
    noisy = clean + sd * rng.standard_normal(len(clean))
    measured = grouped(coarse.wall, truth.piece, noisy, sd)
    fit, evidence = choose_prior(coarse, measured, priors)
    draws = flow_draws(coarse, fit, DRAWS, rng)
    by_piece = draws @ measured.weights.T
    size, fine_depth = (np.quantile(told, NINETY) for told in extent(coarse, draws))
    share = truth.volume / truth.volume.sum()
    seen_size = np.quantile((by_piece < THRESHOLD) @ share, NINETY)
    real_size = float((clean < THRESHOLD) @ share)
    ischaemic = truth.volume * (clean < THRESHOLD)
    depth = np.quantile(by_piece @ ischaemic, NINETY) / ischaemic.sum() / ML_MIN_G
    real = float(clean @ ischaemic / ischaemic.sum() / ML_MIN_G)
    low, high = np.quantile(by_piece, NINETY, axis=0)
    smooth = [e for e, prior in zip(evidence, priors, strict=True) if np.isfinite(prior.length)]
    seen = measured.weights @ fit.mbf
    row = {
        "size_low_percent": float(100 * size[0]),
        "size_high_percent": float(100 * size[1]),
        "size_covered": float(size[0] <= truth.size <= size[1]),
        "pieces_size_low_percent": float(100 * seen_size[0]),
        "pieces_size_high_percent": float(100 * seen_size[1]),
        "pieces_size_true_percent": 100 * real_size,
        "pieces_size_covered": float(seen_size[0] <= real_size <= seen_size[1]),
        "depth_low_ml_min_g": float(depth[0]),
        "depth_high_ml_min_g": float(depth[1]),
        "depth_true_ml_min_g": real,
        "depth_covered": float(depth[0] <= real <= depth[1]),
        "cells_depth_covered": float(fine_depth[0] <= truth.depth <= fine_depth[1]),
        "pieces_covered_percent": float(100 * np.mean((low <= clean) & (clean <= high))),
        "prior_sd": fit.prior.sd,
        "prior_length_mm": 1e3 * fit.prior.length,
        "misfit": fit.misfit,
        "evidence_of_field_above_segments": max(smooth) - max(evidence[len(smooth) :]),
        "dice": dice(seen < THRESHOLD, clean < THRESHOLD, truth.volume),
        "raw_dice": dice(noisy < THRESHOLD, clean < THRESHOLD, truth.volume),
        "error_percent": error(seen, clean),
        "raw_error_percent": error(noisy, clean),
    }
    return row, fit, draws


def found_again(options: Options) -> Mapping[str, Any]:
    """Return what the fits tell of the territory, against the truth, over maps of other noise."""
    fine, coarse = (
        model_of(heart(options.path, Template(rings=rings, layers=layers))[0])
        for rings, layers in ((9, 4), (6, 2))
    )
    truth = truth_of(fine, coarse, options)
    priors = [smooth_field(coarse.wall, sd, length) for length in LENGTHS for sd in SDS]
    priors += [by_segment(coarse.wall, sd) for sd in SDS]
    result: dict[str, Any] = {
        "values": float(len(truth.clean)),
        "true_size_percent": 100 * truth.size,
        "true_cells_depth_ml_min_g": truth.depth,
    }
    start = time.process_time()
    told = [
        one_map(coarse, truth, priors, options.noise, options.seed + number)
        for number in range(options.maps)
    ]
    result["cpu_s_per_map"] = (time.process_time() - start) / options.maps
    for number, (row, _, _) in enumerate(told):
        result |= {f"map_{number}_{key}": value for key, value in row.items()}
    for key in ("dice", "raw_dice", "error_percent", "raw_error_percent"):
        result[f"mean_{key}"] = float(np.mean([row[key] for row, _, _ in told]))
    covered = ("size", "pieces_size", "depth", "cells_depth")
    for key in (*(f"{name}_covered" for name in covered), "pieces_covered_percent"):
        result[f"mean_{key}"] = float(np.mean([row[key] for row, _, _ in told]))
    draw(fine, coarse, truth, told[-1], Path(options.output))
    return result


def draw(
    fine: FedWall,
    coarse: FedWall,
    truth: Truth,
    told: tuple[dict[str, Any], MapFit, Float[np.ndarray, "draws cells"]],
    folder: Path,
) -> None:
    """Draw the last map's fit on the wall, and by segment against the truth."""
    folder.mkdir(parents=True, exist_ok=True)
    mesh, mbf, sd = coarse.wall.mesh, told[1].mbf, told[2].std(axis=0)
    fields = {"fitted": mbf / ML_MIN_G, "standard deviation": sd / ML_MIN_G}
    draw_walls(mesh, fields, "mL/min/g", folder / "wall.png")
    shown = (("true", fine.wall.mesh, truth.mbf), ("fitted", mesh, mbf), ("sd", mesh, sd))
    eyes = [
        Eye(
            title=f"Stress blood flow, {title}",
            label="mL/min/g",
            values=segment_means(body, values) / ML_MIN_G,
            diverging=False,
            digits=2,
        )
        for title, body, values in shown
    ]
    draw_eyes([eyes], folder / "segments.png")


def error(found: Float[np.ndarray, " n"], truth: Float[np.ndarray, " n"]) -> float:
    """Return the root mean square of the relative errors, per cent."""
    return float(100 * np.sqrt(np.mean((found / truth - 1) ** 2)))


def dice(
    one: Bool[np.ndarray, " n"], other: Bool[np.ndarray, " n"], volume: Float[np.ndarray, " n"]
) -> float:
    """Return the overlap of two regions."""
    return float(2 * (one & other) @ volume / (one @ volume + other @ volume))


if __name__ == "__main__":
    run(Options, found_again)
