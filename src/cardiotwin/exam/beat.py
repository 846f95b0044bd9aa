"""The volunteer's true beat: our own mechanics, forward, with the recipe's parameters."""

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
    contracts against the end-systolic pressure.

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
    unloaded = wall.unload(
        Loads(
            cavity_pressure=volunteer.end_diastolic_pressure,
            passive_scale=volunteer.passive_scale,
            passive_exponent=volunteer.passive_exponent,
        )
    )
    end_diastole = wall.imaged(unloaded)
    end_systole = wall.load(
        end_diastole,
        Loads(
            cavity_pressure=volunteer.end_systolic_pressure,
            active_tension=volunteer.contractility,
            passive_scale=volunteer.passive_scale,
            passive_exponent=volunteer.passive_exponent,
        ),
    )
    return TrueBeat(
        unloaded=wall.points(unloaded),
        end_diastole=wall.points(end_diastole),
        end_systole=wall.points(end_systole),
    )


__all__ = ["solve_beat"]
