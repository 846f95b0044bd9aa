"""4D flow of known truth: retrieved from its complex images, against the filter that one installs.

`python experiments/flow4d.py phantom=womersley|stenosis|heart [snr=10] [venc_ratio=1.1]
[voxel_mm=2] [background_rad=0] [edge=EDGE] [draws=8] [path=folder] [images=folder]
[peers=folder] [output=folder]`;
`phantom=heart` takes a folder of a cine's contours or of a twin's beat, `phantom=sr4d` that of the
published pair.

SNR is the blood's signal over the standard deviation of one image's real part; `venc_ratio` is
venc over the largest velocity component. Errors are root mean squares of the velocity's error
over the voxels more than half full of blood, of the largest speed; the flow's, the energy's and
the pressure's over the frames, of their largest value. The peer filters the velocities that the
phases tell, with the same voxels and the true share of blood; once more with every phase that went
round turned back as the truth would have it.
"""

import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from experiment import run
from flow4d_heart import heart
from flow4d_pair import pair
from flow4d_phantoms import FLUID, FRAMES, TISSUE, Truth, scan
from flow4d_vessels import pipe, stenosis
from peers.environment import SLICERHEART, install

from cardiotwin.errors import InputError
from cardiotwin.imaging.phase_contrast import (
    BoxAverage,
    FlowSeries,
    without_background,
    write_flow,
)
from cardiotwin.measurement.flow import FlowRetrieval, retrieve_flow
from cardiotwin.measurement.flow.images import FrameView, view
from cardiotwin.measurement.flow.numbers import pressure_difference
from cardiotwin.measurement.flow.pressure import relative_pressure
from cardiotwin.viz.velocity_maps import draw_velocity_maps

PROGRAM = Path(__file__).resolve().parent / "peers" / "flow_filter.py"
SAMPLES = 3  # along a voxel's edge, in the retrieval
EDGES = {"womersley": 0.2, "stenosis": 0.2, "heart": 0.105}  # of the radius
OF_PAIR = ("phantom", "path", "peers", "output")  # options that the published pair knows


@dataclass(frozen=True, kw_only=True)
class Options:
    phantom: str = "womersley"
    snr: float = 10.0
    venc_ratio: float = 1.1  # of the largest component
    voxel_mm: float = 2.0
    background_rad: float = 0.0  # largest phase that no velocity makes
    edge: float = 0.0  # of the radius; 0: the phantom's own
    draws: int = 8
    seed: int = 1
    path: str = ""
    images: str = ""
    peers: str = "outputs/peers"
    output: str = "outputs/flow4d"


