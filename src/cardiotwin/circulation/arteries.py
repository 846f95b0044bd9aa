"""What a loop may have beside its eight stores: valves whose blood has inertia, and an aorta.

Valves: Mynard, Davidson, Penny & Smolich (2012), Int J Num Meth Biomed Eng 28:626-641,
eq. 1-10. Aorta: a ladder of equal segments (Westerhof, Bosman, De Vries & Noordergraaf 1969,
J Biomech 2:121-143), and a T of tubes (Burattini & Campbell 1989, IEEE Trans Biomed Eng
36:805-811). `tract` moves the blood in them.
"""

import math
from dataclasses import dataclass, fields

from cardiotwin.circulation.checks import check_positive
from cardiotwin.errors import InputError
from cardiotwin.units import ML, MMHG


@dataclass(frozen=True, kw_only=True)
class InertialValve:
    """Leaflets that take time, round blood that has mass: it may flow back while they close.

    Parameters
    ----------
    area
        Effective, of the open orifice, m^2.
    length
        Of the blood accelerated in it, m.
    opening_rate, closing_rate
        Of the leaflets by the pressure across them, 1/(Pa s).
    bulge
        Volume by which shut leaflets give way to a pressure across them, m^3/Pa.

    Notes
    -----
    With the open share z, dp = rho Q|Q|/(2 A^2) + (rho l/A) dQ/dt at A = z area and
    dz/dt = (1 - z) K_open dp, or z K_close dp where dp < 0. Ours, for explicit steps: dp moves
    the leaflets at r tanh(K dp/r), r = 400/s. Ours, for the aorta's pressure before it opens and
    as it shuts: shut leaflets are a membrane, which the blood before them pushes out by
    dW/dt = (1 - z)^4 Q against W/bulge, damped at 300/s, and which is slack when they are open.
    """

    area: float
    length: float
    opening_rate: float
    closing_rate: float
    bulge: float = 0.005 * ML / MMHG

    def __post_init__(self) -> None:
        """Refuse a valve that is none."""
        for item in fields(self):
            check_positive(self, item.name)

    @property
    def law(self) -> str:
        """Return that the flow is a state of its own."""
        return "inertial"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """The arteries of head and arms beside those of the body, each with reflections of its own.

    The shorter tube of the T of Burattini & Campbell (1989), lumped: its blood's mass, then one
    compliance, which a resistance parts from the systemic arteries.

    Parameters
    ----------
    compliance
        m^3/Pa.
    inertance
        Pa s^2/m^3.
    termination
        Resistance at its end, Pa s/m^3.
    """

    compliance: float
    inertance: float
    termination: float

    def __post_init__(self) -> None:
        """Refuse an arm that is none."""
        for item in fields(self):
            check_positive(self, item.name)


@dataclass(frozen=True, kw_only=True)
class Aorta:
    """A ladder of equal segments between the aortic valve and the systemic arteries.

    Parameters
    ----------
    compliance
        Of the whole, m^3/Pa.
    inertance
        Of the whole, Pa s^2/m^3.
    resistance
        Of the whole, Pa s/m^3.
    termination
        Resistance at its end, Pa s/m^3: where it is sqrt(inertance/compliance), a fast wave is
        not reflected.
    viscosity
        Of the wall, s: p = (V + viscosity dV/dt)/C; of 0, the wall is elastic.
    impedance
        In series at its inlet, Pa s/m^3: what a jump of the flow meets at once, for which a
        ladder of few segments is too slow.
    segments
        How many.
    arm
        Beside the ladder, from its first segment; by default none.
    """

    compliance: float
    inertance: float
    resistance: float
    termination: float
    viscosity: float = 0.0
    impedance: float = 0.0
    segments: int = 3
    arm: Arm | None = None

    def __post_init__(self) -> None:
        """Refuse an aorta that is none."""
        for name in ("compliance", "inertance", "resistance", "termination"):
            check_positive(self, name)
        for name in ("viscosity", "impedance"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                msg = (
                    f"Aorta.{name} must be finite and not negative, found {value:g}. Give it in "
                    "s or Pa s/m^3, or 0."
                )
                raise InputError(msg)
        if self.segments < 1 or self.segments != int(self.segments):
            msg = f"An aorta has one segment or more, found {self.segments}. Give 1 to 10."
            raise InputError(msg)


def aortic_valve() -> InertialValve:
    """Return the adult's aortic valve (Mynard et al. 2012, table III)."""
    return InertialValve(area=4.9e-4, length=0.01, opening_rate=0.12, closing_rate=0.12)


def mitral_valve() -> InertialValve:
    """Return the adult's mitral valve (Mynard et al. 2012, table III)."""
    return InertialValve(area=5.1e-4, length=0.02, opening_rate=0.3, closing_rate=0.4)


def aorta(compliance: float = 1.0 * ML / MMHG) -> Aorta:
    """Return an aorta of a compliance, m^3/Pa, and a characteristic impedance of 0.045 mmHg s/mL.

    Impedance: Nichols & O'Rourke (2011), McDonald's Blood Flow in Arteries, ch. 12.
    """
    impedance = 0.045 * MMHG / ML
    return Aorta(
        compliance=compliance,
        inertance=impedance**2 * compliance,
        resistance=0.1 * impedance,
        termination=impedance,
        viscosity=0.005,
        impedance=impedance,
    )


__all__ = ["Aorta", "Arm", "InertialValve", "aorta", "aortic_valve", "mitral_valve"]
