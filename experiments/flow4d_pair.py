"""The published pair of coarse noisy 4D flow and its fine truth (4DFlowNet's example data).

The coarse images are the middle of the fine ones' k-space with noise (the paper's own recipe:
Ferdian et al. 2020, Front Phys 8:138), so the operator is a crop of k-space and voxel n lies at
fine voxel 2 n. The fine mask is the segmentation that all methods are given.
"""

import time
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.ndimage import distance_transform_edt, map_coordinates
from scipy.sparse import csr_matrix

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import box
from cardiotwin.imaging.phase_contrast import KSpaceCrop, VoxelGrid, from_velocities
from cardiotwin.measurement.flow import Lumen, retrieve_flow
from cardiotwin.measurement.flow.images import FrameView
from cardiotwin.viz.velocity_maps import draw_velocity_maps

FILES = ("example_data.h5", "example_data_HR.h5")
NAMES = "uvw"
INSIDE = 0.6  # of a voxel of blood: what less of it lights has its middle outside the mask
Filter = Callable[[np.ndarray, np.ndarray, float, Path, Path], dict[str, np.ndarray]]


def read(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the coarse and the fine file's arrays."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        msg = f"phantom=sr4d needs {', '.join(FILES)}; {folder} lacks {', '.join(missing)}."
        raise InputError(msg)
    found = []
    for name in FILES:
        with h5py.File(folder / name) as handle:
            found.append({key: np.asarray(handle[key]) for key in handle})
    return found[0], found[1]


def voxel_lumen(mask: np.ndarray, spacing: float) -> tuple[Lumen, np.ndarray]:
    """Return tetrahedra between the centres of a mask's voxels, and the centres' flat numbers.

    The published truth goes on beyond its mask as fast as inside (0.43 m/s at its edge, 0.46 m/s
    in the mean), so there is no wall to which the blood would cling.
    """
    n_i, n_j, n_k = mask.shape
    high = tuple((n - 1) * spacing for n in mask.shape)
    whole = box((n_i - 1, n_j - 1, n_k - 1), (0.0, 0.0, 0.0), high)
    flat = mask.ravel()
    cells = whole.cells[flat[whole.cells].any(axis=1)]
    numbers, renamed = np.unique(cells, return_inverse=True)
    points = whole.points[numbers]
    blood = flat[numbers]
    lumen = Lumen(
        positions=points[None],
        cells=renamed.reshape(cells.shape),
        wall=np.zeros(len(points), dtype=bool),
        open=~blood,
        wall_velocity=np.zeros((1, len(points), 3)),
    )
    return lumen, numbers


def pair(folder: Path, peers: Path, output: Path, run_filter: Filter) -> Mapping[str, Any]:
    """Return the errors at the fine voxels of interpolation, the peer's filter, and ours."""
    coarse, fine = read(folder)
    truth = np.stack([fine[name][0] for name in NAMES], axis=-1).astype(float)
    mask = fine["mask"][0] > 0.5
    step = float(fine["dx"][0, 0]) * 1e-3
    velocity = np.stack([coarse[name][0] for name in NAMES], axis=-1).astype(float)
    size = np.stack([coarse[f"mag_{name}"][0] for name in NAMES], axis=-1).astype(float)
    venc = np.array([coarse[f"venc_{name}"][0] for name in NAMES], dtype=float)
    placed = np.diag([2 * step, 2 * step, 2 * step, 1.0])
    grid = VoxelGrid(shape=velocity.shape[:3], affine=placed)
    share = mask.reshape(*(n for m in grid.shape for n in (m, 2))).mean(axis=(1, 3, 5))
    air = share == 0
    noise = float(np.sqrt(np.mean(np.abs(size[air]) ** 2) / 2))
    series = from_velocities(
        velocity[..., None, :],
        size[..., None, :],
        venc=venc,
        grid=grid,
        times=np.zeros(1),
        period=1.0,
        noise_sd=noise,
    )
    rng = np.random.default_rng(1)
    start = time.process_time()
    coarsely = mask[::2, ::2, ::2]
    lumen, numbers = voxel_lumen(coarsely, 2 * step)
    options: dict[str, Any] = {"tissue": 0.0, "rng": rng}
    first = retrieve_flow(
        series,
        lumen,
        KSpaceCrop(per_edge=1),
        per_edge=1,
        views=(_view(numbers, coarsely, 1),),
        **options,
    )
    lumen, numbers = voxel_lumen(mask, step)
    found = retrieve_flow(
        series,
        lumen,
        KSpaceCrop(per_edge=2),
        per_edge=2,
        views=(_view(numbers, mask, 2),),
        strength=first.strength,
        **options,
    )
    cost = time.process_time() - start
    ours = np.zeros((mask.size, 3))
    ours[numbers] = found.velocity[0]
    fields = {"truth": truth, "retrieved": ours.reshape(truth.shape)}
    fields["linear"] = _interpolated(velocity, coarsely, truth.shape[:3])
    fields["cubic"] = _cubic(velocity, truth.shape[:3])
    held = coarse["mask"][0] > 0.5
    filtered = run_filter(velocity[..., None, :], held[..., None], 2e3 * step, peers, output)
    for method, each in filtered.items():
        fields[method] = _interpolated(each[..., 0, :], held, truth.shape[:3])
    speed = float(np.linalg.norm(truth[mask], axis=-1).max())
    errors = {
        name: float(np.sqrt(((each - truth)[mask] ** 2).sum(axis=-1).mean())) / speed * 100
        for name, each in fields.items()
    }
    _draw(fields, mask, step, output / "flow4d.png")
    energies = {n: float((f[mask] ** 2).sum()) for n, f in fields.items()}
    return {
        "error_percent_vmax": errors["retrieved"],
        "peer_error_percent_vmax": errors.get("dfw"),
        "peer_projection_error_percent_vmax": errors.get("fdm"),
        "linear_error_percent_vmax": errors["linear"],
        "cubic_error_percent_vmax": errors["cubic"],
        "kinetic_energy_error_percent": (energies["retrieved"] / energies["truth"] - 1) * 100,
        "linear_kinetic_energy_error_percent": (energies["linear"] / energies["truth"] - 1) * 100,
        "smooth_mm": found.strength.smooth * 1e3,
        "solenoidal_mm": found.strength.solenoidal * 1e3,
        "noise_sd": noise,
        "blood_signal": float(np.median(size[share == 1])),
        "vmax_m_per_s": speed,
        "nodes": len(lumen.wall),
        "fine_voxels": int(mask.sum()),
        "cpu_s": cost,
    }


def _view(numbers: np.ndarray, mask: np.ndarray, per_edge: int) -> FrameView:
    """Return how the images see the nodes: each voxel of a mask is a node.

    A voxel's mean is that of the sinc which a crop of k-space is, to its second zero.
    """
    blood = np.flatnonzero(mask.ravel()[numbers])
    ones = np.ones(len(blood))
    samples = csr_matrix((ones, (numbers[blood], blood)), shape=(mask.size, len(numbers)))
    shape = tuple(n // per_edge for n in mask.shape)
    place = np.stack(np.unravel_index(numbers[blood], mask.shape), axis=1)
    means = csr_matrix((int(np.prod(shape)), len(numbers)))
    reach = [o for o in range(1 - 2 * per_edge, 2 * per_edge) if o == 0 or o % per_edge]
    for offset in product(reach, reach, reach):
        middle = place - offset
        on = ((middle % per_edge == 0) & (middle >= 0)).all(axis=1)
        on &= (middle // per_edge < shape).all(axis=1)
        weight = float(np.prod(np.sinc(np.array(offset) / per_edge) / per_edge))
        voxel = np.ravel_multi_index(tuple((middle[on] // per_edge).T), shape)
        part = (np.full(int(on.sum()), weight), (voxel, blood[on]))
        means = means + csr_matrix(part, shape=means.shape)
    used = np.asarray(means.sum(axis=1)).ravel() >= INSIDE
    return FrameView(samples=samples, blood=mask, means=means[used], used=used.reshape(shape))


def _interpolated(field: np.ndarray, mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a coarse field at the fine voxels, linear between those of a mask alone.

    Coarse voxel n lies at fine voxel 2 n. Where no neighbour is in the mask the nearest one's.
    """
    index = np.stack(np.meshgrid(*(np.arange(n) / 2 for n in shape), indexing="ij"))
    nearest = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    filled = field[tuple(nearest)]
    weight = map_coordinates(mask.astype(float), index, order=1, mode="nearest")
    parts = []
    for c in range(3):
        held = map_coordinates(field[..., c] * mask, index, order=1, mode="nearest")
        far = map_coordinates(filled[..., c], index, order=1, mode="nearest")
        parts.append(np.where(weight > 1e-6, held / np.maximum(weight, 1e-6), far))
    return np.stack(parts, axis=-1)


def _cubic(field: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a coarse field at the fine voxels by cubic splines, which see the air's noise too."""
    index = np.stack(np.meshgrid(*(np.arange(n) / 2 for n in shape), indexing="ij"))
    parts = [map_coordinates(field[..., c], index, order=3, mode="nearest") for c in range(3)]
    return np.stack(parts, axis=-1)


def _draw(fields: Mapping[str, np.ndarray], mask: np.ndarray, step: float, file: Path) -> None:
    k = int(mask.sum(axis=(0, 1)).argmax())
    names = {"linear": "interpolated", "dfw": "wavelet filter", "retrieved": "retrieved"}
    shown = {"truth": fields["truth"]} | {v: fields[n] for n, v in names.items() if n in fields}
    maps = {n: np.where(mask[:, :, k, None], f[:, :, k], np.nan) for n, f in shown.items()}
    axis = np.array([1.0, 0, 0])
    title = "the published pair: x velocity at the fine voxels"
    draw_velocity_maps(
        maps, truth="truth", axis=axis, spacing=(step, step), title=title, file=file
    )


__all__ = ["pair"]
