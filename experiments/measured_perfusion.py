"""Blood flow of a measured heart: from first-pass images to every piece of its wall.

`python experiments/measured_perfusion.py path=subject [series=name,name] [motion=affine]
[aif=auto] [around=24] [through=2] [beliefs=segments] [draws=400]
[seed=1] [output=folder]`: `path` is a subject's folder with a cine and first passes
(`perfusion/NAME.nii.gz` with `NAME.json`), a scanner's or `cardiotwin exam`'s. Breathing and the
heart's motion are corrected, signal becomes concentration, every voxel of the wall is fitted by
two-compartment exchange with priors of what a muscle is. Pieces of the slices' wall are
measurements of the flow of the subject's mesh,
whose vessels' conductance is fitted to them: flow by AHA segment and layer, between slices too,
with 90 % intervals. A series with `stress` in its name is held to have dilated vessels, and the
reserve is told where there is one of either. With a truth beside it the errors are told.

Writes `maps_NAME.png`, `curves_NAME.png`, `segments.png`, `wall_NAME.png`, `NAME.mp4` and
`flow.vtu` with the flow of each cell and its standard deviation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import torch
from experiment import run
from ischaemic_territory import COARSE, check_beliefs, examined
from jaxtyping import Float
from perfused_heart import draw_walls, heart
from perfusion_numbers import against_truth, in_slices, interval, numbers_of, of_segments
from scipy import sparse

from cardiotwin.errors import InputError
from cardiotwin.fitting.flow_map import FlowDraws, draw_flows, map_posterior
from cardiotwin.imaging.nifti import stem
from cardiotwin.perfusion.darcy.measured_map import MeasuredMap, over_pieces
from cardiotwin.perfusion.section import Grid
from cardiotwin.perfusion.series import first_pass_files, read_first_pass
from cardiotwin.perfusion.stack import How, measure_stack
from cardiotwin.perfusion.stack_result import StackFlow
from cardiotwin.viz.first_pass import ML_MIN_G, draw_curves, draw_stack, film_first_pass, upright
from cardiotwin.viz.segments import Eye, draw_eyes

SHOWN = 3  # pieces whose curves are drawn


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    series: str = ""
    motion: str = "affine"
    aif: str = "auto"
    around: int = 24
    through: int = 2
    beliefs: str = "segments"  # field, territory: with few slices they are too sure
    draws: int = 400
    seed: int = 1
    output: str = "outputs/measured_perfusion"


def files_of(options: Options) -> dict[str, Path]:
    """Return the chosen first passes by name."""
    folder = Path(options.path)
    found = {stem(path): path for path in first_pass_files(folder)}
    wanted = options.series.split(",") if options.series else list(found)
    missing = [name for name in wanted if name not in found]
    if missing or not wanted:
        msg = (
            f"{folder / 'perfusion'} has no first pass {', '.join(missing)}".rstrip()
            + f", found {', '.join(found) or 'none'}. Put NAME.nii.gz and NAME.json there."
        )
        raise InputError(msg)
    return {name: found[name] for name in wanted}


def map_of(measured: StackFlow, grid: Grid) -> MeasuredMap:
    """Return what the slices' pieces tell of the mesh."""
    rows, values, errors = [], [], []
    for one in measured.slices:
        volumes = one.section.pieces(grid)[one.piece]
        mbf, error = one.fit.alone(measured.prior)
        use = one.told & np.isfinite(mbf) & (np.asarray(volumes.sum(axis=1)).ravel() > 0)
        rows.append(volumes[use])
        values.append(mbf[use])
        errors.append(error[use])
    if not sum(map(len, values)):
        msg = f"No piece of {measured.series.source.name} tells its flow within the mesh."
        raise InputError(msg)
    return over_pieces(sparse.vstack(rows), np.concatenate(values), np.concatenate(errors))


def flow_of(own: Any, measured: StackFlow, options: Options) -> tuple[FlowDraws, dict[str, Any]]:
    """Return draws of the wall's flow, the input's error in them, and what is to be said."""
    grid = Grid(around=options.around, through=options.through)
    data = map_of(measured, grid)
    rng = np.random.default_rng(options.seed)
    posterior = map_posterior(own.model, data, own.beliefs, rng)
    draws = draw_flows(own.model, posterior, own.beliefs, options.draws, rng)
    # What no piece tells better than another: the input's height, and the muscle's medians.
    common = np.concatenate([one.fit.common[one.told] for one in measured.slices]).mean(axis=0)
    shared = rng.standard_normal((options.draws, 1 + len(common)))
    scale = np.exp(shared @ np.append(measured.scale_error, common))[:, None]
    told = {
        "pieces": len(data.values),
        "pieces_misfit": min(fit.misfit for fits in posterior.fits.values() for fit in fits),
        **{f"{k}_probability": p for k, p in posterior.probability(list(own.beliefs)).items()},
    }
    return replace(draws, mbf=draws.mbf * scale), told


