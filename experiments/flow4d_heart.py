"""The flow in a measured ventricle, which a coarser mesh that moves with it is to find again."""

from functools import cache

import numpy as np
from cine_frames import beat_period, beating_frames, wall_harmonics
from flow4d_phantoms import FLUID, FRAMES, PER_FRAME, PERIOD, Field, Truth, around, moments

from cardiotwin.geometry.cavity import (
    CavityTemplate,
    EndocardialFrames,
    MovingCavity,
    make_cavity,
)
from cardiotwin.haemodynamics.heart import HeartFlow
from cardiotwin.haemodynamics.valved import ValvedFlow
from cardiotwin.measurement.flow import Lumen, moving_lumen
from cardiotwin.measurement.flow.lumen import sampling
from cardiotwin.measurement.flow.pressure import pressure_at

TRUE = CavityTemplate(edge=0.085, layers=38)
STEPS = 4 * FRAMES * PER_FRAME  # of a beat
LAYERS = 26  # of the mesh on which it is looked for
BETWEEN = (0.15, 0.7)  # shares of the way from the apex to the windows: where pressure is told


@cache
def seen_frames(path: str) -> EndocardialFrames:
    """Return the endocardium in the contours of a folder, or in a twin's beat."""
    return beating_frames(path, "phantom=heart")


def heart(voxel: float, edge: float, path: str) -> Truth:
    """Return the flow in a measured ventricle, looked for on a coarser mesh that moves with it."""
    frames, period, harmonics = seen_frames(path), seen_period(path), wall_harmonics(path, 0)
    flow = HeartFlow(make_cavity(frames, period, TRUE, harmonics=harmonics), FLUID, steps=STEPS)
    for _ in flow.run(STEPS // 4):  # the beat begins at rest: its first quarter is run again
        pass
    kept = [(m.points, m.velocity, m.pressure) for m in flow.run(STEPS)]
    kept = kept[-(STEPS // 4) :] + kept[: -(STEPS // 4)]
    coarse = CavityTemplate(edge=edge, layers=LAYERS)
    looked = make_cavity(frames, period, coarse, harmonics=harmonics)
    return truth_of(flow, kept, voxel, looked, moving_lumen(looked, frame_times(period)))


def seen_period(path: str) -> float:
    """Return the beat's length, s: the phantoms', for a cine's contours tell none, or a twin's."""
    return beat_period(path, untold=PERIOD)


def frame_times(period: float = PERIOD) -> Field:
    """Return the frames' middles, s."""
    return np.arange(FRAMES) * period / FRAMES


def truth_of(
    flow: HeartFlow | ValvedFlow,
    kept: list[tuple[Field, Field, Field]],
    voxel: float,
    looked: MovingCavity,
    lumen: Lumen,
) -> Truth:
    """Return a beat as the phantoms have it, to be looked for in a lumen cut from a cavity.

    `kept` are places, velocities and pressures after each step of the flow's beat.
    """
    cavity, n_steps = flow.cavity, len(kept)
    everywhere = np.concatenate([each[0] for each in kept[:: n_steps // FRAMES]])
    grid = around(everywhere.min(axis=0), everywhere.max(axis=0), voxel, 1)
    fine = grid.finer(3)
    begin = flow.start / cavity.motion.period
    steps = np.round((moments()[0] - begin) * n_steps).astype(int) - 1

    def at(m: int) -> tuple[Field, Field]:
        points, velocity, _ = kept[steps[m] % n_steps]
        matrix = sampling(points, cavity.region.cells, fine)
        blood = (np.diff(matrix.indptr) > 0).reshape(fine.shape)
        return blood, (matrix @ velocity).reshape(*fine.shape, 3)

    axis = np.subtract(*_ends(cavity, cavity.motion.positions(0.0))[::-1])
    ends = np.array([_ends(looked, points) for points in lumen.positions])
    middles = np.round((np.arange(FRAMES) / FRAMES - begin) * n_steps).astype(int) - 1
    drop = []
    for frame, k in enumerate(middles % n_steps):
        points, _, pressure = kept[k]
        none = np.zeros(len(points), dtype=bool)
        room = Lumen(
            positions=points[None],
            cells=cavity.region.cells,
            wall=none,
            open=none,
            wall_velocity=np.zeros((1, len(points), 3)),
        )
        told = [pressure_at(room, pressure[None], place[None])[0] for place in ends[frame]]
        drop.append(told[0] - told[1])

    def difference(pressure: Field) -> np.ndarray:
        told = [pressure_at(lumen, pressure, ends[:, k]) for k in range(2)]
        return np.asarray(told[0] - told[1])

    return Truth(
        grid=grid,
        per_edge=3,
        at=at,
        lumen=lumen,
        axis=axis / np.linalg.norm(axis),
        difference=difference,
        drop=np.array(drop),
        period=cavity.motion.period,
    )


def _ends(cavity: MovingCavity, points: np.ndarray) -> np.ndarray:
    """Return two places between the apex and the middle of the windows, m."""
    facets = cavity.region.facets
    base = points[np.unique(np.concatenate([facets["mitral"], facets["aortic"]]))].mean(axis=0)
    return np.array([(1 - share) * points[cavity.apex] + share * base for share in BETWEEN])


__all__ = ["LAYERS", "TRUE", "frame_times", "heart", "seen_frames", "truth_of"]
