"""Flow from a first pass with motion, without and with its correction, against the truth.

`python experiments/first_pass_motion.py [amplitude=3] [deformation=0] [snr=20] [output=folder]`. A
slice in closed form: two ventricles' blood and a wall with an ischaemic sector, edges of one
voxel, tissue of two-compartment exchange. Breathing, a drift and a jitter move it in the plane;
with a deformation, voxels at the epicardium, beats of another phase squeeze and flatten it too.
Noise is added. Every voxel of the wall, without its edge, is fitted by that model, after each of
the corrections. Writes motion.npz.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from experiment import run

from cardiotwin.perfusion import fit_kinetics
from cardiotwin.perfusion.kinetics import gamma_variate, tissue_curve
from cardiotwin.perfusion.registration import MOTIONS, hold_still

SIZE = 64
HAEMATOCRIT = 0.42
ML_MIN_G = 1e-3 / 60  # m^3/(s kg)
INNER, OUTER, MIDDLE = 9.0, 16.0, (34.0, 30.0)  # voxels
RIGHT, RIGHT_RADIUS = (12.0, 36.0), 11.0
ARRIVAL = 12.0  # s, of contrast in the left ventricle
ISCHAEMIC = (0.3, 1.3)  # rad
FLOWS = (2.4, 0.9)  # mL/min/g, remote and ischaemic


@dataclass(frozen=True, kw_only=True)
class Options:
    amplitude: float = 3.0  # voxels
    deformation: float = 0.0  # voxels
    snr: float = 20.0  # of the wall's peak
    frames: int = 60
    interval_s: float = 0.8
    seed: int = 0
    output: str = "outputs/first_pass_motion"


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """A moving slice with its truth."""

    time: Any
    aif: Any
    images: Any
    still: Any
    shifts: Any  # of the tissue, frames x 2, voxels
    displacements: Any  # the same with the deformation, frames x 2 x rows x columns
    flow: Any  # mL/min/g
    wall: Any  # without its edge


def covered(distance: Any) -> Any:
    """Return the share of a voxel inside of an edge, from the signed distance to it."""
    return np.clip(0.5 - distance, 0.0, 1.0)


def deformed(grid: Any, bend: Any) -> Any:
    """Return a squeeze and a flattening about the middle, largest at the epicardium, voxels."""
    apart = (grid - np.reshape(MIDDLE, (2, 1, 1))) / OUTER
    near = np.exp(0.5 * (1 - (apart**2).sum(0)))
    return near * apart * (bend[0] + bend[1] * np.reshape([1, -1], (2, 1, 1)))


def polar(grid: Any) -> tuple[Any, Any]:
    """Return the distance from the middle, voxels, and where flow is low."""
    rows, columns = grid - np.reshape(MIDDLE, (2, 1, 1))
    angle = np.arctan2(rows, columns)
    return np.hypot(rows, columns), (angle > ISCHAEMIC[0]) & (angle < ISCHAEMIC[1])


def drawn(grid: Any, now: Mapping[str, float]) -> Any:
    """Return the image of the tissue that lies at the voxels, by its concentrations now."""
    away, low = polar(grid)
    pool, heart = covered(away - INNER), covered(away - OUTER)
    aside = covered(np.hypot(grid[0] - RIGHT[0], grid[1] - RIGHT[1]) - RIGHT_RADIUS)
    image = pool * now["pool"] + (heart - pool) * np.where(low, now["low"], now["high"])
    return image + aside * (1 - heart) * now["right"]


def moving_slice(options: Options) -> Slice:
    """Return the phantom."""
    rng = np.random.default_rng(options.seed)
    times = options.interval_s * np.arange(options.frames)
    when = torch.from_numpy(times)
    given: dict[str, Any] = {"to_peak": 5.0, "shape": 3.0}
    first = gamma_variate(when, arrival=9.0, peak=4.0, **given)
    aif = first + 0.3 * torch.sigmoid((when - 24.0) / 3.0)
    right = gamma_variate(when, arrival=3.0, peak=5.0, **given).numpy()
    tissue = {}
    for flow in FLOWS:
        own = {"fp": flow * 1050 * ML_MIN_G * (1 - HAEMATOCRIT), "ps": 0.015}
        made = tissue_curve("2cxm", when, aif, haematocrit=HAEMATOCRIT, vp=0.06, ve=0.18, **own)
        tissue[flow] = made.numpy().reshape(-1)
    breath = options.amplitude * np.sin(2 * np.pi * times / 4.3)
    drift = np.linspace(-0.5, 0.5, options.frames) * options.amplitude
    jitter = rng.normal(scale=0.15 * options.amplitude, size=(options.frames, 2))
    shifts = np.stack([breath + drift, 0.4 * breath], 1) + jitter
    # As the correction leaves it, so that the masks stay where they are: medians are 0 of the
    # frames that show the heart.
    seen = times > ARRIVAL
    shifts -= np.median(shifts[seen], axis=0)
    squeeze = 0.6 * np.sin(2 * np.pi * times / 4.3 + np.array([[1.0], [2.5]]))
    squeeze = squeeze + rng.normal(scale=0.5, size=squeeze.shape)
    squeeze = options.deformation * (squeeze.T - np.median(squeeze[:, seen], axis=1))
    curves = {"pool": aif.numpy(), "right": right}
    curves |= {"high": tissue[FLOWS[0]], "low": tissue[FLOWS[1]]}
    still = np.indices((SIZE, SIZE)).astype(float)
    moving, fixed, found = [], [], []
    for i, (move, bend) in enumerate(zip(np.reshape(shifts, (-1, 2, 1, 1)), squeeze, strict=True)):
        now = {name: float(curve[i]) for name, curve in curves.items()}
        moving.append(drawn(still - move - deformed(still - move, bend), now))
        fixed.append(drawn(still, now))
        bent = np.zeros_like(still)
        for _ in range(8):  # the tissue of a place is where its own displacement brought it
            bent = deformed(still + bent, bend)
        found.append(move + bent)
    series = {"images": np.stack(moving, -1), "still": np.stack(fixed, -1)}
    noise = rng.normal(scale=tissue[FLOWS[0]].max() / options.snr, size=series["still"].shape)
    away, low = polar(still)
    return Slice(
        time=times,
        aif=aif.numpy(),
        images=series["images"] + noise,
        still=series["still"] + noise,
        shifts=shifts,
        displacements=np.stack(found),
        flow=np.where(low, FLOWS[1], FLOWS[0]),
        wall=(away > INNER + 1.5) & (away < OUTER - 1.5),
    )


def measure(options: Options) -> Mapping[str, Any]:
    """Return the errors of flow and of the shifts."""
    torch.set_num_threads(1)
    made = moving_slice(options)
    seen = made.time > ARRIVAL  # before the contrast nothing shows where the heart is
    series = {"still": made.still, "moving": made.images}
    numbers: dict[str, Any] = {
        "shift_rms_voxels": float(np.sqrt(np.mean(np.sum(made.shifts**2, 1)))),
        "wall_displacement_rms_voxels": size_in(made.displacements[seen], made.wall),
    }
    for motion in MOTIONS:
        begin = time.process_time()
        held = hold_still(made.images, motion=motion)
        numbers[f"{motion}_cpu_s"] = time.process_time() - begin
        apart = (held.displacements - made.displacements)[seen]
        numbers[f"{motion}_displacement_error_rms_voxels"] = size_in(apart, made.wall)
        series[motion] = held.images
    maps = {}
    for name, images in series.items():
        found = fit_kinetics(
            "2cxm", made.time, images, made.aif, mask=made.wall, haematocrit=HAEMATOCRIT,
        )  # fmt: skip
        maps[name] = found.values["mbf"] / ML_MIN_G
        error = (maps[name] - made.flow)[made.wall]
        numbers |= {
            f"{name}_mbf_median_error_ml_min_g": float(np.nanmedian(np.abs(error))),
            f"{name}_mbf_p90_error_ml_min_g": float(np.nanpercentile(np.abs(error), 90)),
            f"{name}_not_fitted_percent": 100 * float(np.isnan(error).mean()),
        }
    out = Path(options.output)
    out.mkdir(parents=True, exist_ok=True)
    every: dict[str, Any] = {"wall": made.wall, "truth": made.flow, **maps}
    np.savez(out / "motion.npz", **every)
    return numbers


def size_in(field: Any, mask: Any) -> float:
    """Return the root mean square length of frames x 2 x rows x columns in a mask."""
    return float(np.sqrt(np.mean(np.sum(field[:, :, mask] ** 2, 1))))


if __name__ == "__main__":
    run(Options, measure)
