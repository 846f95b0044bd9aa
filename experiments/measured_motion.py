"""The end-systole that a twin predicts against surfaces that somebody else fitted to the cine.

`python experiments/measured_motion.py twin=run_folder surfaces=file.npz [end_systole=9]
[output=folder]`; the surfaces are in scanner (LPS) millimetres, with fixed connectivity.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from experiment import run
from scipy.spatial import cKDTree

from cardiotwin.errors import InputError
from cardiotwin.geometry.sections import distances, fine_triangles
from cardiotwin.twin import load_twin

NAMES = {"LV_ENDOCARDIAL_xyz": "lv_endocardium", "EPICARDIAL_xyz": "epicardium"}
NEAR = 5.0  # mm: farther vertices (of the right ventricle, above the base) are not of this wall


@dataclass(frozen=True, kw_only=True)
class Options:
    twin: str = "runs/guidepoints"
    surfaces: str = ""
    end_systole: int = 9
    output: str = "outputs/measured_motion"


def compare(options: Options) -> Mapping[str, float]:
    """Return displacement, its error, and the distance of the surfaces, mm, by surface."""
    if not Path(options.surfaces).is_file():
        msg = f"surfaces must be a file, found {options.surfaces!r}. Name the npz with frames."
        raise InputError(msg)
    twin = load_twin(Path(options.twin))
    moved = twin.mesh.points + twin.states["end_systole"].displacement
    measured = np.load(options.surfaces)
    result: dict[str, float] = {}
    for key, name in NAMES.items():
        frames = measured[key].astype(float) * [-1.0, -1.0, 1.0]
        start, end = frames[0], frames[options.end_systole]
        nodes = np.unique(twin.mesh.facets[name])
        gap, nearest = cKDTree(twin.mesh.points[nodes] * 1e3).query(start)
        kept = gap < NEAR
        told = (moved - twin.mesh.points)[nodes[nearest[kept]]] * 1e3
        seen = (end - start)[kept]
        apart = distances(fine_triangles(moved, twin.mesh, name), end[kept] / 1e3) * 1e3
        error = np.linalg.norm(told - seen, axis=1)
        result |= {
            f"{name}_share_of_vertices": float(kept.mean()),
            f"{name}_displacement_mean_mm": float(np.linalg.norm(seen, axis=1).mean()),
            f"{name}_error_mean_mm": float(error.mean()),
            f"{name}_error_p95_mm": float(np.quantile(error, 0.95)),
            f"{name}_surface_distance_mean_mm": float(apart.mean()),
        }
    return result


if __name__ == "__main__":
    run(Options, compare)
