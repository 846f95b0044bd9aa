"""Darcy's law of three compartments: a closed form on a box, then blood through a whole wall.

`darcy.png` shows the order of the first and, of the second, the pressures by the wall's depth.

`python experiments/darcy.py [path=subject] [rings=14] [layers=4] [flow_ml_min_g=1]
[output=folder]`: without `path` the wall is an ellipsoid of a human heart's size.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmark_bodies import box, ellipsoid
from experiment import run

from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.geometry import FibreAngles, TetMesh, fit_anatomy, frame_of, with_coordinates
from cardiotwin.geometry.template import Template
from cardiotwin.imaging import read_examination
from cardiotwin.perfusion.darcy.bed import DENSITY, Bed, three_compartments
from cardiotwin.perfusion.darcy.feeding import (
    CORONARIES,
    GivenInflow,
    fed_from_aorta,
    segment_territory,
)
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.steady import steady_flow
from cardiotwin.units import ML, MMHG
from cardiotwin.viz import theme

LENGTH = 0.01  # m, of the box
G = 1 / 60  # 1/s
WAVE = 0.5  # of the source's amplitude
AORTA = 90 * MMHG
CELLS = 20, 40, 80  # along the cosine
N_POINTS = len(quadrature_rule(QUADRATURE)[1])
ML_MIN_G = ML / 60 / 1e-3  # m^3/(s kg)


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    rings: int = 14
    layers: int = 4
    flow_ml_min_g: float = 1.0
    output: str = "outputs/darcy"


def amplitudes(bed: Bed) -> np.ndarray:
    """Return the amplitudes, Pa, of the pressures under a source g (1 + cos(pi x / L) / 2)."""
    wave = np.pi / LENGTH
    n = bed.n_compartments
    matrix = np.diag([one.permeability_along * wave**2 for one in bed.compartments])
    for k, b in enumerate(bed.exchange):
        matrix[k : k + 2, k : k + 2] += b * np.array([[1, -1], [-1, 1]])
    matrix[-1, -1] += bed.venous_conductance
    return np.asarray(np.linalg.solve(matrix, WAVE * G * np.eye(n)[0]))


def uniform(bed: Bed, g: float = G) -> np.ndarray:
    """Return the pressures, Pa, under an even source g, 1/s."""
    steps = g / np.array([*bed.exchange, bed.venous_conductance])
    return np.asarray(bed.venous_pressure + np.cumsum(steps[::-1])[::-1])


def cosine_error(bed: Bed, n: int) -> float:
    """Return the largest error, Pa, at the nodes of a box of n cells along x (the fibres')."""
    ticks, aside = np.linspace(0, LENGTH, n + 1), np.linspace(0, 2 * LENGTH / n, 3)
    mesh = box(ticks, aside, aside, sides={"base": ["x0"]})
    wall = PorousWall(mesh, np.broadcast_to([1.0, 0, 0], (len(mesh.cells), N_POINTS, 3)).copy())
    wave = np.cos(np.pi * mesh.points[wall.nodes, 0] / LENGTH)
    by_cell = G * (1 + WAVE * wall.to_cells(wave)) * wall.cell_volume
    source = GivenInflow(territory=np.arange(len(by_cell)), flow=by_cell)
    found = steady_flow(wall, bed, source).pressure
    return float(np.abs(found - uniform(bed)[:, None] - np.outer(amplitudes(bed), wave)).max())


def heart(options: Options) -> TetMesh:
    """Return the wall, cut as asked."""
    template = Template(rings=options.rings, layers=options.layers)
    if options.path:
        return fit_anatomy(read_examination(Path(options.path)), template).mesh
    mesh = ellipsoid(template, 3.5)
    return with_coordinates(mesh, frame_of(mesh))


def draw(
    errors: Sequence[float], depth: np.ndarray, pressure: np.ndarray, path: Path, *, layers: int
) -> None:
    """Write the error by cells, and the pressures of compartments, Pa, by the wall's depth."""
    at = np.rint(depth * layers).astype(np.int64)
    with theme.figure(9.6, 3.8) as fig:
        left, right = fig.subplots(1, 2)
        left.loglog(CELLS, errors, "o-", color=theme.BLUE, label="largest at a node")
        second = errors[0] * (CELLS[0] / np.array(CELLS)) ** 2
        left.loglog(CELLS, second, "--", color=theme.GREY, label="second order")
        left.set_xlabel("cells along a source's cosine")
        left.set_ylabel("error of the pressure, Pa")
        left.legend()
        colours = (theme.VERMILION, theme.ORANGE, theme.BLUE)
        for k, (row, colour) in enumerate(zip(pressure, colours, strict=True)):
            mean = np.bincount(at, row) / np.bincount(at)
            words = ("arteries", "small vessels", "veins")[k]
            right.plot(
                np.arange(layers + 1) / layers, mean / MMHG, "o-", color=colour, label=words
            )
        right.set_xlabel("depth in the wall, endocardium to epicardium")
        right.set_ylabel("pressure, mmHg")
        right.set_ylim(bottom=0)
        right.legend(loc="lower center", ncols=3)
        fig.tight_layout()
        theme.save(fig, path)


def solve(options: Options) -> Mapping[str, float]:
    """Return the order of the cosine's error, and what a wall's flow costs and balances to.

    `cpu_s` is all from mesh and fibres to blood flow by cell: dolfinx's mesh, assembly, solution.
    """
    bed = three_compartments()
    errors = [cosine_error(bed, n) for n in CELLS]
    mesh = heart(options)
    start = time.process_time()
    fibres = FibreAngles().axes(mesh, quadrature_rule(QUADRATURE)[0])[0]
    between = time.process_time()
    wall = PorousWall(mesh, fibres)
    territory = segment_territory(mesh)
    mass = DENSITY * np.bincount(territory, wall.cell_volume)
    given = GivenInflow(territory=territory, flow=options.flow_ml_min_g * ML_MIN_G * mass)
    found = steady_flow(wall, bed, given)
    even = uniform(bed, options.flow_ml_min_g * ML_MIN_G * DENSITY)
    spent = time.process_time() - between
    fed = steady_flow(wall, bed, fed_from_aorta(bed, territory), aortic_pressure=AORTA)
    depth = mesh.point_fields["transmural"][wall.nodes]
    draw(errors, depth, fed.pressure, Path(options.output) / "darcy.png", layers=options.layers)
    result = {
        "order": float(np.log2(errors[1] / errors[2])),
        "cosine_error_pa": errors[-1],
        "uniform_error_pa": float(np.abs(found.pressure - even[:, None]).max()),
        "balance_error": max(found.balance_error, fed.balance_error),
        "cells": float(len(mesh.cells)),
        "wells": float(wall.n_wells),
        "fibres_cpu_s": between - start,
        "cpu_s": spent,
    }
    for name, flow in zip(CORONARIES, fed.inflow, strict=True):
        result[f"{name}_flow_ml_min"] = float(flow / ML * 60)
    return result | {"fed_mbf_ml_min_g": float(wall.mean(fed.mbf) / ML_MIN_G)}


if __name__ == "__main__":
    run(Options, solve)
