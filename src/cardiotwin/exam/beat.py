"""The volunteer's true beat: our own mechanics, forward, with the recipe's parameters."""

from dataclasses import replace

from cardiotwin.exam.volunteer import TrueBeat, Volunteer
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden, Material
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall


def solve_beat(
    volunteer: Volunteer,
    mesh: TetMesh,
    *,
    angles: FibreAngles | None = None,
    material: Material | None = None,
    springs: Springs | None = None,
) -> TrueBeat:
    """Return the equilibria of the recipe's wall: unloaded, end-diastole, end-systole.

    The wall is unloaded such that the end-diastolic pressure gives the recipe's shape, then
    contracts at constant volume up to the end-systolic pressure and ejects against it.

    Raises
    ------
    ConvergenceError
        If there is no such equilibrium within reach of the load steps.
    """
    wall = Wall(
        mesh,
        angles=angles or FibreAngles(),
        material=material or HolzapfelOgden(),
        springs=springs or Springs(),
    )
    relaxed = Loads(
        cavity_pressure=volunteer.end_diastolic_pressure,
        passive_scale=volunteer.passive_scale,
        passive_exponent=volunteer.passive_exponent,
    )
    unloaded = wall.unload(relaxed)
    end_diastole = wall.imaged(unloaded)
    pressure = volunteer.end_systolic_pressure
    filled = [
        wall.load(end_diastole, replace(relaxed, cavity_pressure=other), first_step=0.5)
        for other in volunteer.diastolic_pressures
    ]
    loads = replace(relaxed, cavity_pressure=pressure)
    full = wall.volume(end_diastole)
    contracted = wall.load_to_volume(end_diastole, loads, full, first_step=0.02)
    left = (1 - volunteer.ejection_fraction) * full
    end_systole = wall.load_to_volume(contracted, loads, left)
    return TrueBeat(
        unloaded=wall.points(unloaded),
        end_diastole=wall.points(end_diastole),
        end_systole=wall.points(end_systole),
        contractility=end_systole.loads.active_tension,
        diastolic_volumes=tuple(wall.volume(one) for one in filled),
    )


__all__ = ["solve_beat"]
