"""What a beat does: volumes, pressures and work, read off their courses over time.

Work is a loop's area: that of pressure over volume (stroke work, J), of fibre stress over the
fibre's logarithmic strain (work per volume of wall, J/m^3), of pressure over strain (Russell et
al. 2012, Eur Heart J 33:724-733: the myocardial work index, Pa).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError

LOOP = 3  # frames that enclose an area
SLOPES = 5  # frames without which a pressure's steepest slope is not told
ENDED = 0.005  # of the stroke: what may be left of it when the ejection has ended

Course = Float[np.ndarray, " frames"]


@dataclass(frozen=True, kw_only=True)
class PumpFunction:
    """The pump's numbers, SI; None where the frames do not tell.

    Parameters
    ----------
    end_diastolic_volume, end_systolic_volume, stroke_volume
        Largest, smallest, and their difference, m^3.
    ejection_fraction
        Stroke volume over end-diastolic volume.
    peak_pressure
        Pa.
    cardiac_output
        Stroke volume times heart rate, m^3/s.
    dpdt_max, dpdt_min
        Steepest rise and fall of the pressure, Pa/s.
    stroke_work
        Area of the pressure-volume loop, J.
    """

    end_diastolic_volume: float
    end_systolic_volume: float
    stroke_volume: float
    ejection_fraction: float
    peak_pressure: float
    cardiac_output: float | None = None
    dpdt_max: float | None = None
    dpdt_min: float | None = None
    stroke_work: float | None = None


def pump_function(
    volume: Course,
    pressure: Course,
    *,
    time: Course | None = None,
    heart_rate: float | None = None,
) -> PumpFunction:
    """Return the numbers that courses of volume, m^3, and pressure, Pa, give.

    Parameters
    ----------
    volume, pressure
        By frame; the last need not repeat the first.
    time
        Of the frames, s, where known; without, or with few frames, there is no slope.
    heart_rate
        Beats per second, where known.

    Raises
    ------
    InputError
        If the times do not rise.
    """
    if time is not None and not np.all(np.diff(time) > 0):
        step = int(np.argmin(np.diff(time)))
        msg = (
            f"The frames' times must rise, found {time[step]:g} s before {time[step + 1]:g} s. "
            "Give the frames in the order of the beat, none twice."
        )
        raise InputError(msg)
    largest, smallest = float(volume.max()), float(volume.min())
    stroke = largest - smallest
    slopes = np.array([])
    if time is not None and len(time) >= SLOPES:
        slopes = np.gradient(pressure, time)
    return PumpFunction(
        end_diastolic_volume=largest,
        end_systolic_volume=smallest,
        stroke_volume=stroke,
        ejection_fraction=stroke / largest,
        peak_pressure=float(pressure.max()),
        cardiac_output=None if heart_rate is None else stroke * heart_rate,
        dpdt_max=float(slopes.max()) if len(slopes) else None,
        dpdt_min=float(slopes.min()) if len(slopes) else None,
        stroke_work=float(loop_work(volume, pressure)) if len(volume) >= LOOP else None,
    )


def end_systole(volume: Course) -> int:
    """Return the frame in which the ejection ends, where images have the smallest cavity.

    The first that has all of the stroke but half a hundredth, since the cavity keeps its volume
    while both valves are shut; by the closure of the aortic valve as strain is to be read
    (Voigt et al. 2015, J Am Soc Echocardiogr 28:183-193). Pressure over volume is largest earlier.

    Examples
    --------
    >>> end_systole(np.array([120.0, 118.0, 60.0, 58.0, 57.99, 90.0]))
    3
    """
    largest, smallest = volume.max(), volume.min()
    return int(np.argmax(volume <= smallest + ENDED * (largest - smallest)))


def loop_work(
    course: Float[np.ndarray, "frames ..."], force: Float[np.ndarray, "frames ..."]
) -> Float[np.ndarray, "..."]:
    """Return - loop integral of force d(course): the work done on what shrinks under the force.

    The last frame is joined to the first; straight lines join the frames.

    Examples
    --------
    A rectangle of 70 mL and 100 mmHg, run through as a heart does, is 0.93 J:

    >>> volume = 1e-6 * np.array([120.0, 120.0, 50.0, 50.0])
    >>> pressure = 133.322 * np.array([10.0, 110.0, 110.0, 10.0])
    >>> round(float(loop_work(volume, pressure)), 2)
    0.93
    """
    middle = (np.roll(force, -1, axis=0) + force) / 2
    return np.asarray(-(middle * (np.roll(course, -1, axis=0) - course)).sum(axis=0))


def fibre_work(
    stretch: Float[np.ndarray, "frames cells"], stress: Float[np.ndarray, "frames cells"]
) -> Float[np.ndarray, " cells"]:
    """Return the work that fibres do over a beat, J per m^3 of wall.

    Cauchy stress along the fibre, Pa, times the rate of its logarithmic stretch is the power per
    volume of a wall that keeps its volume. A cell that is stretched under more stress than it
    shortens against has done negative work.
    """
    _enough(len(stretch), "The work of a fibre")
    return loop_work(np.log(stretch), stress)


def pressure_strain_work(
    strain: Float[np.ndarray, "frames ..."], pressure: Course
) -> Float[np.ndarray, "..."]:
    """Return the myocardial work index, Pa: the area of the pressure-strain loop."""
    _enough(len(strain), "The myocardial work index")
    force = pressure.reshape(-1, *[1] * (strain.ndim - 1))
    return loop_work(strain, np.broadcast_to(force, strain.shape))


def _enough(n_frames: int, what: str) -> None:
    if n_frames < LOOP:
        msg = (
            f"{what} is a loop's area and needs at least {LOOP} frames, found {n_frames}. "
            "Give the frames of a whole beat."
        )
        raise InputError(msg)


def sphericity(
    volume: Float[np.ndarray, " frames"], length: Float[np.ndarray, " frames"]
) -> Float[np.ndarray, " frames"]:
    """Return the volume over that of a sphere whose diameter is the long axis.

    Mannaerts et al. (2004), Eur Heart J 25:680-687.
    """
    return np.asarray(volume / (np.pi / 6 * length**3))


__all__ = [
    "LOOP",
    "PumpFunction",
    "end_systole",
    "fibre_work",
    "loop_work",
    "pressure_strain_work",
    "pump_function",
    "sphericity",
]
