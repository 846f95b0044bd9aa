"""How bright a tissue is in a balanced steady-state cine at 1.5 T.

Relaxation times: `cardiotwin.imaging.tissue`.
"""

from dataclasses import dataclass

import numpy as np

from cardiotwin.imaging.tissue import tissue

FIELD_STRENGTH = 1.5  # T


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """What a tissue brings to the image.

    Parameters
    ----------
    proton_density
        Relative to water.
    t1, t2
        Relaxation times, s.
    """

    proton_density: float
    t1: float
    t2: float


def _relaxation(name: str) -> Relaxation:
    row = tissue(name, FIELD_STRENGTH)
    return Relaxation(proton_density=row.proton_density, t1=row.t1, t2=row.t2)


BLOOD = _relaxation("blood")
MYOCARDIUM = _relaxation("myocardium")
MUSCLE = _relaxation("muscle")
FAT = _relaxation("fat")
LIVER = _relaxation("liver")
SPLEEN = _relaxation("spleen")
LUNG = _relaxation("lung")
MARROW = _relaxation("marrow")


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
    "Relaxation",
    "balanced_signal",
]