def pictures(name: str, measured: StackFlow, own: Any, draws: FlowDraws, folder: Path) -> None:
    """Draw maps on the slices, curves with residuals, the wall and the film of one series."""
    draw_stack(measured, folder / f"maps_{name}.png")
    middle = measured.slices[len(measured.slices) // 2]
    told = np.flatnonzero(middle.told)
    some = told[np.linspace(0, len(told) - 1, min(SHOWN, len(told))).astype(int)]
    time, aif = measured.series.time, measured.aif
    curves, fits = {}, {}
    for i in some:
        title = f"slice {middle.number}, piece {middle.piece[i]}"
        flow, error = (
            found["mbf"][i] / ML_MIN_G for found in (middle.fit.values, middle.fit.standard_errors)
        )
        curves[title] = middle.curves[i]
        fits[title] = {f"{flow:.2f} ({error:.2f}) mL/min/g": middle.fit.curves[i]}
    draw_curves(time, aif, curves, fits, folder / f"curves_{name}.png")
    mbf = draws.mbf / ML_MIN_G
    fields = {"blood flow": mbf.mean(axis=0), "standard deviation": mbf.std(axis=0)}
    draw_walls(own.model.wall.mesh, fields, "mL/min/g", folder / f"wall_{name}.png")
    film_first_pass(time, upright(middle.concentration), aif, folder / f"{name}.mp4")


def eyes(
    direct: Mapping[str, Float[np.ndarray, "2 17"]],
    segments: Mapping[str, Float[np.ndarray, "draws 17"]],
) -> list[list[Eye]]:
    """Return bull's eyes: the slices' own, then the whole wall's; errors below."""
    told = {f"{name}, slices": tuple(values) for name, values in direct.items()}
    told |= {
        f"{name}, wall": (values.mean(axis=0), values.std(axis=0))
        for name, values in segments.items()
    }
    rows: list[list[Eye]] = [[], []]
    for title, pair in told.items():
        unit = "stress over rest" if title.startswith("reserve") else "mL/min/g"
        for row, word, values in zip(rows, (title, f"{title}, sd"), pair, strict=True):
            words = word.replace("perfusion_", "")
            row.append(
                Eye(
                    title=words,
                    label=unit,
                    values=values,
                    diverging=False,
                    digits=2,
                    from_zero=True,
                )
            )
    return rows


def measure(options: Options) -> Mapping[str, Any]:
    """Return the numbers of all first passes; write the pictures."""
    torch.set_num_threads(1)
    folder, out = Path(options.path), Path(options.output)
    how = How(
        motion=options.motion,
        aif=options.aif,
        grid=Grid(around=options.around, through=options.through),
    )
    beliefs = options.beliefs.split(",")
    check_beliefs(beliefs)
    files = files_of(options)
    passes = {name: read_first_pass(path) for name, path in files.items()}
    mesh = heart(options.path, COARSE)[0]
    out.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {}
    segments: dict[str, Float[np.ndarray, "draws 17"]] = {}
    cells: dict[str, list[Any]] = {}
    direct: dict[str, Float[np.ndarray, "2 17"]] = {}
    for name, series in passes.items():
        measured = measure_stack(series, mesh, how)
        dilated = "stress" in name
        own = examined(mesh, dilated=dilated, beliefs=beliefs)
        draws, told = flow_of(own, measured, options)
        segments[name] = of_segments(own, draws)
        numbers = (
            numbers_of(own, draws, measured, dilated=dilated)
            | told
            | in_slices(own, measured, how.grid)
        )
        shown = tuple(numbers[f"slices_segment_mbf{key}_ml_min_g"] for key in ("", "_sd"))
        numbers |= against_truth(folder, name, segments[name], shown)
        direct[name] = np.array(shown)
        result |= {f"{name}_{key}": value for key, value in numbers.items()}
        pictures(name, measured, own, draws, out)
        cells[f"{name}_ml_min_g"] = [draws.mbf.mean(axis=0) / ML_MIN_G]
        cells[f"{name}_sd_ml_min_g"] = [draws.mbf.std(axis=0) / ML_MIN_G]
    states = {state: [n for n in segments if state in n] for state in ("stress", "rest")}
    if all(len(names) == 1 for names in states.values()):
        reserve = segments[states["stress"][0]] / segments[states["rest"][0]]
        result |= {f"segment_reserve_{key}": v for key, v in interval(reserve).items()}
        segments["reserve"] = reserve
    draw_eyes(eyes(direct, segments), out / "segments.png")
    corners = mesh.cells[:, :4]
    meshio.Mesh(mesh.points, [("tetra", corners)], cell_data=cells).write(out / "flow.vtu")
    return result


if __name__ == "__main__":
    run(Options, measure)
