"""What clinicians read in the measured flow of a ventricle, by frame and over the beat."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.errors import Flag
from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.geometry.cavity.motion import volume_rate
from cardiotwin.geometry.cavity.template import ENDOCARDIUM
from cardiotwin.geometry.regions import cell_sizes
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.numbers import dissipation, filling, kinetic_energy, vorticity
from cardiotwin.haemodynamics.wall_shear import wall_shear_stress
from cardiotwin.measurement.flow.lumen import Lumen
from cardiotwin.measurement.flow.pressure import relative_pressure
from cardiotwin.measurement.flow.retrieval import FlowRetrieval
from cardiotwin.units import ML

INFLOW, OUTFLOW = "mitral", "aortic"
APART = 3.0  # standard errors between flow and volume that are no chance
ALIKE = 0.1  # of the stroke volume, that they may always part by

Field = Float[np.ndarray, "frames nodes 3"]
Course = Float[np.ndarray, " frames"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowBeat:
    """Courses over the frames and numbers of the beat, each with its standard error.

    Parameters
    ----------
    courses
        By name: inflow and outflow, m^3/s, kinetic energy, J, dissipation, W, mean vorticity, 1/s,
        fastest speed, m/s, mean wall shear stress, Pa, and the pressure's falls from the mitral
        valve to the apex and from there to the aortic valve, Pa; frames of value and error. What
        goes through both valves and is not displaced by the wall is an error that draws do not
        have: its root mean square is in the flows' errors, the integral of its size in their
        volumes'.
    numbers
        By name: value and standard error, SI.
    imbalance
        Inflow less outflow less the growth of the cavity by frame, m^3/s.
    volume
        Of the cavity below the endocardium's rim by frame, m^3: of the wall, not of the flow.
    pressure
        At the nodes by frame, Pa, of mean zero.
    flags
        What the reader must know.
    """

    courses: Mapping[str, tuple[Course, Course]]
    numbers: Mapping[str, tuple[float, float]]
    imbalance: Course
    volume: Course
    pressure: Float[np.ndarray, "frames nodes"]
    flags: tuple[Flag, ...]


def flow_beat(
    cavity: MovingCavity, lumen: Lumen, found: FlowRetrieval, *, end_systole: float, fluid: Fluid
) -> FlowBeat:
    """Return what a retrieved flow tells.

    Parameters
    ----------
    cavity, lumen
        The ventricle, and itself at the frames' times (`moving_lumen`), evenly over the beat.
    found
        The velocity at its nodes, with draws for the errors.
    end_systole
        When the volume is least, s after the first frame.
    fluid
        The blood.
    """
    period = cavity.motion.period
    times = period * np.arange(len(found.velocity)) / len(found.velocity)
    fields = np.concatenate([found.velocity[None], found.velocity + found.draws])
    pressures = relative_pressure(lumen, fields, period=period, fluid=fluid)
    each = [_courses(cavity, lumen, *pair, fluid) for pair in zip(fields, pressures, strict=True)]
    numbers = [_numbers(one, times, end_systole, period) for one in each]
    courses = {name: _with_error([one[name] for one in each]) for name in each[0]}
    told = {name: _with_error([np.asarray(one[name]) for one in numbers]) for name in numbers[0]}
    sizes = [cell_sizes(points, lumen.cells) for points in lumen.positions]
    volume = np.array([cavity.ventricle_volume(float(time)) for time in times])
    whole = np.array([float(size.sum()) for size in sizes])
    moved = zip(lumen.positions, lumen.wall_velocity, strict=True)
    growth = np.array([volume_rate(points, lumen.cells, wall) for points, wall in moved])
    left = courses["inflow"][0] - courses["outflow"][0] - growth
    for name in ("inflow", "outflow"):
        value, error = courses[name]
        courses[name] = value, np.hypot(error, np.sqrt(np.mean(left**2)))
    systole = times < end_systole
    flags = _contradictions(told, float(whole.max() - whole.min()))
    often, step = float(np.sqrt(np.mean(left**2))), period / len(times)
    for name, when in (("ejected", systole), ("filled", ~systole)):
        value, error = told[name]
        told[name] = value, np.hypot(error, np.abs(left[when]).sum() * step)
    for name in ("peak_outflow", "e_wave", "a_wave"):
        value, error = told[name]
        told[name] = value, np.hypot(error, often)
    (early, early_error), (late, late_error) = told["e_wave"], told["a_wave"]
    ratio = told["e_over_a"][0]
    told["e_over_a"] = ratio, np.abs(ratio) * np.hypot(early_error / early, late_error / late)
    return FlowBeat(
        courses=courses,
        numbers={name: (float(value), float(error)) for name, (value, error) in told.items()},
        imbalance=left,
        volume=volume,
        pressure=pressures[0],
        flags=flags,
    )


def _with_error(values: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the first value, and the root mean square of the others' distance from it."""
    first = np.asarray(values[0])
    if len(values) == 1:
        return first, np.full_like(first, np.nan)
    apart = [(each - first) ** 2 for each in values[1:]]
    return first, np.asarray(np.sqrt(np.mean(apart, axis=0)))