def solve(options: Options) -> Mapping[str, Any]:
    """Return the errors of both; draw the fastest frame."""
    if options.phantom == "sr4d":
        _refuse_strange(options)
        return pair(Path(options.path), Path(options.peers), Path(options.output), run_filter)
    if not (options.snr > 0 and options.venc_ratio > 0 and 0.5 <= options.voxel_mm <= 10):
        msg = (
            "snr and venc_ratio must be positive and voxel_mm 0.5 to 10, found "
            f"snr={options.snr:g} venc_ratio={options.venc_ratio:g} voxel_mm={options.voxel_mm:g}."
        )
        raise InputError(msg)
    truth = _truth(options.phantom, options.voxel_mm * 1e-3, options.edge, options.path)
    rng = np.random.default_rng(options.seed)
    fastest = max(float(np.abs(truth.at(m)[1]).max()) for m in range(0, FRAMES * 3, 4))
    venc = options.venc_ratio * fastest
    series, share, mean = scan(truth, venc, options.snr, rng, background=options.background_rad)
    if options.images:
        write_flow(Path(options.images) / "flow.nii.gz", series)
    series, flags = without_background(series, beside(truth))
    start = time.process_time()
    found = retrieve_flow(
        series,
        truth.lumen,
        BoxAverage(per_edge=SAMPLES),
        per_edge=SAMPLES,
        tissue=TISSUE,
        rng=rng,
        n_draws=options.draws,
        views=views_of(truth),
    )
    cost = time.process_time() - start
    fields = {"truth": mean, "phases": decoded(series, venc)}
    fields["retrieved"], ours, spread = at_voxels(found, truth)
    mask = share > 0.5
    fields |= run_filter(
        fields["phases"], mask, options.voxel_mm, Path(options.peers), Path(options.output)
    )
    right = fields["phases"] + 2 * venc * np.round((mean - fields["phases"]) / (2 * venc))
    helped = run_filter(right, mask, options.voxel_mm, Path(options.peers), Path(options.output))
    seen = mask & (ours > 0)
    speed = float(np.linalg.norm(mean[mask], axis=-1).max())
    errors = {name: _error(each - mean, seen) / speed * 100 for name, each in fields.items()}
    shares = {"truth": share, "retrieved": ours}
    slab = middle(share, truth)
    flows = {n: flow(f, shares.get(n, share * mask), slab, truth) for n, f in fields.items()}
    energies = {n: energy(f, shares.get(n, share * mask), truth) for n, f in fields.items()}
    title = f"{options.phantom}, SNR {options.snr:g}: the frame of the fastest flow"
    draw(fields, seen, truth, title, Path(options.output) / "flow4d.png")
    within = np.abs(fields["retrieved"] - mean)[seen] / np.maximum(spread[seen], 1e-9)
    result = {
        "error_percent_vmax": errors["retrieved"],
        "peer_error_percent_vmax": errors.get("dfw"),
        "peer_with_true_turns_error_percent_vmax": _error(helped["dfw"] - mean, seen) / speed * 100
        if "dfw" in helped
        else None,
        "peer_projection_error_percent_vmax": errors.get("fdm"),
        "phase_error_percent_vmax": errors["phases"],
        "flow_rate_error_percent": apart_percent(flows["retrieved"], flows["truth"]),
        "kinetic_energy_error_percent": apart_percent(energies["retrieved"], energies["truth"]),
        "peer_flow_rate_error_percent": apart_percent(flows["dfw"], flows["truth"])
        if "dfw" in flows
        else None,
        "peer_kinetic_energy_error_percent": apart_percent(energies["dfw"], energies["truth"])
        if "dfw" in flows
        else None,
        "within_two_standard_errors_percent": float((within < 2).mean() * 100),
        "smooth_mm": found.strength.smooth * 1e3,
        "solenoidal_mm": found.strength.solenoidal * 1e3,
        "steady_ms": found.strength.steady * 1e3,
        "vmax_m_per_s": speed,
        "venc_m_per_s": venc,
        "nodes": len(truth.lumen.wall),
        "voxels": int(seen.sum()),
        "cpu_s": cost,
        "flags": [flag.sentence for flag in (*flags, *found.flags)],
    }
    return result | pressures(truth, found.velocity)


def pressures(truth: Truth, velocity: np.ndarray) -> dict[str, float]:
    """Return the errors of the pressure's difference: by virtual work (at rest) and Poisson's."""
    lumen, result = truth.lumen, {}
    told = truth.difference(relative_pressure(lumen, velocity, period=truth.period, fluid=FLUID))
    result["poisson_pressure_error_percent"] = apart_percent(told, truth.drop)
    result["pressure_difference_error_percent"] = result["poisson_pressure_error_percent"]
    if len(lumen.positions) == 1:
        told = pressure_difference(
            lumen, velocity, axis=truth.axis, period=truth.period, fluid=FLUID
        )
        result["pressure_difference_error_percent"] = apart_percent(told, truth.drop)
    return result | {"pressure_difference_pa": float(np.abs(truth.drop).max())}


def _refuse_strange(options: Options) -> None:
    """Refuse an option that the published pair has no use for."""
    usual = asdict(Options())
    given = asdict(options).items()
    strange = [name for name, value in given if name not in OF_PAIR and value != usual[name]]
    if strange:
        msg = f"phantom=sr4d has voxels and noise of its own, found {', '.join(strange)}. Drop it."
        raise InputError(msg)


@cache
def _truth(phantom: str, voxel: float, edge: float, path: str) -> Truth:
    edge = edge or EDGES.get(phantom, 0.0)
    if phantom == "womersley":
        return pipe(voxel, edge)
    if phantom == "stenosis":
        return stenosis(voxel, edge)
    if phantom == "heart":
        return heart(voxel, edge, path)
    msg = (
        f"phantom must be womersley, stenosis, heart or sr4d, found {phantom!r}. Name one of them."
    )
    raise InputError(msg)


@lru_cache(maxsize=1)
def views_of(truth: Truth) -> tuple[FrameView, ...]:
    """Return how the voxels see the lumen's nodes."""
    lumen = truth.lumen
    return tuple(view(points, lumen, truth.grid, SAMPLES) for points in lumen.positions)


def beside(truth: Truth) -> np.ndarray:
    """Return the voxels that the lumen touches in no frame: tissue, which is still here."""
    fine = np.stack([each.blood for each in views_of(truth)]).any(axis=0).astype(float)
    return np.asarray(BoxAverage(per_edge=SAMPLES).forward(fine) == 0)


def decoded(series: FlowSeries, venc: float) -> np.ndarray:
    """Return the velocities that the phases tell, m/s."""
    return np.asarray(
        np.angle(series.signal[..., 1:] * series.signal[..., :1].conj()) / np.pi * venc
    )


