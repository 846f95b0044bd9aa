"""An incompressible thick sphere of a neo-Hookean solid under pressure, against its closed form.

`python experiments/sphere.py refinement=2 output=folder`. Half of it is solved; its cut slides on
a plane. With the stretches a/A at the inner and b/B at the outer radius and b^3 - B^3 = a^3 - A^3,
p = mu/2 [4 B/b + (B/b)^4 - 4 A/a - (A/a)^4] (Ogden 1984, Non-linear Elastic Deformations, ch. 5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from benchmark_bodies import MM, constant_axes, half_sphere
from experiment import run

from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import NeoHookean
from cardiotwin.mechanics.springs import Springs

INNER, OUTER = 20 * MM, 30 * MM
STRETCH = 1.3  # of the inner radius
LAW = NeoHookean(mu=2e3)


@dataclass(frozen=True, kw_only=True)
class Options:
    refinement: int = 2
    output: str = "outputs/sphere"


def pressure(stretch: float) -> float:
    """Return the pressure, Pa, at a stretch of the inner radius."""
    outer = radius(OUTER, stretch) / OUTER
    ends = [4 / length + length**-4 for length in (outer, stretch)]
    return LAW.mu / 2 * (ends[0] - ends[1])


def radius(before: Any, stretch: float) -> Any:
    """Return the radius, m, that a radius becomes."""
    return (before**3 + (stretch**3 - 1) * INNER**3) ** (1 / 3)


def solve(options: Options) -> Mapping[str, float]:
    """Return the errors on one mesh."""
    template = Template(rings=3 * options.refinement, layers=options.refinement)
    mesh = half_sphere(template, INNER, OUTER)
    # The plane is a wall of springs, far stiffer than the solid; along it only turns are held.
    springs = Springs(pericardium=0.0, base_normal=1e13, base_plane=1.0, annulus=0.0)
    body = Body(mesh, constant_axes(mesh), material=LAW, springs=springs)
    loaded = body.load(body.rest(), Loads(cavity_pressure=pressure(STRETCH)))
    points = mesh.points + body.fields.nodal.to_nodes(body.displacement(loaded))
    before, after = (np.linalg.norm(x, axis=1) for x in (mesh.points, points))
    exact = mesh.points * (radius(before, STRETCH) / before)[:, None]
    inside = np.unique(mesh.facets["lv_endocardium"])
    moved = np.linalg.norm(exact - mesh.points, axis=1)
    error = np.linalg.norm(points - exact, axis=1)
    return {
        "inner_stretch": float(after[inside].mean() / INNER),
        "inner_stretch_exact": STRETCH,
        "displacement_error": float(np.sqrt(np.mean(error**2) / np.mean(moved**2))),
        "largest_error_um": float(error.max() * 1e6),
        "pressure_kpa": pressure(STRETCH) / 1e3,
        "n_cells": len(mesh.cells),
        "n_dofs": len(loaded.unknown),
    }


if __name__ == "__main__":
    run(Options, solve)
