"""Blood flow of a virtual first pass, by AHA segment, beside its truth.

`python experiments/virtual_perfusion.py path=examination [model=2cxm] [aif=beside] [output=...]`:
`path` is a folder that `cardiotwin exam` made. The mean signal of each segment's pure wall is made
into concentration by the sequence's own curve (the image without saturation gives the scale), and
fitted with the arterial input that lies beside the images, or, with `aif=images`, with that of the
ventricle's blood in them. Errors in units of the fit's standard error, and of the segments whose
flow is told: a standard error of half of it or more says that the data do not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from experiment import run
from virtual_exam import read_truth

from cardiotwin.errors import InputError
from cardiotwin.exam.contrast import TISSUES
from cardiotwin.exam.myocardium import PER_GRAM
from cardiotwin.exam.slab import NAMES
from cardiotwin.imaging.encoded import PHASE
from cardiotwin.imaging.nifti import read_volume
from cardiotwin.perfusion import fit_kinetics
from cardiotwin.perfusion.arterial_input import ArterialInput, find_arterial_input
from cardiotwin.perfusion.first_pass_signal import ReadOut, read_out_signal
from cardiotwin.perfusion.fitting_comparison import flow_untold

PURE = 0.995  # share of wall in a pixel that counts
FEWEST = 8  # pixels of a segment
AIR = 0.1  # of the brightest: no body below it
BLOOD_T1 = TISSUES[NAMES.index("blood")].t1
STATES = ("stress", "rest")
TABLE = np.linspace(-0.5, 8.0, 4000)  # mol/m^3


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    model: str = "2cxm"
    aif: str = "beside"
    output: str = "outputs/virtual_perfusion"


def concentration(signal: Any, t1: float, header: Mapping[str, Any]) -> Any:
    """Return mol/m^3 of a pass, whose first image has no saturation."""
    read_out = ReadOut(
        saturation_time=header["SaturationTime"],
        repetition_time=header["RepetitionTime"],
        flip_angle=float(np.deg2rad(header["FlipAngle"])),
        pulse=header["CentrePulse"],
    )
    how = {"agent": header["ContrastBolusIngredient"]}
    how["field_strength"] = header["MagneticFieldStrength"]
    nothing = np.zeros(1)
    whole = read_out_signal(nothing, np.array([t1]), read_out, saturated=False, **how)[0]
    table = read_out_signal(TABLE, np.full(TABLE.shape, t1), read_out, **how)
    return np.interp(signal[1:] / signal[0] * whole, table, TABLE)


def read_pass(folder: Path, name: str, record: Any) -> tuple[Any, Any, Any]:
    """Return a pass's images in phase with its first one, its header and its arterial input."""
    place = folder / record["series"][name]["file"]
    size = read_volume(place).array.astype(float)
    phase = read_volume(place.with_name(f"{name}{PHASE}.nii.gz")).array.astype(float)
    # In phase with the first image: magnitudes so small would be biased by their noise.
    images = size * np.cos(phase - phase[..., :1])
    header = json.loads((place.parent / f"{name}.json").read_text())
    return images, header, np.loadtxt(place.parent / f"{name}_aif.tsv", skiprows=1)


def segments(images: Any, header: Any, maps: Any, name: str) -> tuple[Any, Any, Any]:
    """Return the segments' numbers, curves (mol/m^3) and true flows (m^3/(s kg))."""
    wall, segment = maps[f"{name}_wall"][..., 0], maps[f"{name}_segments"][..., 0]
    keys = ("t1_ms", f"mbf_{name.removeprefix('perfusion_')}_ml_min_g")
    t1, flow = (maps[f"{name}_true_{key}"] for key in keys)
    numbers, curves, true = [], [], []
    for number in range(1, 18):
        here = (segment == number) & (wall > PURE)
        if here.sum() >= FEWEST:
            signal = images[here].mean(axis=0)
            curves.append(concentration(signal, 1e-3 * float(t1[here].mean()), header))
            numbers.append(number)
            true.append(PER_GRAM * float(flow[here].mean()))
    return np.array(numbers), np.array(curves), np.array(true)


