"""How bright a tissue is in a balanced steady-state cine at 1.5 T.

Relaxation times: `cardiotwin.imaging.tissue`.
"""

from dataclasses import dataclass, replace

import numpy as np

from cardiotwin.imaging.tissue import tissue

FIELD_STRENGTH = 1.5  # T
_USUAL_STAR = 0.03  # s, of tissues without a T2* in the table; ours


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """What a tissue brings to the image.

    Parameters
    ----------
    name
        Of the tissue.
    proton_density
        Relative to water.
    t1, t2, t2_star
        Relaxation times, s.
    """

    name: str
    proton_density: float
    t1: float
    t2: float
    t2_star: float


def _relaxation(name: str) -> Relaxation:
    row = tissue(name, FIELD_STRENGTH)
    star = _USUAL_STAR if row.t2_star is None else row.t2_star
    return Relaxation(
        name=name, proton_density=row.proton_density, t1=row.t1, t2=row.t2, t2_star=star
    )


BLOOD = _relaxation("blood")
VENOUS = replace(BLOOD, name="venous_blood")
"""That of the right heart and of what leads to it, which a contrast agent reaches first."""
MYOCARDIUM = _relaxation("myocardium")
WALL = replace(MYOCARDIUM, name="wall")
"""The LV's wall, a tissue of its own: its values differ from place to place."""
MUSCLE = _relaxation("muscle")
FAT = _relaxation("fat")
LIVER = _relaxation("liver")
SPLEEN = _relaxation("spleen")
LUNG = _relaxation("lung")
MARROW = _relaxation("marrow")
TISSUES = (BLOOD, MYOCARDIUM, WALL, MUSCLE, FAT, LIVER, SPLEEN, LUNG, MARROW, VENOUS)


def balanced_signal(tissue: Relaxation, flip: float, repetition_time: float) -> float:
    """Return the steady-state signal on resonance with alternating pulses, TE = TR / 2.

    Scheffler & Lehnhardt (2003), Eur Radiol 13:2409-2418, eq. 1.
    """
    e1 = np.exp(-repetition_time / tissue.t1)
    e2 = np.exp(-repetition_time / tissue.t2)
    steady = np.sin(flip) * (1 - e1) / (1 - (e1 - e2) * np.cos(flip) - e1 * e2)
    return float(tissue.proton_density * steady * np.sqrt(e2))


__all__ = [
    "BLOOD",
    "FAT",
    "LIVER",
    "LUNG",
    "MARROW",
    "MUSCLE",
    "MYOCARDIUM",
    "SPLEEN",
    "TISSUES",
    "VENOUS",
    "WALL",
    "Relaxation",
    "balanced_signal",
]
