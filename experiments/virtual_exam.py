"""What is retrieved of a virtual examination, beside its truth.

`python experiments/virtual_exam.py path=examination [output=folder]`: `path` is a folder that
`cardiotwin exam` made. Each series is read as anybody's and retrieved in the pixels that are wall
through and through; errors are in units of the Cramer-Rao standard error of the true tissue with
the image's true noise (of motion: at the estimate). A fat fraction of nought is the size of a
complex amount, whose error has two parts: its unit is sqrt(2) of the bound. MOLLI is compared with
what it would report of the same tissue without noise, its errors with the bound at the estimate;
its difference from the T1 of inversion recovery is given beside (`t1_map_bias_ms`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from experiment import run

from cardiotwin.errors import InputError
from cardiotwin.exam.battery import SCALES, TRUE_MAPS
from cardiotwin.exam.tissue_values import wall_properties
from cardiotwin.imaging.encoded import CONTRASTS, EncodedSeries, read_encoded
from cardiotwin.imaging.retrieval import fit
from cardiotwin.imaging.retrieval.from_series import retrieve
from cardiotwin.imaging.retrieval.result import Status
from cardiotwin.imaging.signal.images import series_images
from cardiotwin.units import MM
from cardiotwin.viz.maps import Panel, draw_maps

PURE = 0.995  # share of wall
LITTLE = 1e-4  # noise, with which no voxel has two answers
SHOWN = {
    "t1_map": (("t1", 1e3, "ms"),),
    "t1_saturation_map": (("t1", 1e3, "ms"),),
    "t2_map": (("t2", 1e3, "ms"),),
    "echo_map": (("t2_star", 1e3, "ms"), ("off_resonance", 1.0, "Hz"), ("fat_fraction", 1.0, "1")),
    "ivim_map": (("d", 1e9, "um^2/ms"), ("d_star", 1e9, "um^2/ms"), ("f", 1.0, "1")),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    output: str = "outputs/virtual_exam"


def tissue_of(record: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the true tissue by AHA segment, SI."""
    known = record["tissue_by_segment"]
    return {name: np.array(known[key]) * unit for name, (key, unit) in SCALES.items()}


def reported_molli(series: EncodedSeries, tissue: Mapping[str, Any], record: Any) -> Any:
    """Return the T1 that MOLLI reports of each segment's tissue without noise, s."""
    period = json.loads(series.source.with_name("t1_map.json").read_text())["HeartPeriod"]
    scheme = {"scheme": (5, 3, 3), "first": (0.1, 0.18)} | record.get("scheme", {})
    clean = series_images("molli", wall_properties(tissue), heart_period=period, **scheme)
    found = fit("molli", np.abs(clean), polarity="unknown", inversion_time=series.encoded)
    return found.values["t1"]


