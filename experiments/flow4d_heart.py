"""The flow in a measured ventricle, which a coarser mesh that moves with it is to find again."""

from pathlib import Path

import numpy as np
from flow4d_phantoms import FLUID, FRAMES, PERIOD, STEPS, Field, Truth, around, moments

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import CavityTemplate, make_cavity, measured_frames
from cardiotwin.haemodynamics.heart import HeartFlow
from cardiotwin.imaging.read import read_examination
from cardiotwin.measurement.flow import Lumen
from cardiotwin.measurement.flow.lumen import sampling


def heart(voxel: float, path: str) -> Truth:
    """Return the flow in a measured ventricle, looked for on a coarser mesh that moves with it."""
    if not path or not Path(path).is_dir():
        msg = f"phantom=heart needs a folder of a cine's contours, found path={path!r}. Give one."
        raise InputError(msg)
    frames = measured_frames(read_examination(Path(path)))
    cavity = make_cavity(frames, PERIOD, CavityTemplate(edge=0.16, layers=18))
    n_steps = STEPS
    run = HeartFlow(cavity, FLUID, steps=n_steps)
    kept = [(m.points, m.velocity.copy()) for m in run.run(n_steps)]
    everywhere = np.concatenate([points for points, _ in kept[:: n_steps // FRAMES]])
    grid = around(everywhere.min(axis=0), everywhere.max(axis=0), voxel, 1)
    fine = grid.finer(3)
    begin = run.start / PERIOD
    steps = np.round((moments()[0] - begin) * n_steps).astype(int) - 1

    def at(m: int) -> tuple[Field, Field]:
        points, velocity = kept[steps[m] % n_steps]
        matrix = sampling(points, cavity.region.cells, fine)
        blood = (np.diff(matrix.indptr) > 0).reshape(fine.shape)
        return blood, (matrix @ velocity).reshape(*fine.shape, 3)

    looked = make_cavity(frames, PERIOD, CavityTemplate(edge=0.24, layers=12))
    times = np.arange(FRAMES) * PERIOD / FRAMES
    wall, end = (np.zeros(len(looked.region.points), dtype=bool) for _ in range(2))
    for name, triangles in looked.region.facets.items():
        (end if name in ("mitral", "aortic") else wall)[triangles] = True
    lumen = Lumen(
        positions=np.stack([looked.motion.positions(float(t)) for t in times]),
        cells=looked.region.cells,
        wall=wall,
        open=end & ~wall,
        wall_velocity=np.stack([looked.motion.velocity(float(t)) for t in times]),
    )
    facets = cavity.region.facets
    base = cavity.region.points[np.unique(np.concatenate([facets["mitral"], facets["aortic"]]))]
    axis = base.mean(axis=0) - cavity.region.points[cavity.apex]
    axis /= np.linalg.norm(axis)
    return Truth(grid=grid, per_edge=3, at=at, lumen=lumen, axis=axis, drop=np.zeros(0))


__all__ = ["heart"]
