"""The measured ventricle of `flow4d_ensemble.py`: truths, the lumen, and the flow's members."""

import time
from dataclasses import dataclass

import numpy as np
from flow4d_heart import BETWEEN, LAYERS, TRUE, seen_frames
from flow4d_phantoms import FRAMES, PERIOD, Field, Truth, around, moments
from heart_flow import KINDS

from cardiotwin.geometry.cavity import CavityTemplate, MovingCavity, make_cavity
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import HeartFlow
from cardiotwin.haemodynamics.leaflets import Leaflets
from cardiotwin.haemodynamics.valved import ValvedFlow
from cardiotwin.measurement.flow import Lumen
from cardiotwin.measurement.flow.lumen import sampling
from cardiotwin.measurement.flow.members import (
    FlowMember,
    InflowFlow,
    chart_between,
    forecast,
)
from cardiotwin.measurement.flow.pressure import pressure_at
from cardiotwin.measurement.flow.unknowns import values_of
from cardiotwin.units import MMHG

STEPS = 9 * FRAMES  # of the truth's beat: three for each of a frame's moments
COARSE = CavityTemplate(edge=0.15, layers=18)  # of a member
PER_FRAME = 8  # steps of a member
ATRIUM, AORTA = 10 * MMHG, 95 * MMHG  # of the truth whose valves resist


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """The heart in which flow is looked for.

    Parameters
    ----------
    lumen
        Of the retrieval.
    cavity
        What it is cut from.
    template
        How.
    """

    lumen: Lumen
    cavity: MovingCavity
    template: CavityTemplate


def setting(edge: float, path: str) -> Setting:
    """Return the lumen that moves with the measured wall, as `flow4d_heart` has it."""
    template = CavityTemplate(edge=edge, layers=LAYERS)
    looked = make_cavity(seen_frames(path), PERIOD, template)
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
    return Setting(lumen=lumen, cavity=looked, template=template)


def true_flow(kind: str, deviations: np.ndarray, path: str) -> HeartFlow | ValvedFlow:
    """Return the truth at its start: of the members' kind, or with valves that resist."""
    frames, given = seen_frames(path), values_of(deviations)
    if kind == "window":
        cavity = make_cavity(frames, PERIOD, TRUE)
        return InflowFlow(cavity, TRUE, given, steps=STEPS)
    template = CavityTemplate(edge=TRUE.edge, layers=TRUE.layers, **KINDS["resistive"])
    return ValvedFlow(
        make_cavity(frames, PERIOD, template),
        Fluid(viscosity=given["viscosity"]),
        steps=STEPS,
        atrium=lambda _: ATRIUM,
        aorta=lambda _: AORTA,
        leaflets=Leaflets(ramp=given["ramp"]),
    )


def true_beat(flow: HeartFlow | ValvedFlow) -> list[tuple[Field, Field, Field]]:
    """Return places, velocities and pressures after each step of the beat after that from rest."""
    for _ in flow.run(STEPS):
        pass
    return [(m.points, m.velocity, m.pressure) for m in flow.run(STEPS)]


def truth_of(
    flow: HeartFlow | ValvedFlow, kept: list[tuple[Field, Field, Field]], voxel: float, of: Setting
) -> Truth:
    """Return a beat as the phantoms have it, to be looked for in a lumen."""
    cavity, looked, lumen = flow.cavity, of.cavity, of.lumen
    everywhere = np.concatenate([each[0] for each in kept[:: STEPS // FRAMES]])
    grid = around(everywhere.min(axis=0), everywhere.max(axis=0), voxel, 1)
    fine = grid.finer(3)
    begin = flow.start / PERIOD
    steps = np.round((moments()[0] - begin) * STEPS).astype(int) - 1

    def at(m: int) -> tuple[Field, Field]:
        points, velocity, _ = kept[steps[m] % STEPS]
        matrix = sampling(points, cavity.region.cells, fine)
        blood = (np.diff(matrix.indptr) > 0).reshape(fine.shape)
        return blood, (matrix @ velocity).reshape(*fine.shape, 3)

    axis = np.subtract(*_ends(cavity, cavity.motion.positions(0.0))[::-1])
    ends = np.array([_ends(looked, points) for points in lumen.positions])
    middles = np.round((np.arange(FRAMES) / FRAMES - begin) * STEPS).astype(int) - 1
    drop = []
    for frame, k in enumerate(middles % STEPS):
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
    )


def _ends(cavity: MovingCavity, points: np.ndarray) -> np.ndarray:
    """Return two places between the apex and the middle of the windows, m."""
    facets = cavity.region.facets
    base = points[np.unique(np.concatenate([facets["mitral"], facets["aortic"]]))].mean(axis=0)
    return np.array([(1 - share) * points[cavity.apex] + share * base for share in BETWEEN])


class Members:
    """The members' flows in a measured heart, and what they cost.

    Parameters
    ----------
    of
        The lumen at whose nodes they are told.
    path
        A folder of a cine's contours.
    """

    def __init__(self, of: Setting, path: str) -> None:
        self.cavity = make_cavity(seen_frames(path), PERIOD, COARSE)
        self.charts = (
            chart_between(self.cavity, COARSE, of.cavity, of.template),
            chart_between(of.cavity, of.template, self.cavity, COARSE),
        )
        self.costs: list[float] = []

    def __call__(self, deviations: np.ndarray, told: Field) -> FlowMember:
        """Return the member of some deviations from the priors' middles."""
        start = time.process_time()
        flow = InflowFlow(self.cavity, COARSE, values_of(deviations), steps=PER_FRAME * FRAMES)
        found = forecast(flow, self.charts, told, per_frame=PER_FRAME, window=1.0)
        self.costs.append(time.process_time() - start)
        return found


__all__ = ["Members", "Setting", "setting", "true_beat", "true_flow", "truth_of"]
