"""`strain.png`: the opened wall at end-diastole and at end-systole, coloured by strain.

Without an end-systole the passive twin is shown: fibre stress at end-diastole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from cardiotwin.geometry.biventricular.part import has_right
from cardiotwin.twin.beat import UNLOADED
from cardiotwin.twin.twin import Twin
from cardiotwin.units import KPA
from cardiotwin.viz import theme
from cardiotwin.viz.fibres import standing
from cardiotwin.viz.scene import render
from cardiotwin.viz.solid import cut, half_wall, opened_towards
from cardiotwin.viz.wall import joined

REST, SYSTOLE = "end_diastole", "end_systole"
WIDTH = 2.7  # inches a panel
SIZE = (405, 510)  # pixels a panel
STRAINS = {"circumferential_strain": "circumferential", "fibre_strain": "along the fibre"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """One opened heart.

    Parameters
    ----------
    title
        Above it.
    state
        Name of the state whose shape is shown.
    values
        What colours it, per cell.
    outline
        A state whose cut is drawn over it as a line, if any.
    """

    title: str
    state: str
    values: Float[np.ndarray, " cells"]
    outline: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Show:
    """A row of opened hearts with one colour bar.

    Parameters
    ----------
    title, note
        Above and below.
    panels
        The hearts.
    scale, colour_map, label
        What the colours mean, with the unit.
    """

    title: str
    note: str
    panels: Sequence[Panel]
    scale: Normalize
    colour_map: str
    label: str


def draw_strain(twin: Twin, path: Path) -> Path | None:
    """Write the picture; return None where the twin has no field to show."""
    show = _strains(twin) or _stress(twin)
    return None if show is None else _draw(twin, show, path)


def _strains(twin: Twin) -> Show | None:
    fields = twin.state_fields.get(SYSTOLE, {})
    shown = {name: title for name, title in STRAINS.items() if name in fields}
    if not shown or SYSTOLE not in twin.states:
        return None
    strained = [
        Panel(
            title=f"end-systole: {title}",
            state=SYSTOLE,
            values=100 * np.asarray(fields[name], dtype=np.float64),
            outline=REST,
        )
        for name, title in shown.items()
    ]
    limit = _round_up(np.concatenate([panel.values for panel in strained]), 5.0)
    rest = Panel(title="end-diastole: strain 0", state=REST, values=np.zeros(len(twin.mesh.cells)))
    return Show(
        title="Strain of the wall",
        note="; dashed: the cut at end-diastole",
        panels=[rest, *strained],
        scale=Normalize(-limit, limit),
        colour_map=theme.STRAIN_MAP,
        label="Green-Lagrange strain from end-diastole, %",
    )


def _stress(twin: Twin) -> Show | None:
    stress = twin.state_fields.get(REST, {}).get("fibre_stress")
    if stress is None or REST not in twin.states:
        return None
    values = np.asarray(stress, dtype=np.float64) / KPA
    outline = UNLOADED if UNLOADED in twin.states else None
    return Show(
        title="Passive stress of the wall",
        note="; dashed: the cut of the unloaded wall" if outline else "",
        panels=[Panel(title="end-diastole", state=REST, values=values, outline=outline)],
        scale=Normalize(min(0.0, float(np.quantile(values, 0.02))), _round_up(values, 0.5)),
        colour_map=theme.MAGNITUDE_MAP,
        label="Cauchy stress along the fibre, kPa",
    )


def _draw(twin: Twin, show: Show, path: Path) -> Path:
    mesh, panels = twin.mesh, show.panels
    side = opened_towards(mesh)
    places = {name: mesh.points + state.displacement for name, state in twin.states.items()}
    seen = [places[name] for panel in panels for name in (panel.state, panel.outline) if name]
    camera = standing(mesh, side, above=0.35, extent=1.08, aspect=SIZE[0] / SIZE[1], shown=seen)
    colours: dict[str, Any] = {"scale": show.scale, "colour_map": show.colour_map}
    with theme.figure(WIDTH * len(panels) + 1.0, 4.3) as fig:
        total = fig.get_figwidth()
        for number, panel in enumerate(panels):
            wall = half_wall(mesh, places[panel.state], panel.values, side, **colours)
            plot = fig.add_axes((WIDTH * number / total, 0.05, WIDTH / total, 0.79))
            plot.imshow(render([wall], camera, width=SIZE[0], height=SIZE[1]))
            if panel.outline is not None:
                pieces = cut(mesh, places[panel.outline], side)
                lines = joined(camera.pixels(pieces, *SIZE))
                dashes = (0, (4, 2.5))
                plot.add_collection(
                    LineCollection(lines, colors=theme.BLACK, linewidths=0.9, linestyles=dashes)
                )
            plot.set_axis_off()
            plot.set_title(panel.title, fontweight="normal")
        bar = fig.add_axes(((WIDTH * len(panels) + 0.1) / total, 0.18, 0.16 / total, 0.6))
        fig.colorbar(ScalarMappable(show.scale, show.colour_map), cax=bar, extend="both")
        bar.set_ylabel(show.label)
        where = "from the front" if has_right(mesh) else "at the free wall"
        fig.text(0.02, 0.025, f"opened {where}{show.note}", fontsize=8)
        fig.suptitle(show.title, fontweight="bold", y=0.985)
        return theme.save(fig, path)


def _round_up(values: Float[np.ndarray, " values"], step: float) -> float:
    """Return a limit that holds nearly all magnitudes, a multiple of `step`."""
    return float(max(np.ceil(np.quantile(np.abs(values), 0.97) / step) * step, step))


__all__ = ["draw_strain"]
