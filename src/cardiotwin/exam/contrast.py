"""How bright a tissue is in a balanced steady-state cine at 1.5 T.

Relaxation times: Stanisz et al. (2005), MRM 54:507-512, and the values of
Wissmann et al. (2014), JCMR 16:63, for fat, lung and bone.
"""

from dataclasses import dataclass

import numpy as np

from cardiotwin.units import MS


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


BLOOD = Relaxation(proton_density=0.95, t1=1441 * MS, t2=290 * MS)
MYOCARDIUM = Relaxation(proton_density=0.80, t1=1030 * MS, t2=40 * MS)
MUSCLE = Relaxation(proton_density=0.80, t1=1008 * MS, t2=44 * MS)
FAT = Relaxation(proton_density=0.70, t1=300 * MS, t2=85 * MS)
LIVER = Relaxation(proton_density=0.80, t1=590 * MS, t2=43 * MS)
SPLEEN = Relaxation(proton_density=0.85, t1=1057 * MS, t2=79 * MS)
LUNG = Relaxation(proton_density=0.12, t1=1185 * MS, t2=40 * MS)
MARROW = Relaxation(proton_density=0.45, t1=550 * MS, t2=50 * MS)


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