def from_images(images: Any, header: Any, times: Any) -> ArterialInput:
    """Return the arterial input of the ventricle's blood in the images."""
    first = images[..., 0]
    body = first > AIR * np.percentile(first, 99)
    made = np.zeros((*first.shape, len(times)))
    made[body] = concentration(images[body].T, BLOOD_T1, header).T
    return find_arterial_input(times, made)


def perfusion(options: Options) -> Mapping[str, Any]:
    """Return the flows' errors at rest and under stress, and the reserve's."""
    torch.set_num_threads(1)
    folder = Path(options.path)
    if options.aif not in ("beside", "images"):
        msg = f"aif must be beside or images, found {options.aif!r}. Choose one."
        raise InputError(msg)
    record, maps = read_truth(folder)
    numbers: dict[str, Any] = {}
    flows = {}
    for state in STATES:
        name = f"perfusion_{state}"
        images, header, aif = read_pass(folder, name, record)
        which, curves, true = segments(images, header, maps, name)
        if options.aif == "images":
            own = from_images(images, header, aif[:, 0])
            apart = own.concentration - (aif[:, 1] - aif[0, 1])
            numbers |= {
                f"{state}_aif_peak_mmol_l": float(own.concentration.max()),
                f"{state}_true_aif_peak_mmol_l": float(aif[:, 1].max()),
                f"{state}_aif_rmse_mmol_l": float(np.sqrt(np.mean(apart**2))),
                f"{state}_aif_voxels": int(own.voxels.sum()),
                f"{state}_aif_flags": [flag.name for flag in own.flags],
            }
            aif = np.column_stack([aif[:, 0], own.concentration])
        found = fit_kinetics(options.model, aif[:, 0], curves, aif[:, 1])
        flow, sd = found.values["mbf"], found.standard_errors["mbf"]
        told = np.isfinite(flow)
        if not told.any():
            msg = f"No segment's flow could be fitted at {state} by {options.model}. Try 2cum."
            raise InputError(msg)
        ratio = (flow - true)[told] / sd[told]
        clear = told & ~flow_untold(found)
        error = (flow - true)[clear] / PER_GRAM
        flows[state] = dict(zip(which.tolist(), zip(flow, true, strict=True), strict=True))
        numbers |= {
            f"{state}_segments": len(which),
            f"{state}_fitted": int(told.sum()),
            f"{state}_mbf_ml_min_g": float(np.nanmean(flow) / PER_GRAM),
            f"{state}_true_mbf_ml_min_g": float(true[told].mean() / PER_GRAM),
            f"{state}_rmse_ml_min_g": float(np.sqrt(np.nanmean((flow - true) ** 2)) / PER_GRAM),
            f"{state}_rmse_over_standard_error": float(np.sqrt(np.mean(ratio**2))),
            f"{state}_told": int(clear.sum()),
            f"{state}_told_mean_error_ml_min_g": float(error.mean()) if clear.any() else None,
            f"{state}_told_rmse_ml_min_g": float(np.sqrt((error**2).mean()))
            if clear.any()
            else None,
        }
    both = [number for number in flows["rest"] if number in flows["stress"]]
    pairs = np.array([[flows[s][n] for s in STATES] for n in both])  # segment, state, found | true
    reserve = pairs[:, 0] / pairs[:, 1]
    numbers["reserve_segments"] = int(np.isfinite(reserve).all(axis=1).sum())
    numbers["reserve_rmse"] = float(np.sqrt(np.nanmean((reserve[:, 0] - reserve[:, 1]) ** 2)))
    numbers["true_reserve_mean"] = float(reserve[:, 1].mean())
    return numbers


if __name__ == "__main__":
    run(Options, perfusion)
