"""What clinicians read of a twin: its readings at the states of the beat, and of the images."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Num

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.measurement.beat import (
    LOOP,
    PumpFunction,
    fibre_work,
    pressure_strain_work,
    pump_function,
    sphericity,
)
from cardiotwin.measurement.image import read_image
from cardiotwin.measurement.material import annulus_descent, cavity_length, read_material
from cardiotwin.measurement.reading import Reading
from cardiotwin.measurement.sectors import segment_means
from cardiotwin.measurement.views import N_SEGMENTS
from cardiotwin.mechanics.state import WallState

Fields = Mapping[str, Mapping[str, Num[np.ndarray, "cells ..."]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Function:
    """The heart's function as it is read, SI; frames are the states of the beat.

    Parameters
    ----------
    states
        Names of the states, in the beat's order.
    end_systole
        Number of its frame: of the smallest cavity, in a whole beat of the largest p / V.
    material, image
        The model's strains along material lines, and in planes fixed in space.
    measured
        The imaged surfaces in the same planes at the measured end-systole, one frame.
    pump
        Volumes, pressures and work of the model.
    annulus_descent
        Of both ends of each long-axis view towards the apex, m.
    cavity_length
        From the base's centre to the endocardial apex, m.
    sphericity
        Volume over that of the sphere about the long axis.
    fibre_stress
        Cauchy, Pa: each segment's mean; NaN where unknown.
    fibre_work
        Work of each cell's fibres over the beat, J/m^3; None without a whole beat.
    segment_fibre_work
        Each segment's mean of it.
    work_index
        Area of each segment's loop of pressure and longitudinal strain, Pa; None without one.
    """

    states: tuple[str, ...]
    end_systole: int
    material: Reading
    image: Reading
    measured: Reading | None
    pump: PumpFunction
    annulus_descent: Float[np.ndarray, "frames 3 2"]
    cavity_length: Float[np.ndarray, " frames"]
    sphericity: Float[np.ndarray, " frames"]
    fibre_stress: Float[np.ndarray, "frames 17"]
    fibre_work: Float[np.ndarray, " cells"] | None = None
    segment_fibre_work: Float[np.ndarray, "17"] | None = None
    work_index: Float[np.ndarray, "17"] | None = None


def read_function(
    mesh: TetMesh,
    states: Mapping[str, WallState],
    fields: Fields,
    *,
    times: Mapping[str, float],
    heart_rate: float | None = None,
    measured: Float[np.ndarray, "nodes 3"] | None = None,
    end_systole: int | None = None,
) -> Function:
    """Return what is read of the states of a beat.

    Parameters
    ----------
    mesh
        The wall at end-diastole.
    states, fields, times
        Of the beat, in its order: placements, values per cell, seconds after the R wave.
    heart_rate
        Beats per second, where known.
    measured
        The nodes on the imaged surfaces of end-systole, m, where there are any.
    end_systole
        Number of its frame; by default that of the smallest cavity.

    Raises
    ------
    InputError
        If a plane does not meet the whole wall at end-diastole.
    """
    names = tuple(states)
    frames = np.stack([mesh.points + state.displacement for state in states.values()])
    volume = np.array([state.cavity_volume for state in states.values()])
    pressure = np.array([state.cavity_pressure for state in states.values()])
    known = all(name in times for name in names)
    material = read_material(mesh, frames)
    length = cavity_length(mesh, frames)
    stress = [fields.get(name, {}).get("fibre_stress") for name in names]
    strain = [fields.get(name, {}).get("fibre_strain") for name in names]
    beating = len(names) >= LOOP
    worked = None
    if beating and all(one is not None for one in (*stress, *strain)):
        stretch = np.sqrt(1 + 2 * np.array(strain, dtype=np.float64))
        worked = fibre_work(stretch, np.array(stress, dtype=np.float64))
    return Function(
        states=names,
        end_systole=int(volume.argmin()) if end_systole is None else end_systole,
        material=material,
        image=read_image(mesh, frames),
        measured=None if measured is None else read_image(mesh, measured[None], tagged=False),
        pump=pump_function(
            volume,
            pressure,
            time=np.array([times[name] for name in names]) if known else None,
            heart_rate=heart_rate,
        ),
        annulus_descent=annulus_descent(mesh, frames),
        cavity_length=length,
        sphericity=sphericity(volume, length),
        fibre_stress=np.stack([_means(mesh, values) for values in stress]),
        fibre_work=worked,
        segment_fibre_work=None if worked is None else segment_means(mesh, worked),
        work_index=pressure_strain_work(material.segment_longitudinal, pressure)
        if beating
        else None,
    )


def _means(mesh: TetMesh, values: Num[np.ndarray, "cells ..."] | None) -> Float[np.ndarray, "17"]:
    if values is None:
        return np.full(N_SEGMENTS, np.nan)
    return segment_means(mesh, np.asarray(values, dtype=np.float64))


__all__ = ["Function", "read_function"]