def at_voxels(found: FlowRetrieval, truth: Truth) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the blood's mean velocity by voxel, its share, and the mean's standard error."""
    shape, views = (*truth.grid.shape, FRAMES), views_of(truth)
    mean, share, spread = np.zeros((*shape, 3)), np.zeros(shape), np.zeros((*shape, 3))
    for t in range(FRAMES):
        seen = views[t % len(views)]
        filled = np.asarray(seen.means.sum(axis=1))
        share[seen.used, t] = filled[:, 0]
        mean[seen.used, t] = seen.means @ found.velocity[t] / filled
        apart = np.array([seen.means @ one[t] / filled for one in found.draws])
        spread[seen.used, t] = np.sqrt((apart**2).mean(axis=0)) if len(apart) else np.nan
    return mean, share, spread


def run_filter(
    velocity: np.ndarray, mask: np.ndarray, voxel_mm: float, peers: Path, output: Path
) -> dict[str, np.ndarray]:
    """Return the peer's velocities by method, m/s; nothing where it cannot be installed."""
    python, missing = install(SLICERHEART, peers)
    if missing:
        print(missing)
        return {}
    output.mkdir(parents=True, exist_ok=True)
    np.savez(
        output / "work.npz",
        velocity=velocity.transpose(3, 2, 1, 0, 4) * 1e3,
        mask=mask.transpose(3, 2, 1, 0),
        voxel_mm=voxel_mm,
    )
    words = [str(python.absolute()), str(PROGRAM), "work.npz", "filtered.npz"]
    subprocess.run(words, cwd=output, check=True)  # noqa: S603
    (output / "work.npz").unlink()
    with np.load(output / "filtered.npz") as told:
        return {m: told[m].transpose(3, 2, 1, 0, 4) / 1e3 for m in ("dfw", "fdm")}


def flow(field: np.ndarray, share: np.ndarray, slab: np.ndarray, truth: Truth) -> np.ndarray:
    """Return the flow along the axis by frame, m^3/s: the mean over a slab's sections."""
    along = (truth.grid.points() @ truth.axis)[slab]
    total = np.einsum("vti,vt,i->t", field[slab], share[slab], truth.axis)
    thickness = np.ptp(along) + float(np.abs(truth.grid.affine[:3, :3].T @ truth.axis).sum())
    return np.asarray(total * truth.grid.voxel_volume / thickness)


def middle(share: np.ndarray, truth: Truth) -> np.ndarray:
    """Return the voxels of the middle seven tenths of the blood's length."""
    along = truth.grid.points() @ truth.axis
    blood = along[share.max(axis=3) > 0.5]
    low, high = float(blood.min()), float(blood.max())
    return np.asarray(np.abs(along - (low + high) / 2) <= 0.35 * (high - low))


def energy(field: np.ndarray, share: np.ndarray, truth: Truth) -> np.ndarray:
    """Return the kinetic energy by frame, J, of the voxels' means."""
    squares = (field**2).sum(axis=-1) * share
    return np.asarray(FLUID.density / 2 * truth.grid.voxel_volume * squares.sum(axis=(0, 1, 2)))


def draw(
    fields: Mapping[str, np.ndarray], mask: np.ndarray, truth: Truth, title: str, file: Path
) -> None:
    """Draw the plane through the middle of the frame of the strongest flow."""
    moving = np.linalg.norm(np.where(mask[..., None], fields["truth"], 0), axis=-1)
    t = int(moving.sum(axis=(0, 1, 2)).argmax())
    j = int(mask[..., t].sum(axis=(0, 2)).argmax())
    shown = {n: np.where(mask[:, j, :, t, None], f[:, j, :, t], np.nan) for n, f in fields.items()}
    names = {"phases": "phases", "dfw": "wavelet filter", "fdm": "projection"}
    maps = {names.get(n, n): m.transpose(1, 0, 2) for n, m in shown.items() if n != "fdm"}
    spacing = (float(truth.grid.spacing[2]), float(truth.grid.spacing[0]))
    draw_velocity_maps(
        maps, truth="truth", axis=truth.axis, spacing=spacing, title=title, file=file
    )


def _error(apart: np.ndarray, mask: np.ndarray) -> float:
    return float(np.sqrt((apart[mask] ** 2).sum(axis=-1).mean()))


def apart_percent(found: np.ndarray, true: np.ndarray) -> float:
    """Return the root mean square of a difference, of the largest true value."""
    return float(np.sqrt(np.mean((found - true) ** 2)) / np.abs(true).max() * 100)


if __name__ == "__main__":
    run(Options, solve)
