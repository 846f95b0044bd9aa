"""What was measured of a heart, as the fit takes it: values with standard deviations."""

from dataclasses import dataclass

import numpy as np

from cardiotwin.errors import Flag, InputError
from cardiotwin.fitting.klotz import Klotz
from cardiotwin.geometry.anatomy import Anatomy
from cardiotwin.imaging.examination import Phase, Structure, Subject, View
from cardiotwin.units import ML, MMHG

PLAUSIBLE = {  # mmHg
    "end_diastolic": (3.0, 40.0),
    "end_systolic": (40.0, 250.0),
    "rv_end_diastolic": (0.0, 30.0),
    "rv_end_systolic": (5.0, 120.0),
}
POINT_SD = 0.01  # of a diastolic volume that was measured beside the image


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number with its standard deviation and where it is from, SI."""

    value: float
    sd: float
    source: str


@dataclass(frozen=True, kw_only=True)
class AssumedPressures:
    """Pressures where the examination has none.

    Parameters
    ----------
    end_diastolic, end_diastolic_sd
        Filling pressure of a healthy adult at rest, Pa.
    end_systolic, end_systolic_sd
        End-systolic pressure of a healthy adult at rest, Pa.
    rv_end_diastolic, rv_end_systolic
        Pressures of the right ventricle of a healthy adult at rest, Pa.
    cuff_share
        End-systolic over systolic cuff pressure.
    cuff_sd
        Standard deviation of the end-systolic pressure that the cuff gives, Pa.

    Notes
    -----
    0.9 x systolic cuff pressure: Kelly et al. (1992), Circulation 86:513-521. Filling
    pressure 10 mmHg within 4 to 16 mmHg: Nagueh et al. (2016), J Am Soc Echocardiogr 29:277-314.
    Right atrium 3 mmHg within 0 to 5: Rudski et al. (2010), J Am Soc Echocardiogr 23:685-713.
    Systolic pulmonary artery 20.8 +- 4.4 mmHg: Kovacs et al. (2009), Eur Respir J 34:888-894.
    """

    end_diastolic: float = 10 * MMHG  # Pa
    end_diastolic_sd: float = 3 * MMHG  # Pa
    end_systolic: float = 108 * MMHG  # Pa
    end_systolic_sd: float = 14 * MMHG  # Pa
    rv_end_diastolic: float = 3 * MMHG  # Pa
    rv_end_systolic: float = 20 * MMHG  # Pa
    cuff_share: float = 0.9
    cuff_sd: float = 7 * MMHG  # Pa

    def __post_init__(self) -> None:
        """Refuse pressures that no ventricle has: they are in another unit."""
        for name, (low, high) in PLAUSIBLE.items():
            value = getattr(self, name) / MMHG
            if not low <= value <= high:
                msg = (
                    f"The assumed {name.replace('_', '-')} pressure must lie between {low:g} and "
                    f"{high:g} mmHg, found {value:.4g} mmHg. Give it in mmHg."
                )
                raise InputError(msg)
        for name in ("end_diastolic_sd", "end_systolic_sd", "cuff_sd"):
            if not getattr(self, name) > 0:
                msg = (
                    f"The assumed pressures' {name} must be positive, found "
                    f"{getattr(self, name) / MMHG:.4g} mmHg. Give it in mmHg."
                )
                raise InputError(msg)


@dataclass(frozen=True, kw_only=True)
class RightPressures:
    """The right ventricle's pressures, which nothing measures: they are not fitted.

    Parameters
    ----------
    share
        Of the LV's pressure while both fill.
    end_systolic
        Pa.
    """

    share: float
    end_systolic: float


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All numbers that the fit of one ventricle may use.

    Parameters
    ----------
    end_diastolic_volume
        Of the imaged cavity, m^3.
    end_diastolic_pressure
        Pa.
    end_systolic_volume, end_systolic_pressure
        m^3 and Pa; None for a heart imaged at end-diastole only.
    diastolic_points
        Further relaxed states: volume, m^3, by pressure, Pa.
    klotz
        The empirical relation, where it stands in for further diastolic points.
    flags
        What was assumed.
    right
        Of the right ventricle, where the wall has one.
    """

    end_diastolic_volume: Measured
    end_diastolic_pressure: Measured
    end_systolic_volume: Measured | None
    end_systolic_pressure: Measured | None
    diastolic_points: tuple[tuple[float, Measured], ...]
    klotz: Klotz | None
    flags: tuple[Flag, ...]
    right: RightPressures | None = None


def gather_evidence(
    subject: Subject, anatomy: Anatomy, assumed: AssumedPressures, *, klotz: bool
) -> Evidence:
    """Return the evidence of an examination; `klotz` lets the relation stand in."""
    volumes = {phase: _volume(anatomy, phase) for phase in anatomy.fits}
    diastolic, flags = _filling_pressure(subject, assumed)
    end_diastolic = volumes[Phase.END_DIASTOLE]
    relation = Klotz(volume=end_diastolic.value, pressure=diastolic.value)
    stands_in = klotz and not subject.diastolic_points
    right = None
    if anatomy.right is not None:
        right, more = _right_pressures(diastolic, assumed)
        flags += more
    systolic = None
    if Phase.END_SYSTOLE in volumes:
        systolic, more = _systolic_pressure(subject, assumed)
        flags += more
    if stands_in:
        sentence = (
            "One diastolic point is known: stiffness and unloaded volume follow the empirical "
            "relation of Klotz (2006) within its scatter between hearts."
        )
        flags += (Flag(name="klotz_prior", sentence=sentence),)
    return Evidence(
        end_diastolic_volume=end_diastolic,
        end_diastolic_pressure=diastolic,
        end_systolic_volume=_total(volumes.get(Phase.END_SYSTOLE), end_diastolic),
        end_systolic_pressure=systolic,
        diastolic_points=tuple(
            (pressure, _diastolic_point(volume, pressure, sd, end_diastolic, relation))
            for volume, pressure, sd in subject.diastolic_points
        ),
        klotz=relation if stands_in else None,
        flags=flags,
        right=right,
    )


