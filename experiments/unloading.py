"""A ventricle is unloaded; the unloaded shape, as a mesh of its own, is inflated again.

`python experiments/unloading.py refinement=2 output=folder`
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from benchmark_bodies import ellipsoid
from experiment import run

from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.fibres import FibreAngles, fibre_axes
from cardiotwin.geometry.shapes import jacobians
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.units import MMHG

DIASTOLE = Loads(cavity_pressure=10 * MMHG, passive_scale=2.0, passive_exponent=2.5)


@dataclass(frozen=True, kw_only=True)
class Options:
    refinement: int = 2
    output: str = "outputs/unloading"


def solve(options: Options) -> Mapping[str, float]:
    """Return how far the inflated shape is from the image; the base is fixed in both problems."""
    template = Template(rings=4 * options.refinement, layers=options.refinement)
    imaged = ellipsoid(template, size=3.5)
    points, _ = quadrature_rule(QUADRATURE)
    f, s, n = fibre_axes(imaged, FibreAngles(), points)
    law = HolzapfelOgden()
    body = Body(imaged, (f, s, n), material=law, springs=None, clamped=("base",))
    unloaded = body.unload(body.rest(), DIASTOLE)
    moved = body.fields.nodal.to_nodes(body.displacement(unloaded))
    mesh = replace(imaged, points=imaged.points + moved)
    back = jacobians(mesh.points, mesh, points) @ np.linalg.inv(
        jacobians(imaged.points, imaged, points)
    )
    f, s, n = (np.einsum("cqij,cqj->cqi", back, axis) for axis in (f, s, n))
    second = Body(mesh, (f, s, n), material=law, springs=None, clamped=("base",))
    inflated = second.load(second.rest(DIASTOLE), DIASTOLE)
    found = mesh.points + second.fields.nodal.to_nodes(second.displacement(inflated))
    distance = np.linalg.norm(found - imaged.points, axis=1)
    ratio = cavity_volume(mesh.points, mesh) / cavity_volume(imaged.points, imaged)
    return {
        "unloaded_over_imaged_volume": ratio,
        "largest_distance_nm": float(distance.max() * 1e9),
        "n_cells": len(mesh.cells),
        "n_dofs": len(inflated.unknown),
    }


if __name__ == "__main__":
    run(Options, solve)
