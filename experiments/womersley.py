"""Pulsatile flow in a pipe against Womersley's solution: the velocity and the pressure's fall.

`python experiments/womersley.py [edge=0.12] [steps=200] [output=folder]`: one period from the
exact field on, whose velocity is given at both ends; what is compared is inside, in the second
half of the period.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from exact_flows import womersley
from experiment import run

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity.disc import cut_disc
from cardiotwin.geometry.regions import Region, boundary, oriented
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import FluidDomain
from cardiotwin.haemodynamics.projection import Projection

PIPE, LENGTH, PERIOD = 1e-2, 1e-2, 0.8  # m, m, s
GRADIENT = 1e3  # Pa/m
FLUID = Fluid(density=1060.0, viscosity=4e-3)


@dataclass(frozen=True, kw_only=True)
class Options:
    edge: float = 0.12  # of the radius
    steps: int = 200
    output: str = "outputs/womersley"


def tube(edge: float) -> Region:
    """Return the pipe as discs on top of each other."""
    disc = cut_disc((), edge)
    n_disc, n_layers = len(disc.points), max(round(LENGTH / (edge * PIPE)), 3)
    heights = np.linspace(0, LENGTH, n_layers + 1)
    points = np.concatenate(
        [np.column_stack([PIPE * disc.points, np.full(n_disc, h)]) for h in heights]
    )
    a, b, c = np.sort(disc.triangles, axis=1).T
    prism = np.concatenate(
        [
            np.stack([a, b, c, a + n_disc], axis=1),
            np.stack([b, c, a + n_disc, b + n_disc], axis=1),
            np.stack([c, a + n_disc, b + n_disc, c + n_disc], axis=1),
        ]
    )
    cells = oriented(points, np.concatenate([prism + k * n_disc for k in range(n_layers)]))
    sides = boundary(cells)
    z = points[sides, 2]
    low, high = (z == 0).all(axis=1), (z == heights[-1]).all(axis=1)
    facets = {"inlet": sides[low], "outlet": sides[high], "wall": sides[~low & ~high]}
    return Region(points=points, cells=cells, facets=facets)


def solve(options: Options) -> Mapping[str, float]:
    """Return the largest errors over a period, of their amplitudes."""
    if options.steps < 10 or not 0.02 <= options.edge <= 0.16:
        msg = (
            f"womersley takes 10 steps or more and an edge of 0.02 to 0.16, found "
            f"steps={options.steps} edge={options.edge:g}."
        )
        raise InputError(msg)
    began = time.process_time()
    region, step, rate = tube(options.edge), PERIOD / options.steps, 2 * np.pi / PERIOD
    radius = np.hypot(*region.points[:, :2].T)

    def exact(moment: float) -> np.ndarray:
        along = womersley(
            radius,
            moment,
            gradient=GRADIENT,
            rate=rate,
            pipe=PIPE,
            density=FLUID.density,
            viscosity=FLUID.viscosity,
        )
        return np.column_stack([0 * along, 0 * along, along])

    flow = Projection(FluidDomain(region), FLUID, step, walls=list(region.facets))
    height = LENGTH - region.points[:, 2]
    flow.start(exact(0.0), GRADIENT * height, earlier=exact(-step))
    ends = [np.unique(region.facets[name]) for name in ("inlet", "outlet")]
    rows, largest = [], 0.0
    for k in range(1, options.steps + 1):
        moment = k * step
        truth = exact(moment)
        flow.step(truth)
        largest = max(largest, float(np.abs(truth).max()))
        drop = flow.pressure[ends[0]].mean() - flow.pressure[ends[1]].mean()
        wanted = GRADIENT * LENGTH * np.cos(rate * moment)
        rows.append([float(np.abs(flow.velocity - truth).max()), abs(drop - wanted)])
    half = np.array(rows[options.steps // 2 :])  # the beginning is forgotten
    return {
        "velocity_error": float(half[:, 0].max() / largest),
        "pressure_drop_error": float(half[:, 1].max() / (GRADIENT * LENGTH)),
        "cells": len(region.cells),
        "cpu_s": time.process_time() - began,
    }


if __name__ == "__main__":
    run(Options, solve)
