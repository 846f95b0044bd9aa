"""What the experiments on a perfused wall share: a heart's wall, motion and pressures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmark_bodies import ellipsoid
from jaxtyping import Float
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from cardiotwin.circulation import Circulation, from_end_diastole, settle
from cardiotwin.geometry import TetMesh, fit_anatomy, frame_of, with_coordinates
from cardiotwin.geometry.template import Template
from cardiotwin.imaging import read_examination
from cardiotwin.imaging.examination import Phase
from cardiotwin.perfusion.darcy.beat import Beat
from cardiotwin.perfusion.darcy.feeding import Feeding
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.units import ML
from cardiotwin.viz import theme
from cardiotwin.viz.fibres import standing
from cardiotwin.viz.scene import render
from cardiotwin.viz.solid import half_wall, opened_towards

Points = Float[np.ndarray, "nodes 3"]

ML_MIN_G = ML / 60 / 1e-3  # m^3/(s kg)
VENOUS = 1600.0  # Pa, of the default bed
LV, ARTERIES = 1, 2  # of the circulation's stores


def heart(path: str, template: Template) -> tuple[TetMesh, Points | None]:
    """Return a wall and its end-systolic displacement, m; an ellipsoid's without a path."""
    if not path:
        mesh = ellipsoid(template, 3.5)
        return with_coordinates(mesh, frame_of(mesh)), None
    anatomy = fit_anatomy(read_examination(Path(path)), template)
    late = anatomy.points.get(Phase.END_SYSTOLE)
    return anatomy.mesh, None if late is None else late - anatomy.mesh.points


def beat_of(late: Points | None, n_steps: int) -> Beat:
    """Return the beat of a healthy adult's circulation, with a measured end-systole's motion.

    The wall moves from end-diastole to end-systole and back as the circulation's left ventricle
    empties and fills.
    """
    loop = from_end_diastole(Circulation())
    record = settle(loop, loop.start()).record
    phase = (np.arange(n_steps) + 1) / n_steps * loop.period
    time = record.time - record.time[0]
    volume, lv, aorta = (
        np.interp(phase, time, values)
        for values in (record.volume[:, LV], record.pressure[:, LV], record.pressure[:, ARTERIES])
    )
    emptied = (volume.max() - volume) / (volume.max() - volume.min())
    return Beat(
        period=loop.period,
        aortic_pressure=aorta,
        lv_pressure=lv,
        displacement=None if late is None else emptied[:, None, None] * late,
    )


def narrowed(wall: PorousWall, fed: Feeding, severity: Sequence[float], aorta: float) -> Feeding:
    """Return arteries with a stenosis each, by what their territory resists at 1 mL/min/mL."""
    arteries = []
    for number, (artery, share) in enumerate(zip(fed.arteries, severity, strict=True)):
        flow = wall.cell_volume[fed.territory == number].sum() / 60
        arteries.append(replace(artery, resistance=share * (aorta - VENOUS) / flow))
    return replace(fed, arteries=tuple(arteries))


def territory_means(
    wall: PorousWall, fed: Feeding, values: Float[np.ndarray, " cells"]
) -> Float[np.ndarray, " territories"]:
    """Return the mean over each territory's volume."""
    volume = np.bincount(fed.territory, wall.cell_volume)
    return np.asarray(np.bincount(fed.territory, wall.cell_volume * values) / volume)


def draw_walls(
    mesh: TetMesh, values: Mapping[str, Float[np.ndarray, " cells"]], label: str, path: Path
) -> None:
    """Draw the wall, opened, in the colours of some fields, each with its own scale."""
    side = opened_towards(mesh)
    size = (405, 510)
    aspect = size[0] / size[1]
    camera = standing(mesh, side, above=0.35, extent=1.08, aspect=aspect, shown=[mesh.points])
    with theme.figure(3.6 * len(values), 3.9) as figure:
        plots = figure.subplots(1, len(values), squeeze=False)
        for plot, (title, field) in zip(plots.flat, values.items(), strict=True):
            scale = Normalize(0.0, float(np.quantile(field, 0.99)))
            layer = half_wall(
                mesh, mesh.points, field, side, scale=scale, colour_map=theme.MAGNITUDE_MAP
            )
            plot.imshow(render([layer], camera, width=size[0], height=size[1]))
            plot.set_axis_off()
            plot.set_title(title)
            bar = figure.colorbar(ScalarMappable(scale, theme.MAGNITUDE_MAP), ax=plot, shrink=0.7)
            bar.set_label(label)
        figure.tight_layout()
        theme.save(figure, path)
