"""What one examination holds, in the world: images, labels, contours, a person's numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path

import numpy as np
from jaxtyping import Float, Inexact, Integer

from cardiotwin.errors import Flag


class Phase(StrEnum):
    """A named moment of the beat."""

    END_DIASTOLE = "end_diastole"
    END_SYSTOLE = "end_systole"
    BETWEEN = "between"  # a frame of `Examination.motion` that is neither


class Tissue(IntEnum):
    """The label values used inside the house (ACDC's), whatever the file's convention was."""

    BACKGROUND = 0
    RV_CAVITY = 1
    MYOCARDIUM = 2
    LV_CAVITY = 3


class Structure(StrEnum):
    """What a contour or a landmark is drawn on."""

    LV_ENDOCARDIUM = "lv_endocardium"
    LV_EPICARDIUM = "lv_epicardium"
    RV_ENDOCARDIUM = "rv_endocardium"
    RV_EPICARDIUM = "rv_epicardium"
    MITRAL_VALVE = "mitral_valve"
    AORTIC_VALVE = "aortic_valve"
    TRICUSPID_VALVE = "tricuspid_valve"
    PULMONARY_VALVE = "pulmonary_valve"
    APEX = "apex"
    RV_INSERTION = "rv_insertion"


class View(StrEnum):
    """How an image plane lies in the heart."""

    SHORT_AXIS = "short_axis"
    LONG_AXIS = "long_axis"


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageStack:
    """An image with its place in the world.

    Parameters
    ----------
    array
        Intensities by voxel index and frame.
    affine
        Voxel index to RAS+ world coordinates in metres (columns i, j, k, origin).
    frame_times
        Seconds after the R wave, one per frame.
    slice_thickness
        Thickness of the excited slice, m (the distance of slices is in the affine).
    name
        Series name for captions.
    source
        The file or folder it came from.
    """

    array: Inexact[np.ndarray, "i j k t"]
    affine: Float[np.ndarray, "4 4"]
    frame_times: Float[np.ndarray, " t"]
    slice_thickness: float
    name: str
    source: Path


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelMap:
    """A segmentation of one phase, its values already those of `Tissue`.

    Parameters
    ----------
    array
        `Tissue` values by voxel index.
    affine
        Voxel index to RAS+ world coordinates in metres; the third axis runs across slices.
    convention
        How the file's values were read, e.g. ``acdc`` or ``inferred: 1 LV_CAVITY, 2 MYOCARDIUM``.
    source
        The file it came from.
    """

    array: Integer[np.ndarray, "i j k"]
    affine: Float[np.ndarray, "4 4"]
    convention: str
    source: Path


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """An image plane.

    Parameters
    ----------
    origin
        World position of the centre of the first pixel, m.
    row, column
        World step, m, when the first (second) in-plane pixel index grows by one.
    view
        Short or long axis.
    thickness
        Extent across the plane that the slice stands for, m (spacing for a label stack).
    """

    origin: Float[np.ndarray, "3"]
    row: Float[np.ndarray, "3"]
    column: Float[np.ndarray, "3"]
    view: View
    thickness: float

    @property
    def normal(self) -> Float[np.ndarray, "3"]:
        """Return the unit normal row x column."""
        cross = np.cross(self.row, self.column)
        return np.asarray(cross / np.linalg.norm(cross), dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """A contour in a slice, or landmarks of one kind.

    Parameters
    ----------
    structure
        What it is drawn on.
    points
        World positions in order along the curve (free order for landmarks), m.
    slice_id
        Key into `Contours.slices`; -1 for a landmark that belongs to none.
    closed
        Whether the last point joins the first.
    """

    structure: Structure
    points: Float[np.ndarray, "points 3"]
    slice_id: int
    closed: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Contours:
    """All curves and landmarks of one phase with the planes they were drawn in.

    `from_labels` says whether they were traced round labels; then slices are the label slabs.
    """

    phase: Phase
    curves: tuple[Curve, ...]
    slices: Mapping[int, Slice]
    from_labels: bool
    source: Path

    def of(self, structure: Structure, view: View | None = None) -> tuple[Curve, ...]:
        """Return the curves on a structure, all views or one."""
        return tuple(
            curve
            for curve in self.curves
            if curve.structure is structure
            and (view is None or curve.slice_id == -1 or self.slices[curve.slice_id].view is view)
        )


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The person's numbers, SI; None where not known.

    Pressures are (mean, standard deviation), Pa. `diastolic_points` are further passive states,
    each a cavity volume, m^3, with a pressure, Pa, and the pressure's standard deviation, Pa.
    """

    identifier: str
    age: float | None = None  # years
    sex: str | None = None
    height: float | None = None  # m
    mass: float | None = None  # kg
    heart_rate: float | None = None  # beats / s
    cuff_systolic: float | None = None  # Pa
    cuff_diastolic: float | None = None  # Pa
    end_diastolic_pressure: tuple[float, float] | None = None  # Pa
    end_systolic_pressure: tuple[float, float] | None = None  # Pa
    diastolic_points: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Examination:
    """Everything that was read for one subject.

    Parameters
    ----------
    subject
        The person's numbers.
    contours
        Per measured phase; end-diastole is always there. These are what geometry fits.
    labels
        The label maps of the phases that were given as labels (empty for guide points).
    images
        Images to show behind the contours (may be empty).
    frame_times
        Seconds after the R wave of the measured phases, where known.
    motion
        All frames' contours in time order where more than ED and ES were given (may be empty).
    flags
        What the reader must know.
    inputs
        SHA-256 of each file read, by path.
    """

    subject: Subject
    contours: Mapping[Phase, Contours]
    labels: Mapping[Phase, LabelMap]
    images: tuple[ImageStack, ...]
    frame_times: Mapping[Phase, float]
    motion: tuple[Contours, ...] = ()
    flags: tuple[Flag, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