def _filling_pressure(
    subject: Subject, assumed: AssumedPressures
) -> tuple[Measured, tuple[Flag, ...]]:
    if subject.end_diastolic_pressure is not None:
        value, sd = subject.end_diastolic_pressure
        return Measured(value=value, sd=sd, source="subject"), ()
    value, sd = assumed.end_diastolic, assumed.end_diastolic_sd
    sentence = (
        f"No end-diastolic pressure was measured: {value / MMHG:.3g} +- {sd / MMHG:.2g} mmHg is "
        "assumed, and the stiffness is as uncertain as that."
    )
    flag = Flag(name="end_diastolic_pressure_assumed", sentence=sentence)
    return Measured(value=value, sd=sd, source="assumed"), (flag,)


def _right_pressures(
    filling: Measured, assumed: AssumedPressures
) -> tuple[RightPressures, tuple[Flag, ...]]:
    sentence = (
        f"The right ventricle's pressures are assumed: {assumed.rv_end_diastolic / MMHG:.3g} mmHg "
        f"at end-diastole, while it fills in proportion to the left one's, and "
        f"{assumed.rv_end_systolic / MMHG:.3g} mmHg at end-systole. What they leave uncertain is "
        "not in the parameters' standard deviations."
    )
    pressures = RightPressures(
        share=assumed.rv_end_diastolic / filling.value, end_systolic=assumed.rv_end_systolic
    )
    return pressures, (Flag(name="rv_pressures_assumed", sentence=sentence),)


def _systolic_pressure(
    subject: Subject, assumed: AssumedPressures
) -> tuple[Measured, tuple[Flag, ...]]:
    if subject.end_systolic_pressure is not None:
        value, sd = subject.end_systolic_pressure
        return Measured(value=value, sd=sd, source="subject"), ()
    if subject.cuff_systolic is not None:
        value = assumed.cuff_share * subject.cuff_systolic
        return Measured(value=value, sd=assumed.cuff_sd, source="cuff"), ()
    value, sd = assumed.end_systolic, assumed.end_systolic_sd
    sentence = (
        f"No cuff pressure was given: an end-systolic pressure of {value / MMHG:.3g} +- "
        f"{sd / MMHG:.2g} mmHg is assumed, and the contractility is as uncertain as that."
    )
    flag = Flag(name="end_systolic_pressure_assumed", sentence=sentence)
    return Measured(value=value, sd=sd, source="assumed"), (flag,)


def _volume(anatomy: Anatomy, phase: Phase) -> Measured:
    """Return a phase's cavity volume with the standard deviation that the drawing gives it.

    Two independent parts: contours off the surface by the mean distance found, on as many slices
    as there are; and a base that lies anywhere within the basal slice's thickness.
    """
    fit, contours = anatomy.fits[phase], anatomy.contours[phase]
    drawn = contours.of(Structure.LV_ENDOCARDIUM, View.SHORT_AXIS)
    thickness = max(contours.slices[curve.slice_id].thickness for curve in drawn)
    n_slices = max(len({curve.slice_id for curve in drawn}), 1)
    length = n_slices * thickness
    mean_area = fit.cavity_volume / length
    surface = 2 * np.sqrt(np.pi * mean_area) * length
    drawing = surface * fit.surface_distance / np.sqrt(n_slices)
    valves = contours.of(Structure.MITRAL_VALVE)
    base_sd = 1e-3 if valves else thickness / np.sqrt(12)
    return Measured(
        value=fit.cavity_volume,
        sd=float(np.hypot(drawing, base_sd * mean_area)),
        source="contours",
    )


def _total(systolic: Measured | None, diastolic: Measured) -> Measured | None:
    """Return the end-systolic volume with the uncertainty of the stroke: both phases' errors."""
    if systolic is None:
        return None
    sd = float(np.hypot(systolic.sd, diastolic.sd * systolic.value / diastolic.value))
    return Measured(value=systolic.value, sd=sd, source=systolic.source)


def _diastolic_point(
    volume: float, pressure: float, pressure_sd: float, imaged: Measured, relation: Klotz
) -> Measured:
    """Return a diastolic point's volume; its pressure's error counts at the slope of Klotz.

    An error of the imaged volume, common to all points, is taken up by the end-diastolic pressure.
    """
    if not 0.2 * imaged.value <= volume <= 2 * imaged.value:
        msg = (
            f"A diastolic point has the volume {volume / ML:.4g} mL, found "
            f"{imaged.value / ML:.4g} mL at end-diastole. Give volume_ml of the same ventricle."
        )
        raise InputError(msg)
    step = max(pressure_sd, 0.1 * MMHG)
    low, high = max(pressure - step, 0.0), pressure + step
    slope = (relation.volume_at(high) - relation.volume_at(low)) / (high - low)
    sd = float(np.hypot(slope * pressure_sd, POINT_SD * volume))
    return Measured(value=volume, sd=sd, source="subject")