def _courses(
    cavity: MovingCavity, lumen: Lumen, velocity: Field, pressure: np.ndarray, fluid: Fluid
) -> dict[str, Course]:
    cells, wall = lumen.cells, cavity.region.facets[ENDOCARDIUM]
    rows: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        rows.setdefault(name, []).append(value)

    stubs = {name: _stub(cavity, name) for name in cavity.stubs}
    ends = {name: layers[-1] for name, layers in cavity.stubs.items()}
    for t, (points, nodal) in enumerate(zip(lumen.positions, velocity, strict=True)):
        relative = nodal - lumen.wall_velocity[t]
        through = {
            name: _through(points, cells[stub], relative, cavity.stubs[name])
            for name, stub in stubs.items()
        }
        add("inflow", -through[INFLOW])
        add("outflow", through[OUTFLOW])
        add("kinetic_energy", kinetic_energy(points, cells, nodal, fluid.density))
        add("dissipation", dissipation(points, cells, nodal, fluid.viscosity))
        sizes = cell_sizes(points, cells)
        spin = np.linalg.norm(vorticity(points, cells, nodal), axis=1)
        add("vorticity", float(sizes @ spin / sizes.sum()))
        add("fastest", float(np.linalg.norm(nodal, axis=1).max()))
        shear = np.linalg.norm(
            wall_shear_stress(points, cells, nodal, wall, fluid.viscosity), axis=1
        )
        corners = points[wall]
        area = np.linalg.norm(
            np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
        )
        add("wall_shear_stress", float(area @ shear / area.sum()))
        tip = float(pressure[t, cavity.apex])
        at = {name: float(pressure[t, nodes].mean()) for name, nodes in ends.items()}
        add("mitral_to_apex", at[INFLOW] - tip)
        add("apex_to_aortic", tip - at[OUTFLOW])
    return {name: np.array(values) for name, values in rows.items()}


def _stub(cavity: MovingCavity, name: str) -> Integer[np.ndarray, " some"]:
    """Return the cells of a valve's stub."""
    own = np.zeros(len(cavity.region.points), dtype=bool)
    own[cavity.stubs[name]] = True
    return np.flatnonzero(own[cavity.region.cells].all(axis=1))


def _through(
    points: Float[np.ndarray, "nodes 3"],
    cells: Integer[np.ndarray, "stub 4"],
    relative: Float[np.ndarray, "nodes 3"],
    layers: Integer[np.ndarray, "layers _"],
) -> float:
    """Return what leaves through a stub, m^3/s: the mean over its sections.

    Of a velocity without sources all sections are alike.
    """
    along = points[layers[-1]].mean(axis=0) - points[layers[0]].mean(axis=0)
    length = float(np.linalg.norm(along))
    total = cell_sizes(points, cells) @ relative[cells].mean(axis=1)
    return float(total @ along) / length**2


def _numbers(
    courses: Mapping[str, Course], times: Course, end_systole: float, period: float
) -> dict[str, float]:
    inflow, outflow = courses["inflow"], courses["outflow"]
    found = {
        "ejected": float(outflow.mean() * period),
        "filled": float(inflow.mean() * period),
        "peak_outflow": float(outflow.max()),
        "largest_kinetic_energy": float(courses["kinetic_energy"].max()),
        "dissipated": float(courses["dissipation"].mean() * period),
        "fastest": float(courses["fastest"].max()),
        "mean_wall_shear_stress": float(courses["wall_shear_stress"].mean()),
        "largest_apex_to_aortic": float(courses["apex_to_aortic"].max()),
        "largest_mitral_to_apex": float(courses["mitral_to_apex"].max()),
    }
    waves = filling(times.tolist(), inflow.tolist(), end_systole)
    early, late = (np.nan, np.nan) if waves is None else (waves.early, waves.late)
    return found | {"e_wave": early, "a_wave": late, "e_over_a": early / late}


def _contradictions(
    told: Mapping[str, tuple[np.ndarray, np.ndarray]], stroke: float
) -> tuple[Flag, ...]:
    """Return a flag where the flow through a valve and the wall's motion do not agree."""
    flags = []
    names = {"ejected": "the aortic valve", "filled": "the mitral valve"}
    for key, where in names.items():
        value, error = (float(part) for part in told[key])
        apart = abs(value - stroke)
        if apart > max(APART * np.nan_to_num(error), ALIKE * stroke):
            sentence = (
                f"Flow and volume contradict each other: {value / ML:.1f} +- {error / ML:.1f} mL "
                f"go through {where}, the wall displaces {stroke / ML:.1f} mL. Look at the venc, "
                "the directions' signs, and whether contours and flow are of one examination."
            )
            flags.append(Flag(name="flow_against_volume", sentence=sentence))
    return tuple(flags)


__all__ = ["FlowBeat", "flow_beat"]
