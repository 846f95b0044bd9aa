"""Ischaemic territories found again from noisy maps of blood flow: where, how large, how deep.

`python experiments/ischaemic_territory.py [path=subject] [shapes=ball,inner,segment,smooth,none]
[middles=7] [factor=0.2] [radius_mm=25] [noise=0.15] [maps=1] [seed=1] [output=folder]`: under
vasodilation the vessels about the middle of an AHA segment conduct `factor` of the others': those
within a radius (`ball`), the inner half of them (`inner`), the whole segment (`segment`), fewer
the farther away (`smooth`), or all conduct alike (`none`). The truth is solved on a finer mesh;
the map is its mean over pieces of the wall with errors of `noise`. A smooth field, segments and a
territory with an edge are weighed by their evidence; `normal_` tells what the first two say.
"""

import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from experiment import run
from jaxtyping import Bool, Float
from perfused_heart import ML_MIN_G, draw_walls, heart
from territory_map import Panel, draw_map

from cardiotwin.errors import InputError
from cardiotwin.fitting.flow_map import Belief, FlowDraws, MapPosterior, draw_flows, map_posterior
from cardiotwin.geometry import TetMesh
from cardiotwin.geometry.template import Template
from cardiotwin.perfusion.darcy.bed import three_compartments
from cardiotwin.perfusion.darcy.fed_wall import FedWall
from cardiotwin.perfusion.darcy.feeding import fed_from_aorta, segment_territory
from cardiotwin.perfusion.darcy.measured_map import MeasuredMap, over_pieces, wall_pieces
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.prior import by_segment, smooth_field
from cardiotwin.perfusion.darcy.regulation import Regulation
from cardiotwin.perfusion.darcy.territory import edged_territory
from cardiotwin.units import MM, MMHG

BELIEFS = ("field", "segments", "territory")
SHAPES = ("ball", "inner", "segment", "smooth", "none")
FINE, COARSE = Template(rings=12, layers=6), Template(rings=9, layers=2)
AORTA, PIECES = 90 * MMHG, (6, 12, 2)  # Pa; along, around, through
THRESHOLD = 1.94 * ML_MIN_G  # Kellman 2017: stress flow below it is ischaemic
SDS, LENGTHS, DRAWS, NINETY = (0.2, 0.4, 0.8, 1.6), (0.02, 0.04, 0.08), 400, (0.05, 0.95)


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    shapes: str = "ball"
    middles: str = "7"
    factor: float = 0.2
    radius_mm: float = 25.0
    noise: float = 0.15
    maps: int = 4
    seed: int = 1
    output: str = "outputs/ischaemic_territory"


def model_of(mesh: TetMesh, *, dilated: bool = True) -> FedWall:
    """Return a wall whose vessels are as wide as they go, or as at rest."""
    wide, bed = Regulation(), three_compartments()
    fed = fed_from_aorta(bed, segment_territory(mesh))
    if not dilated:
        return FedWall(PorousWall(mesh), bed, fed, AORTA)
    fed = replace(fed, conductance=fed.conductance * wide.most**wide.upstream)
    bed = replace(bed, exchange=tuple(wide.most * joint for joint in bed.exchange))
    return FedWall(PorousWall(mesh), bed, fed, AORTA)


def true_factor(
    mesh: TetMesh, shape: str, middle: int, options: Options
) -> Float[np.ndarray, " cells"]:
    """Return what the vessels of each cell conduct, of what they would."""
    if shape not in SHAPES:
        msg = f"shapes are of {', '.join(SHAPES)}, found {shape!r}. Name those."
        raise InputError(msg)
    corners, segment = mesh.cells[:, :4], mesh.cell_fields["aha_segment"]
    middles = mesh.points[corners].mean(axis=1)
    depth = mesh.point_fields["transmural"][corners].mean(axis=1)
    centre = middles[segment == middle].mean(axis=0)
    away = np.linalg.norm(middles - centre, axis=1) / (options.radius_mm * MM)
    strength = {
        "ball": away < 1,
        "inner": (away < 1) & (depth < 0.5),
        "segment": segment == middle,
        "smooth": np.exp(-(away**2)),
        "none": np.zeros(len(away)),
    }
    return np.asarray(options.factor ** strength[shape].astype(np.float64))


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """What maps are made of: flow by cell of the fine wall and by piece, and what lies below."""

    shape: str
    middle: int
    mbf: Float[np.ndarray, " fine"]
    clean: Float[np.ndarray, " pieces"]
    share: Float[np.ndarray, " pieces"]
    size: float
    depth: float

    @property
    def low(self) -> Bool[np.ndarray, " pieces"]:
        """Return which pieces are ischaemic."""
        return self.clean < THRESHOLD


