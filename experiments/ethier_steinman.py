"""Orders of the flow solver on the exact flow of Ethier & Steinman, on a mesh that rests or moves.

`python experiments/ethier_steinman.py [moving=true|false] [finest=24] [output=folder]`

Space: four meshes of the cube [-1, 1]^3 at steps so short that they do not matter. Time: three
steps on the finest mesh in a more viscous fluid, which the same flow obeys and which makes it
decay fast, by the changes of the result.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from exact_flows import ethier_steinman, relative_errors, swirling_mesh
from experiment import run

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import box
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import FluidDomain
from cardiotwin.haemodynamics.projection import Projection

THIN, THICK = 0.04, 1.0  # kinematic viscosities, m^2/s
STEPS, SHORT = 20, 5e-3  # of the study in space, s
LONG = 0.4  # s, of the study in time
CUTS = (4, 8, 16)  # steps of it


class Switch(StrEnum):
    TRUE = "true"
    FALSE = "false"


@dataclass(frozen=True, kw_only=True)
class Options:
    moving: Switch = Switch.FALSE
    finest: int = 24
    output: str = "outputs/ethier_steinman"


def solve(
    n: int, steps: int, time_step: float, viscosity: float, *, moving: bool
) -> tuple[np.ndarray, float, float]:
    """Return the velocity at the end, and the relative errors of velocity and pressure."""
    region = box((n, n, n), (-1.0,) * 3, (1.0,) * 3)

    def place(moment: float) -> tuple[np.ndarray, np.ndarray]:
        if moving:
            return swirling_mesh(region.points, moment)
        return region.points, np.zeros_like(region.points)

    def exact(points: np.ndarray, moment: float) -> tuple[np.ndarray, np.ndarray]:
        return ethier_steinman(points, moment, viscosity)

    fluid = Fluid(density=1.0, viscosity=viscosity)
    flow = Projection(FluidDomain(region), fluid, time_step, walls=["wall"])
    earlier = exact(place(-time_step)[0], -time_step)[0]
    flow.start(*exact(place(0.0)[0], 0.0), earlier=earlier)
    points = region.points
    for k in range(1, steps + 1):
        moment = k * time_step
        points, speed = place(moment)
        flow.step(exact(points, moment)[0], points=points, mesh_velocity=speed)
    found = (flow.velocity, flow.pressure)
    end = steps * time_step
    return found[0], *relative_errors(region, points, found, lambda x: exact(x, end))


def orders(options: Options) -> Mapping[str, float | list[float]]:
    """Return the orders and the errors that they are read from."""
    if options.finest < 12:
        msg = f"finest must be at least 12, found {options.finest}. Coarser meshes tell no order."
        raise InputError(msg)
    moving = options.moving is Switch.TRUE
    start = time.process_time()
    cuts = [round(options.finest * share) for share in (1 / 3, 1 / 2, 3 / 4, 1)]
    errors = np.array([solve(n, STEPS, SHORT, THIN, moving=moving)[1:] for n in cuts])
    slopes = np.polyfit(np.log(1 / np.array(cuts[1:])), np.log(errors[1:]), 1)[0]
    results = [solve(options.finest, n, LONG / n, THICK, moving=moving)[0] for n in CUTS]
    changes = [np.linalg.norm(b - a) for a, b in pairwise(results)]
    return {
        "order_velocity": float(slopes[0]),
        "order_pressure": float(slopes[1]),
        "order_time": float(np.log2(changes[0] / changes[1])),
        "velocity_errors": errors[:, 0].tolist(),
        "pressure_errors": errors[:, 1].tolist(),
        "cpu_s": time.process_time() - start,
    }


if __name__ == "__main__":
    run(Options, orders)
