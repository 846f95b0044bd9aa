"""What one and two processes must agree on; as a program: `mpiexec -n 2 python ranks.py folder`.

Each case is solved from its beginning to a place where it is written, and from there to its end.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from mpi4py import MPI

from benchmark_bodies import constant_axes, ellipsoid

from cardiotwin.circulation import Circulation
from cardiotwin.coupling import ClosedLoop, Course, Journal, Moment
from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.active import Land2017
from cardiotwin.mechanics.active.prescribed import CalciumTransient
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.checkpoint import (
    motion_arrays,
    motion_from,
    read_arrays,
    solved_arrays,
    solved_from,
    write_arrays,
)
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.dynamics import Dynamics, Kinematics
from cardiotwin.mechanics.energy import EnergyBalance
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden, NeoHookean
from cardiotwin.mechanics.muscle import CrossBridgeMuscle
from cardiotwin.mechanics.schemes import BackwardEuler
from cardiotwin.mechanics.solved import Solved
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall

TIGHT = NewtonSettings(relative=1e-12, absolute=1e-10, iterations=25)
STEP = 5e-3  # s
MESH = ellipsoid(Template(rings=3, layers=1), size=3.5)
Arrays = dict[str, Any]


class Case(NamedTuple):
    """A way in two parts: to what is written, and on from there to what is compared."""

    begin: Callable[[], Arrays]
    go_on: Callable[[Arrays], Arrays]


def resting(wall: Wall) -> dict[str, Case]:
    """Return a wall with lids, a flat base and springs: loads given and sought, and unloading."""
    fields, loads = wall.body.fields, Loads(cavity_pressure=500.0)

    def inflated() -> Arrays:
        return solved_arrays(fields, wall.load(wall.body.rest(), loads))

    def contracted(arrays: Arrays) -> Arrays:
        start = solved_from(fields, arrays)
        end = wall.load(start, replace(loads, cavity_pressure=2e3, active_tension=8e3))
        changes = wall.volume_changes(end, {}, ("cavity_pressure", "active_tension"))
        numbers = {"fibre_stress": wall.fibre_stress(end), "volume": wall.volume(end)}
        return solved_arrays(fields, end) | numbers | dict(changes)

    def led(arrays: Arrays) -> Arrays:
        start = solved_from(fields, arrays)
        volume = 1.1 * wall.volume(start)
        return solved_arrays(
            fields, wall.load_to_volume(start, loads, volume, seek="cavity_pressure")
        )

    def unloaded() -> Arrays:
        return solved_arrays(fields, wall.unload(loads))

    def unloaded_more(arrays: Arrays) -> Arrays:
        end = wall.unload(replace(loads, cavity_pressure=1e3), solved_from(fields, arrays))
        return solved_arrays(fields, end)

    return {
        "contraction": Case(inflated, contracted),
        "volume": Case(inflated, led),
        "unloading": Case(unloaded, unloaded_more),
    }


def held(comm: MPI.Intracomm, **how: Any) -> Case:
    """Return a wall of penalty form without springs."""
    body = Body(
        MESH,
        constant_axes(MESH),
        material=HolzapfelOgden(),
        springs=None,
        discretisation=Discretisation(form="penalty", bulk_modulus=3.5e5, newton=TIGHT),
        comm=comm,
        **how,
    )

    def loaded(pressure: float, start: Solved) -> Arrays:
        return solved_arrays(body.fields, body.load(start, Loads(cavity_pressure=pressure)))

    return Case(
        lambda: loaded(300.0, body.rest()),
        lambda arrays: loaded(800.0, solved_from(body.fields, arrays)),
    )


def moving(body: Body) -> Case:
    """Return steps of a wall with inertia and viscosity, and their energies."""
    dynamics = Dynamics(body, viscosity=50.0, newton=TIGHT)
    balance, fields = EnergyBalance(dynamics), body.fields

    def stepped(motion: Kinematics, *pressures: float) -> Arrays:
        for pressure in pressures:
            motion = dynamics.step(motion, Loads(cavity_pressure=pressure), STEP)
        return motion_arrays(fields, motion) | vars(balance.at(motion))

    return Case(
        lambda: stepped(dynamics.rest(body.rest()), 50.0, 200.0, 300.0),
        lambda arrays: stepped(motion_from(fields, arrays), 350.0),
    )


def beating(comm: MPI.Intracomm, folder: Path) -> Case:
    """Return steps of a soft wall whose cross-bridges beat in the loop, kept by its journal."""
    body = Body(
        MESH,
        constant_axes(MESH),
        material=NeoHookean(mu=8e3),
        springs=None,
        pointwise=True,
        free=True,
        discretisation=Discretisation(form="penalty", bulk_modulus=3e5, newton=TIGHT),
        comm=comm,
    )
    dynamics = Dynamics(body, scheme=BackwardEuler(), newton=TIGHT)
    muscle = CrossBridgeMuscle(dynamics, Land2017(), CalciumTransient().value)
    loop, fields = ClosedLoop(dynamics, Circulation(), muscle), body.fields

    def stepped(moment: Moment, n_steps: int) -> Moment:
        for _ in range(n_steps):
            moment = loop.step(moment, STEP)
        return moment

    def begun() -> Arrays:
        filled = body.load(body.rest(), Loads(cavity_pressure=500.0))
        start = loop.begin(filled, loop.circulation.start(outside={"lv": 500.0}))
        end = stepped(start, 3)
        Journal(folder / f"journal_{comm.size}").write(Course().grown(end), end, fields)
        return motion_arrays(fields, end.wall)

    def gone_on(arrays: Arrays) -> Arrays:
        size = int(arrays["size"])
        read = Journal(folder / f"journal_{size}").read(fields)
        assert read is not None
        end = stepped(read[1], 2)
        assert end.bridges is not None
        numbers = {"tension": end.bridges.mean_tension} | end.loop.volume._asdict()
        return motion_arrays(fields, end.wall) | numbers

    return Case(begun, gone_on)


def cases(comm: MPI.Intracomm, folder: Path) -> dict[str, Case]:
    """Return the cases by name; journals are kept in the folder."""
    wall = coarse_wall(comm)
    return resting(wall) | {
        "free": held(comm, free=True),
        "clamped": held(comm, clamped=("base",)),
        "motion": moving(wall.body),
        "beat": beating(comm, folder),
    }


def main(folder: Path) -> None:
    """Write where the cases begin, and how they go on from another's beginnings."""
    comm = MPI.COMM_WORLD
    for name, case in cases(comm, folder).items():
        size = {"size": comm.size}
        own = case.begin() | size
        write_arrays(folder / f"{name}_of_{comm.size}.npz", own, comm)
        other = read_arrays(folder / f"{name}_of_1.npz")
        for start in (own, other):
            path = folder / f"{name}_of_{start['size']}_by_{comm.size}.npz"
            write_arrays(path, case.go_on(start), comm)


def coarse_wall(comm: MPI.Intracomm) -> Wall:
    """Return the ventricle of the other tests, spread over the processes."""
    return Wall(
        MESH,
        angles=FibreAngles(),
        material=HolzapfelOgden(),
        springs=Springs(),
        discretisation=Discretisation(newton=TIGHT),
        comm=comm,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
