"""The recipe of the built-in volunteer: a healthy adult whose every parameter is known.

Sizes are those of healthy adults by cine MR (Petersen et al. 2017, JCMR 19:18:
end-diastolic volume 143 (34) mL, ejection fraction 60 (6) %, LV mass 70 to 103 g by sex, with
papillary muscles in the cavity); the way the heart lies is rounded from one real examination.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.exam.limits import require_between, require_positive
from cardiotwin.exam.scan import Scan
from cardiotwin.exam.shape import Shape, wall_surface
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.template import Template, wall_mesh
from cardiotwin.units import MMHG, MS

_END_SYSTOLIC_SHARE = 0.9  # of the systolic cuff pressure


@dataclass(frozen=True, kw_only=True)
class Volunteer:
    """A healthy adult with known truth.

    Parameters
    ----------
    identifier, age, sex, height, mass
        The person: years, m, kg.
    heart_rate
        Beats / s.
    cuff_systolic, cuff_diastolic
        Arm cuff, Pa.
    end_diastolic_pressure
        LV cavity at end-diastole, Pa; the end-systolic one is `end_systolic_pressure`.
    end_diastolic_pressure_sd
        What the subject's file states as its uncertainty, Pa.
    diastolic_pressures, diastolic_pressure_sd
        Relaxed cavity pressures at which the volume was measured too (a catheter while the filling
        was varied), Pa; none leaves the empirical relation of Klotz.
    end_systole_time
        Seconds after the R wave.
    passive_scale
        Factor on the passive law's stresses (1: the law as published).
    passive_exponent
        Factor on the passive law's exponents.
    ejection_fraction
        Share of the end-diastolic volume that is ejected; the true contractility is the active
        tension that holds the rest against the end-systolic pressure.
    template
        How fine the true wall is cut: finer than a fit's eight rings and two layers.
    shape, scan
        The heart and the examination.
    seed
        Of everything random: slice shifts, labels, image noise.
    """

    identifier: str = "volunteer"
    age: float = 41.0
    sex: str = "male"
    height: float = 1.76
    mass: float = 74.0
    heart_rate: float = 64 / 60
    cuff_systolic: float = 120 * MMHG
    cuff_diastolic: float = 75 * MMHG
    end_diastolic_pressure: float = 10 * MMHG
    end_diastolic_pressure_sd: float = 2 * MMHG
    diastolic_pressures: tuple[float, ...] = ()
    diastolic_pressure_sd: float = 0.5 * MMHG
    end_systole_time: float = 340 * MS
    passive_scale: float = 0.8
    passive_exponent: float = 2.8
    ejection_fraction: float = 0.6
    template: Template = field(default_factory=lambda: Template(rings=10, layers=2))
    shape: Shape = field(default_factory=Shape)
    scan: Scan = field(default_factory=Scan)
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers that no person has."""
        for name in ("age", "height", "mass", "passive_scale", "passive_exponent"):
            require_positive(self, name)
        require_between(self, "heart_rate", 0.4, 3.5)
        require_between(self, "end_systole_time", 0.1, 0.8 / self.heart_rate)
        require_between(self, "ejection_fraction", 0.05, 0.85)
        require_between(self, "cuff_systolic", 60 * MMHG, 260 * MMHG)
        require_between(self, "cuff_diastolic", 30 * MMHG, self.cuff_systolic)
        require_between(self, "end_diastolic_pressure", 1 * MMHG, 40 * MMHG)
        require_between(self, "end_diastolic_pressure_sd", 0.0, 20 * MMHG)
        require_between(self, "diastolic_pressure_sd", 0.0, 20 * MMHG)
        require_between(self, "seed", 0, 2**63 - 1)
        if not all(0.5 * MMHG <= pressure <= 40 * MMHG for pressure in self.diastolic_pressures):
            found = ", ".join(f"{pressure:g}" for pressure in self.diastolic_pressures)
            msg = (
                f"Volunteer.diastolic_pressures must lie between {0.5 * MMHG:.0f} and "
                f"{40 * MMHG:.0f} Pa, found {found}. Give them in Pa: 10 mmHg are {10 * MMHG:.0f}."
            )
            raise InputError(msg)

    @property
    def end_systolic_pressure(self) -> float:
        """Return 0.9 times the systolic cuff pressure, Pa.

        Kelly et al. (1992), Circulation 86:513-521.
        """
        return _END_SYSTOLIC_SHARE * self.cuff_systolic


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueBeat:
    """The volunteer's wall at the moments that are imaged, on the true mesh's nodes.

    Parameters
    ----------
    unloaded
        Without pressure and tension, m.
    end_diastole, end_systole
        In equilibrium with the volunteer's pressures, m.
    contractility
        Active tension at end-systole, Pa.
    diastolic_volumes
        Relaxed cavity volumes at the recipe's `diastolic_pressures`, m^3.
    """

    unloaded: Float[np.ndarray, "nodes 3"]
    end_diastole: Float[np.ndarray, "nodes 3"]
    end_systole: Float[np.ndarray, "nodes 3"]
    contractility: float
    diastolic_volumes: tuple[float, ...] = ()


BeatSolver = Callable[[Volunteer, TetMesh], TrueBeat]
"""Mechanics: from the recipe and the wall as wanted at end-diastole to the true beat."""


def end_diastolic_wall(volunteer: Volunteer) -> TetMesh:
    """Return the wall as the recipe wants it at end-diastole, with its coordinates."""
    return wall_mesh(volunteer.template, wall_surface(volunteer.shape))


__all__ = ["BeatSolver", "TrueBeat", "Volunteer", "end_diastolic_wall"]
