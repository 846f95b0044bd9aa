"""What geometry makes of an examination: one wall, its measured phases, and how well it fits."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import Flag
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.imaging.examination import Contours, Phase


@dataclass(frozen=True, kw_only=True, eq=False)
class HeartFrame:
    """The heart's own axes in the world.

    Parameters
    ----------
    origin
        Centre of the base at end-diastole, m.
    long_axis
        Unit vector from apex to base.
    rv_insertion
        Unit vector across the long axis, towards the anterior RV insertion: angle zero.
    mirrored
        Whether the data is a mirror image of a heart.
    """

    origin: Float[np.ndarray, "3"]
    long_axis: Float[np.ndarray, "3"]
    rv_insertion: Float[np.ndarray, "3"]
    mirrored: bool = False

    @property
    def septal(self) -> Float[np.ndarray, "3"]:
        """Return the unit vector at a right angle to `rv_insertion`, on the septum's side.

        Angles run this way (left-handed about the long axis), so that AHA segments 2 and 3 follow.
        """
        cross = np.cross(self.rv_insertion, self.long_axis)
        return -cross if self.mirrored else cross

    @property
    def axes(self) -> Float[np.ndarray, "3 3"]:
        """Return `rv_insertion`, `septal` and `long_axis` as rows."""
        return np.stack([self.rv_insertion, self.septal, self.long_axis])


@dataclass(frozen=True, kw_only=True)
class PhaseFit:
    """How the wall of one phase compares with what was drawn, over the same extent.

    Parameters
    ----------
    measured_cavity, measured_wall
        Volumes by the contours' Simpson sum (the labels' voxels) between the apex-side end of
        the cavity's slices and the base, m^3.
    model_cavity, model_wall
        The mesh's volumes over the same extent, m^3.
    cavity_volume, wall_volume
        The mesh's whole volumes, m^3: these are what mechanics meets.
    dice_cavity, dice_wall
        Overlap with the labels on their grid (with the contours' polygons where none are given).
    surface_distance
        Mean distance of the (shift-corrected) contour points from the mesh's surfaces, m.
    inverted
        Cells with a non-positive Jacobian anywhere they are checked.
    dihedral_min
        Smallest dihedral angle of the straight tetrahedra, rad.
    """

    measured_cavity: float
    measured_wall: float
    model_cavity: float
    model_wall: float
    cavity_volume: float
    wall_volume: float
    dice_cavity: float
    dice_wall: float
    surface_distance: float
    inverted: int
    dihedral_min: float


@dataclass(frozen=True, kw_only=True)
class RightFit:
    """How the right ventricle of a mesh of both compares with what was drawn at end-diastole.

    Parameters
    ----------
    measured
        The cavity by its outlines' Simpson sum over their slices below the base, m^3.
    model
        The mesh's cavity over the same extent, m^3.
    cavity_volume, wall_volume
        The whole cavity up to the base, and the wall that is not the LV's, m^3.
    thickness
        That the free wall was built with, m.
    attempts
        Lattices that were tried, the last of which served.
    left_out, n_left_out
        The cavity that was drawn beyond the LV's base, m^3, and in how many slices.
    """

    measured: float
    model: float
    cavity_volume: float
    wall_volume: float
    thickness: float
    attempts: int
    left_out: float = 0.0
    n_left_out: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Anatomy:
    """One left ventricle, or both.

    Parameters
    ----------
    mesh
        The wall at end-diastole, with coordinates (point fields ``apicobasal`` 0 apex to 1 base,
        ``transmural`` 0 endocardium to 1 epicardium, ``rotational`` rad) and ``aha_segment``
        (cell field, 1..17).
    points
        The mesh's points at each phase that it follows, m: the same connectivity.
    frame
        The heart's axes.
    fits
        Agreement of the LV with the drawing, by phase: of this mesh at the phases of `points`, of
        the LV's own mesh at others.
    contours
        The contours after slice-shift correction, by phase.
    base_rule
        How the base was placed at each phase, in words.
    flags
        What the reader must know.
    right
        The right ventricle, where the mesh has one: it then ends in ``rv_endocardium`` too and has
        the cell field ``ventricle``, 1 LV and 2 RV, and no segment in the RV (``aha_segment`` 0).
    """

    mesh: TetMesh
    points: Mapping[Phase, Float[np.ndarray, "nodes 3"]]
    frame: HeartFrame
    fits: Mapping[Phase, PhaseFit]
    contours: Mapping[Phase, Contours]
    base_rule: Mapping[Phase, str]
    flags: tuple[Flag, ...] = ()
    right: RightFit | None = None
