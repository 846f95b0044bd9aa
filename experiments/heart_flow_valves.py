"""What resistive valves do in a beat: pressures, openings, and what they let through."""

from collections.abc import Mapping

import numpy as np

from cardiotwin.geometry.regions import cell_sizes
from cardiotwin.haemodynamics.heart import Moment
from cardiotwin.haemodynamics.valved import ValvedFlow
from cardiotwin.units import MMHG


def told_of_valves(table: Mapping[str, np.ndarray], heart: ValvedFlow) -> dict[str, float]:
    """Return what resistive valves let through where they should not, and the pressures."""
    found = {}
    for name, flow in (("mitral", "inflow_ml_per_s"), ("aortic", "outflow_ml_per_s")):
        shut, through = table[f"{name}_open"] == 0, table[flow] * heart.time_step
        back, opened = np.minimum(through, 0.0), table[f"{name}_open"] == 1
        found[f"{name}_leak_ml"] = -float(through[shut].sum())
        found[f"{name}_moved_while_shut_ml"] = float(np.abs(through[shut]).sum())
        found[f"{name}_back_while_shutting_ml"] = -float(back[~shut & ~opened].sum())
        found[f"{name}_back_while_open_ml"] = -float(back[opened].sum())
        found[f"{name}_jet_m_per_s"] = float(table[f"{name}_jet_m_per_s"].max())
    level = table["ventricle_mmhg"]
    return found | {
        "ventricle_max_mmhg": float(level.max()),
        "ventricle_min_mmhg": float(level.min()),
        "ventricle_step_max_mmhg": float(np.abs(np.diff(level)).max()),
    }


def valve_row(heart: ValvedFlow, moment: Moment) -> dict[str, float]:
    """Return absolute pressures, how far valves are open, and what goes forward through each."""
    cavity = heart.cavity
    cells = cavity.region.cells[: cavity.n_ventricle]
    sizes = cell_sizes(moment.points, cells)
    level = float(sizes @ moment.pressure[cells].mean(axis=1) / sizes.sum())
    row = {"ventricle_mmhg": level / MMHG}
    for name, sign in (("mitral", -1.0), ("aortic", 1.0)):
        layers = cavity.stubs[name]
        along = moment.points[layers[-1]].mean(axis=0) - moment.points[layers[0]].mean(axis=0)
        middle = layers[len(layers) // 2]
        speed = sign * moment.velocity[middle] @ along / np.linalg.norm(along)
        row[f"{name}_mmhg"] = float(moment.pressure[layers[-1]].mean()) / MMHG
        row[f"{name}_open"] = heart.open[name]
        row[f"{name}_jet_m_per_s"] = float(speed.max())
    return row


__all__ = ["told_of_valves", "valve_row"]
