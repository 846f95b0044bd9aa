"""What is told of a measured blood flow: by AHA segment and layer, in the slices and the wall."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from ischaemic_territory import NINETY, THRESHOLD
from jaxtyping import Float

from cardiotwin.exam.battery import TRUE_MAPS
from cardiotwin.fitting.flow_map import FlowDraws
from cardiotwin.perfusion.darcy.segments import layer_means, segment_means
from cardiotwin.perfusion.section import Grid
from cardiotwin.perfusion.stack_result import StackFlow
from cardiotwin.units import MM
from cardiotwin.viz.first_pass import ML_MIN_G

SHOWN = 0.1  # of a segment's volume, that slices must show to tell its flow


def of_segments(own: Any, draws: FlowDraws) -> Float[np.ndarray, "draws 17"]:
    """Return the segments' flow in each draw, mL/min/g."""
    mesh = own.model.wall.mesh
    return np.array([segment_means(mesh, one) for one in draws.mbf]) / ML_MIN_G


def interval(values: Float[np.ndarray, "draws n"]) -> dict[str, Any]:
    """Return mean, standard deviation and 90 % interval by segment."""
    known = np.isfinite(values).any(axis=0)  # a segment may have no inner or outer third
    some = values[:, known]
    ends = dict(zip(("low", "high"), np.nanquantile(some, NINETY, axis=0), strict=True))
    told = {"mean": np.nanmean(some, axis=0), "sd": np.nanstd(some, axis=0), **ends}
    full = {key: np.full(len(known), np.nan) for key in told}
    for key, one in told.items():
        full[key][known] = one
    return {key: one.tolist() for key, one in full.items()}


def numbers_of(
    own: Any, draws: FlowDraws, measured: StackFlow, *, dilated: bool
) -> dict[str, Any]:
    """Return what is told of one series."""
    mesh, volume = own.model.wall.mesh, own.model.wall.cell_volume
    segments = of_segments(own, draws)
    ratio = np.array([(m[0] / m[2]) for m in (layer_means(mesh, one) for one in draws.mbf)])
    voxels = [one.voxels.values["mbf"][one.placed.wall] for one in measured.slices]
    flows = np.concatenate(voxels) / ML_MIN_G
    moved = max(float(np.ptp(one.shifts, axis=0).max()) for one in measured.slices)
    whole = interval((draws.mbf @ volume / volume.sum())[:, None] / ML_MIN_G)
    size, _ = draws.below(THRESHOLD, volume)  # a threshold of dilated vessels
    below = interval(100 * size[:, None]).items() if dilated else ()
    return {
        **{f"below_threshold_{key}_percent": value[0] for key, value in below},
        "slices": len(measured.slices),
        "voxels": len(flows),
        "voxels_not_fitted_percent": 100 * float(np.isnan(flows).mean()),
        "voxels_mbf_median_ml_min_g": float(np.nanmedian(flows)),
        "largest_shift_mm": moved / MM,
        "aif_peak_mmol_l": float(measured.aif.max()),
        "scale_error_percent": 100 * measured.scale_error,
        "ps_median_ml_min_ml": 60 * measured.prior.ps,
        "vp_median": measured.prior.vp,
        "ve_median": measured.prior.ve,
        **{f"wall_mbf_{k}_ml_min_g": v[0] for k, v in whole.items()},
        **{f"segment_mbf_{k}_ml_min_g": v for k, v in interval(segments).items()},
        **{f"endo_epi_{k}": v for k, v in interval(ratio).items()},
        "flags": [flag.sentence for flag in measured.flags],
    }


def against_truth(
    folder: Path, name: str, segments: Float[np.ndarray, "draws 17"], shown: tuple[Any, Any]
) -> dict[str, Any]:
    """Return the errors by segment where a truth lies beside; nothing without.

    `segments` are the whole wall's, `shown` those of the slices alone and their errors.
    """
    truth = folder / "truth.json"
    if not (truth.is_file() and (folder / TRUE_MAPS).is_file()):
        return {}
    key = f"mbf_{name.removeprefix('perfusion_')}_ml_min_g"
    told = json.loads(truth.read_text()).get("tissue_by_segment", {})
    if key not in told:
        return {}
    true = np.array(told[key][1:])
    low, high = np.nanquantile(segments, NINETY, axis=0)
    miss, direct = segments.mean(axis=0) - true, np.array(shown[0]) - true
    apart = np.abs(direct / np.array(shown[1]))
    return {
        "slices_segment_rmse_ml_min_g": float(np.sqrt(np.nanmean(direct**2))),
        "slices_segment_mean_error_ml_min_g": float(np.nanmean(direct)),
        "slices_segments_covered_percent": 100 * float(np.mean(apart[np.isfinite(apart)] < 1.645)),
        "true_segment_mbf_ml_min_g": true.tolist(),
        "segment_rmse_ml_min_g": float(np.sqrt(np.nanmean(miss**2))),
        "segment_mean_error_ml_min_g": float(np.nanmean(miss)),
        "segments_covered_percent": 100 * float(np.mean((low <= true) & (true <= high))),
    }


def in_slices(own: Any, measured: StackFlow, grid: Grid) -> dict[str, Any]:
    """Return each segment's mean flow in the slices alone, as it is usually told, and its error.

    The error is what the muscle's pieces share, with what each has of its own. NaN where the
    slices show less than a tenth of the segment.
    """
    segment = own.model.wall.mesh.cell_fields["aha_segment"].astype(np.int64) - 1
    weight, total, square, common = np.zeros((4, 17))
    for one in measured.slices:
        mbf, error = one.fit.alone(measured.prior)
        volumes = one.section.pieces(grid)[one.piece].tocoo()
        row, cell = volumes.coords
        told = (one.told & np.isfinite(mbf))[row]
        for number in range(17):
            here = told & (segment[cell] == number)
            shares = np.bincount(row[here], volumes.data[here], len(one.piece))
            weight[number] += shares.sum()
            total[number] += shares @ np.nan_to_num(mbf)
            square[number] += shares**2 @ np.nan_to_num(error) ** 2
            common[number] += shares @ np.nan_to_num(
                mbf * np.hypot(np.linalg.norm(one.fit.common, axis=1), measured.scale_error)
            )
    whole = np.bincount(segment, own.model.wall.cell_volume, 17)
    weight = np.where(weight > SHOWN * whole, weight, np.nan)
    with np.errstate(invalid="ignore"):
        mean, sd = total / weight, np.hypot(np.sqrt(square), common) / weight
    return {
        "slices_segment_mbf_ml_min_g": (mean / ML_MIN_G).tolist(),
        "slices_segment_mbf_sd_ml_min_g": (sd / ML_MIN_G).tolist(),
    }