def truth_of(fine: FedWall, pieces: Any, shape: str, middle: int, options: Options) -> Truth:
    """Return the truth on the fine wall, and its means over the pieces."""
    mbf = fine.mbf(true_factor(fine.wall.mesh, shape, middle, options))
    below = mbf < THRESHOLD
    volume, own = fine.wall.cell_volume, pieces.sum(axis=1)
    return Truth(
        shape=shape,
        middle=middle,
        mbf=mbf,
        clean=pieces @ mbf / own,
        share=own / own.sum(),
        size=float(below @ volume / volume.sum()),
        depth=float((below * mbf) @ volume / max(below @ volume, 1e-30)),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Examined:
    """The wall that maps are fitted with, its pieces, and what is believed of it."""

    model: FedWall
    pieces: Any
    beliefs: Mapping[str, Belief]


def check_beliefs(beliefs: Sequence[str]) -> None:
    """Refuse what is not among `BELIEFS`."""
    if set(beliefs) - set(BELIEFS):
        msg = f"beliefs are of {', '.join(BELIEFS)}, found {', '.join(beliefs)!r}. Name those."
        raise InputError(msg)


def examined(mesh: TetMesh, *, dilated: bool = True, beliefs: Sequence[str] = BELIEFS) -> Examined:
    """Return the coarse wall, and the beliefs that are held of it."""
    check_beliefs(beliefs)
    wall = (model := model_of(mesh, dilated=dilated)).wall
    made: dict[str, Callable[[], Belief]] = {
        "field": lambda: [smooth_field(wall, sd, length) for length in LENGTHS for sd in SDS],
        "segments": lambda: [by_segment(wall, sd) for sd in SDS],
        "territory": lambda: edged_territory(wall),
    }
    held = {name: made[name]() for name in beliefs}
    return Examined(model=model, pieces=wall_pieces(wall, *PIECES), beliefs=held)


@dataclass(frozen=True, kw_only=True, eq=False)
class First:
    """What is drawn of a map."""

    truth: Truth
    measured: MeasuredMap
    draws: FlowDraws


def one_map(own: Examined, truth: Truth, noise: float, seed: int) -> tuple[dict[str, Any], First]:
    """Return what the fit of one noisy map tells, and what is drawn of it."""
    rng = np.random.default_rng(seed)
    sd = noise * truth.clean
    noisy = truth.clean + sd * rng.standard_normal(len(sd))
    measured = over_pieces(own.pieces, noisy, sd)
    start = time.process_time()
    posterior = map_posterior(own.model, measured, own.beliefs, rng)
    spent = time.process_time() - start
    normal = {name: b for name, b in own.beliefs.items() if name != "territory"}
    draws = [draw_flows(own.model, posterior, b, DRAWS, rng) for b in (own.beliefs, normal)]
    row = {
        "shape": truth.shape,
        "middle": truth.middle,
        **told(own, measured, truth, draws[0]),
        **{f"normal_{key}": v for key, v in told(own, measured, truth, draws[1]).items()},
        **weighed(posterior, list(own.beliefs)),
        "raw_error_percent": error(noisy, truth.clean),
        "cpu_s": spent,
    }
    return row, First(truth=truth, measured=measured, draws=draws[0])


def weighed(posterior: MapPosterior, names: Sequence[str]) -> dict[str, float]:
    """Return the beliefs' probabilities, and their evidence above that of the segments."""
    base = posterior.log_evidence["segments"]
    above = {f"{n}_log_evidence_above_segments": posterior.log_evidence[n] - base for n in names}
    return {**{f"{n}_probability": p for n, p in posterior.probability(names).items()}, **above}


def told(own: Examined, measured: MeasuredMap, truth: Truth, draws: FlowDraws) -> dict[str, float]:
    """Return the 90 % intervals of draws, and whether they hold the truth."""
    size, flow = draws.below(THRESHOLD, own.model.wall.cell_volume)
    pieces = (measured.weights @ draws.mbf.T).T
    low, high = np.quantile(pieces, NINETY, axis=0)
    mean = pieces.mean(axis=0)
    row = {
        **interval("size_percent", 100 * size, 100 * truth.size),
        **interval(
            "pieces_size_percent",
            100 * (pieces < THRESHOLD) @ truth.share,
            100 * float(truth.low @ truth.share),
        ),
        "pieces_covered_percent": float(
            100 * np.mean((low <= truth.clean) & (truth.clean <= high))
        ),
        "found_probability": float(np.mean(size > 0.01)),
        "error_percent": error(mean, truth.clean),
    }
    if truth.size > 0:
        cells = (flow[size > 0] / ML_MIN_G, truth.depth / ML_MIN_G)
        row |= interval("cells_depth_ml_min_g", *cells) if len(cells[0]) else {}
    if truth.low.any():
        weight = truth.low * truth.share / (truth.low @ truth.share) / ML_MIN_G
        row |= interval("depth_ml_min_g", pieces @ weight, float(truth.clean @ weight))
        row["dice"] = dice(mean < THRESHOLD, truth.low, truth.share)
    return row


def interval(name: str, draws: Float[np.ndarray, " draws"], truth: float) -> dict[str, float]:
    """Return the ends of 90 % of the draws, the truth, and whether it lies between them."""
    low, middle, high = (float(v) for v in np.quantile(draws, (NINETY[0], 0.5, NINETY[1])))
    return {
        f"{name}_low": low,
        f"{name}_median": middle,
        f"{name}_high": high,
        f"{name}_true": truth,
        f"{name}_covered": float(low <= truth <= high),
    }


def found_again(options: Options) -> Mapping[str, Any]:
    """Return what the fits tell of the territories, against the truth."""
    fine = model_of(heart(options.path, FINE)[0])
    own = examined(heart(options.path, COARSE)[0])
    pieces = wall_pieces(fine.wall, *PIECES)
    cases = itertools.product(options.shapes.split(","), map(int, options.middles.split(",")))
    rows, shown = list[dict[str, Any]](), dict[str, First]()
    for number, (shape, middle) in enumerate(cases):
        truth = truth_of(fine, pieces, shape, middle, options)
        for again in range(options.maps):
            seed = options.seed + number * options.maps + again
            row, first = one_map(own, truth, options.noise, seed)
            rows.append(row)
            held = {key: value for key, value in row.items() if key.endswith("_covered")}
            print(f"map {len(rows)}, {shape} {middle}:", json.dumps(held), flush=True)
            shown.setdefault(shape, first)
    result: dict[str, Any] = {"values": float(pieces.shape[0]), "maps": float(len(rows))}
    for shape in options.shapes.split(","):
        result |= means(f"{shape}_", [row for row in rows if row["shape"] == shape])
    result |= means("mean_", rows)
    for number, row in enumerate(rows):
        result |= {f"map_{number}_{key}": value for key, value in row.items()}
    for shape, first in shown.items():
        draw(own, shape, first, Path(options.output))
    return result


def means(prefix: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the mean over maps of what is told of each."""
    kept = ("covered", "covered_percent", "error_percent", "dice", "probability", "cpu_s")
    keys = dict.fromkeys(key for row in rows for key in row if key.endswith(kept))
    return {prefix + key: float(np.mean([row[key] for row in rows if key in row])) for key in keys}


def draw(own: Examined, shape: str, first: First, folder: Path) -> None:
    """Draw one map by piece with what was found, and the flow on the wall."""
    folder.mkdir(parents=True, exist_ok=True)
    mbf = first.draws.mbf / ML_MIN_G
    fields = {"fitted": mbf.mean(axis=0), "standard deviation": mbf.std(axis=0)}
    draw_walls(own.model.wall.mesh, fields, "mL/min/g", folder / f"wall_{shape}.png")
    pieces = (first.measured.weights @ mbf.T).T
    true, found = first.truth.clean / ML_MIN_G, pieces.mean(axis=0)
    most = float(max(true.max(), found.max()))
    shown = (
        ("true", true, most, "mL/min/g"),
        ("measured", first.measured.values / ML_MIN_G, most, "mL/min/g"),
        ("fitted", found, most, "mL/min/g"),
        ("sd", pieces.std(axis=0), most / 4, "mL/min/g"),
        ("ischaemic", (pieces * ML_MIN_G < THRESHOLD).mean(axis=0), 1.0, "probability"),
    )
    panels = {
        title: Panel(values=values.reshape(PIECES), most=top, label=label)
        for title, values, top, label in shown
    }
    draw_map(panels, folder / f"map_{shape}.png")


def error(found: Any, truth: Any) -> float:
    """Return the root mean square of the relative errors, per cent."""
    return float(100 * np.sqrt(np.mean((found / truth - 1) ** 2)))


def dice(one: Any, other: Any, volume: Any) -> float:
    """Return the overlap of two regions."""
    return float(2 * (one & other) @ volume / (one @ volume + other @ volume))


if __name__ == "__main__":
    run(Options, found_again)
