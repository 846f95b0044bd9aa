"""The parametric wall of a twin, and the range in which a reduced model of it is trained."""

from dataclasses import dataclass

import numpy as np

from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.parameter_range import ParameterRange
from cardiotwin.mechanics.parametric import HELD, SHARE, ParametricWall


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How far from a fitted heart its reduced model reaches.

    Parameters
    ----------
    passive_scale, passive_exponent
        Largest factors by which law and exponents are multiplied, and divided.
    tension
        Largest tension, as a share of the fitted one.
    least_share
        Smallest share of a region's tension.
    supports
        Largest factor by which stiffnesses of base and pericardium are multiplied, and divided.
    least_volume
        As a share of the end-systolic volume.
    largest_volume
        As a share of the end-diastolic volume.
    """

    passive_scale: float = 1.5
    passive_exponent: float = 1.2
    tension: float = 1.2
    least_share: float = 0.5
    supports: float = 2.0
    least_volume: float = 0.9
    largest_volume: float = 1.2


def range_about(
    model: ParametricWall,
    fitted: Loads,
    end_systolic_volume: float,
    extent: Extent | None = None,
) -> ParameterRange:
    """Return the range about a fitted heart.

    Parameters
    ----------
    model
        The heart's wall over its unloaded placement.
    fitted
        Factors of the law, and the tension at end-systole, Pa.
    end_systolic_volume
        m^3.
    """
    extent = extent or Extent()
    law = {
        "passive_scale": (fitted.passive_scale, extent.passive_scale),
        "passive_exponent": (fitted.passive_exponent, extent.passive_exponent),
    }
    bounds = {name: (value / factor, value * factor) for name, (value, factor) in law.items()}
    bounds["cavity_pressure"] = (0.0, 0.0)
    bounds["active_tension"] = (0.0, extent.tension * fitted.active_tension)
    bounds |= {f"{name}{SHARE}": (extent.least_share, 1.0) for name in model.regions}
    bounds |= dict.fromkeys(HELD, (1 / extent.supports, extent.supports))
    mesh = model.wall.mesh
    unloaded = cavity_volume(model.body.fields.placed(model.reference), mesh)
    return ParameterRange(
        names=model.names,
        lower=np.array([bounds[name][0] for name in model.names]),
        upper=np.array([bounds[name][1] for name in model.names]),
        logarithmic=("passive_scale", *HELD),
        unloaded_volume=unloaded,
        least_volume=min(extent.least_volume * end_systolic_volume, unloaded),
        largest_volume=extent.largest_volume * cavity_volume(mesh.points, mesh),
    )


__all__ = ["Extent", "range_about"]
