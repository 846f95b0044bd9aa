"""Relaxation times of tissues by field strength: one table, each value with its source.

The T1 of an inversion recovery and the T1 that MOLLI reports are two quantities: the first makes
signals, the second is what a simulated or measured MOLLI is compared with. No function turns one
into the other.
"""

from dataclasses import dataclass
from typing import Literal

from cardiotwin.errors import InputError
from cardiotwin.units import MS

type T1Method = Literal["inversion_recovery", "molli"]

STANISZ = "Stanisz et al. (2005), MRM 54:507-512"
OSIPI = "OSIPI TF2.4 phantom, after Stanisz et al. (2005), MRM 54:507-512"
WISSMANN = "Wissmann et al. (2014), JCMR 16:63"
WATERTON = "Waterton et al. (2021), as in dcmri 0.6"
GRANITZ = "Granitz et al. (2018), doi 10.1007/s00508-018-1411-3, 60 healthy people"


@dataclass(frozen=True, kw_only=True)
class Tissue:
    """What a tissue brings to the signal at one field strength.

    Parameters
    ----------
    name
        As in the table.
    field_strength
        T.
    t1, t2, t2_star
        Relaxation times, s; None where no T2* is known.
    t1_sd, t2_sd
        Standard deviation between people, s, where the source has it.
    proton_density
        Relative to water.
    t1_method
        What was measured as T1.
    source
        Where the values come from.
    """

    name: str
    field_strength: float
    t1: float
    t2: float
    proton_density: float
    t2_star: float | None = None
    t1_sd: float | None = None
    t2_sd: float | None = None
    t1_method: T1Method = "inversion_recovery"
    source: str


def _row(
    name: str,
    field_strength: float,
    times: tuple[float, float],
    source: str,
    *,
    density: float,
    star: float | None = None,
) -> Tissue:
    return Tissue(
        name=name,
        field_strength=field_strength,
        t1=times[0] * MS,
        t2=times[1] * MS,
        t2_star=None if star is None else star * MS,
        proton_density=density,
        source=source,
    )


# T1, T2 (and T2*) in ms; the densities and T2* of all rows, and the times of fat, lung, marrow and
# liver at 1.5 T, are those of Wissmann et al. (2014).
TISSUES = (
    _row("myocardium", 1.5, (1030, 40), STANISZ, star=31, density=0.80),
    _row("myocardium", 3.0, (1471, 47), STANISZ, density=0.80),
    _row("blood", 1.5, (1441, 290), STANISZ, star=50, density=0.95),
    _row("blood", 3.0, (1932, 275), STANISZ, density=0.95),
    _row("muscle", 1.5, (1008, 44), STANISZ, star=31, density=0.80),
    _row("muscle", 3.0, (1412, 50), STANISZ, density=0.80),
    _row("liver", 1.5, (590, 43), WISSMANN, star=31, density=0.80),
    _row("liver", 3.0, (752, 42), WATERTON, density=0.80),
    _row("spleen", 1.5, (1057, 79), OSIPI, density=0.85),
    _row("spleen", 3.0, (1328, 61), OSIPI, density=0.85),
    _row("fat", 1.5, (300, 85), WISSMANN, density=0.70),
    _row("lung", 1.5, (1185, 40), WISSMANN, star=1, density=0.12),
    _row("marrow", 1.5, (550, 50), WISSMANN, density=0.45),
    Tissue(
        name="myocardium",
        field_strength=1.5,
        t1=995.8 * MS,
        t2=55.8 * MS,
        proton_density=0.80,
        t1_sd=30.9 * MS,
        t2_sd=2.8 * MS,
        t1_method="molli",
        source=GRANITZ,
    ),
    Tissue(
        name="myocardium",
        field_strength=3.0,
        t1=1183.8 * MS,
        t2=51.6 * MS,
        proton_density=0.80,
        t1_sd=37.5 * MS,
        t2_sd=3.0 * MS,
        t1_method="molli",
        source=GRANITZ,
    ),
)


def tissue(name: str, field_strength: float, t1_method: T1Method = "inversion_recovery") -> Tissue:
    """Return the row of a tissue.

    Raises
    ------
    InputError
        If the table has no such row.
    """
    for row in TISSUES:
        if (row.name, row.field_strength, row.t1_method) == (name, field_strength, t1_method):
            return row
    known = ", ".join(
        f"{row.name} at {row.field_strength:g} T" for row in TISSUES if row.t1_method == t1_method
    )
    msg = (
        f"The table has no {name!r} at {field_strength:g} T with the T1 of {t1_method}. "
        f"It has {known}."
    )
    raise InputError(msg)


__all__ = ["TISSUES", "T1Method", "Tissue", "tissue"]