def bounds(series: EncodedSeries, tissue: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the Cramer-Rao standard errors of each segment's tissue for noise of 1."""
    given: dict[str, Any] = {CONTRASTS[series.contrast].argument: series.encoded}
    if series.contrast == "water_fat":
        given["field_strength"] = series.field_strength
    clean = series_images(series.contrast, wall_properties(tissue), **given)
    values = clean if np.iscomplexobj(series.signal) else np.abs(clean)
    model = CONTRASTS[series.contrast].model
    errors = fit(model, values, noise_sd=LITTLE, **given).standard_errors
    return {key: error / LITTLE for key, error in errors.items()}


def truths(
    name: str, series: EncodedSeries, maps: Any, tissue: Mapping[str, Any], record: Any
) -> dict[str, Any]:
    """Return the true value of each retrieved parameter by voxel, SI."""
    segment = maps[f"{name}_segments"][..., 0]
    if name == "t1_map":
        return {"t1": reported_molli(series, tissue, record)[segment]}
    found = {key: unit * maps[f"{name}_true_{label}"] for key, (label, unit) in SCALES.items()}
    return found | {
        "off_resonance": maps[f"{name}_field_hz"],
        "fat_fraction": np.zeros(segment.shape),
    }


def compare(name: str, maps: Any, record: Any, folder: Path) -> tuple[dict[str, Any], list[Panel]]:
    """Return the numbers and the pictures of one series of one moment."""
    tissue = tissue_of(record)
    series = read_encoded(folder / record["series"][name]["file"])
    wall, segment = maps[f"{name}_wall"][..., 0], maps[f"{name}_segments"][..., 0]
    inside = (wall > PURE) & (segment > 0)
    found = retrieve(series, wall > 0.5).frames[0]
    noise = maps[f"{name}_noise_sd"] / series.noise_sd
    true = truths(name, series, maps, tissue, record)
    bound = {} if name == "t1_map" else bounds(series, tissue)
    numbers: dict[str, Any] = {f"{name}_voxels": int(inside.sum())}
    numbers[f"{name}_not_fitted_share"] = float(np.mean(~found.fitted[inside]))
    panels = []
    for key, scale, unit in SHOWN[name]:
        kept = inside & found.fitted
        error = found.values[key][kept] - true[key][kept]
        sd = found.standard_errors[key][kept] * noise[kept]
        if key in bound:
            sd = bound[key][segment[kept]] * maps[f"{name}_noise_sd"][kept]
        if key == "fat_fraction":  # of nought
            sd = np.sqrt(2) * sd
        ratio = error / sd
        label = f"{name}_{key}"
        numbers[f"{label}_rmse_over_crlb"] = float(np.sqrt(np.mean(ratio**2)))
        numbers[f"{label}_median_error_over_crlb"] = float(np.median(ratio))
        suffix = "" if unit == "1" else f"_{unit.replace('/', '_').replace('^', '')}"
        numbers[f"{label}_mean{suffix}"] = float(scale * np.mean(found.values[key][kept]))
        numbers[f"{label}_true_mean{suffix}"] = float(scale * np.mean(true[key][kept]))
        middle = series.signal.shape[2] // 2
        shown = np.where(wall > 0.5, 1.0, np.nan)
        panels += [
            Panel(title=f"{key}: {what}", unit=unit, values=scale * (image * shown)[..., middle])
            for what, image in (("true", true[key]), ("retrieved", found.values[key]))
        ]
    if name == "t1_map":
        kept = inside & found.fitted
        bias = found.values["t1"][kept] - tissue["t1"][segment[kept]]
        numbers["t1_map_bias_ms"] = float(1e3 * bias.mean())
    return numbers, panels


MOVING = {  # quantity, where it is known, truth, its unit there and in the result
    "dense": ("displacement", "wall", "displacement_mm", MM, "mm"),
    "tagging": ("displacement", "wall", "displacement_mm", MM, "mm"),
    "phase_contrast": ("velocity", "blood", "velocity_m_s", 1.0, "m_s"),
}


def compare_motion(name: str, maps: Any, record: Any, folder: Path) -> dict[str, Any]:
    """Return the error of displacement or velocity, all frames and directions together."""
    quantity, where, key, unit, label = MOVING[name]
    series = read_encoded(folder / record["series"][name]["file"])
    share, truth = maps[f"{name}_{where}"], maps[f"{name}_{key}"] * unit
    noise = maps[f"{name}_noise_sd"] / series.noise_sd
    found = retrieve(series, share > 0.5)
    ratios, errors, lost, faint = [], [], [], []
    for t, one in enumerate(found.frames):
        inside = share[..., t] > PURE
        kept = inside & one.fitted
        lost.append(np.mean(~one.fitted[inside]))
        faint.append(np.mean(one.status[inside] == Status.NOT_IDENTIFIED))
        for axis, direction in enumerate("xyz"):
            if f"{quantity}_{direction}" not in one.values:
                continue  # stripes tell nothing across the slice
            value = one.values[f"{quantity}_{direction}"]
            sd = one.standard_errors[f"{quantity}_{direction}"] * noise
            error = (value - truth[..., t, axis])[kept]
            errors.append(error / unit)
            ratios.append(error / sd[kept])
    ratio = np.concatenate(ratios)
    return {
        f"{name}_rmse_{label}": float(np.sqrt(np.mean(np.concatenate(errors) ** 2))),
        f"{name}_rmse_over_crlb": float(np.sqrt(np.mean(ratio**2))),
        f"{name}_median_error_over_crlb": float(np.median(ratio)),
        f"{name}_not_fitted_share": float(np.mean(lost)),
        f"{name}_invisible_share": float(np.mean(faint)),
        f"{name}_largest_{label}": float(np.abs(truth[share > PURE]).max() / unit),
    }


def read_truth(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what an examination's folder says of its truth, and the true maps.

    Raises
    ------
    InputError
        If it is no virtual examination with series.
    """
    try:
        record = json.loads((folder / "truth.json").read_bytes())
        return record, dict(np.load(folder / TRUE_MAPS))
    except OSError as error:
        msg = (
            f"path={str(folder)!r} is no virtual examination with series, found {error}. "
            "Make one with cardiotwin exam output=..."
        )
        raise InputError(msg) from error


def virtual_exam(options: Options) -> Mapping[str, Any]:
    """Return errors over bounds of all series of a folder, and draw the maps."""
    torch.set_num_threads(1)
    folder = Path(options.path)
    record, maps = read_truth(folder)
    numbers: dict[str, Any] = {}
    panels: list[Panel] = []
    for name in record["series"]:
        if name in MOVING:
            numbers |= compare_motion(name, maps, record, folder)
            continue
        if name not in SHOWN:  # a first pass: `measured_perfusion.py`
            continue
        found, drawn = compare(name, maps, record, folder)
        numbers |= found
        panels += drawn
    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    if panels:
        draw_maps(panels, output / "maps.png")
    return numbers


if __name__ == "__main__":
    run(Options, virtual_exam)
