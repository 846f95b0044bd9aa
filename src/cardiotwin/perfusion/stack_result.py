"""What a first pass tells of its slices."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cardiotwin.errors import Flag
from cardiotwin.perfusion.fitting_comparison import VAGUE
from cardiotwin.perfusion.kinetic_prior import BelievedFit, KineticPrior
from cardiotwin.perfusion.placing import Placed
from cardiotwin.perfusion.section import Section
from cardiotwin.perfusion.series import FirstPassSeries


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceFlow:
    """One slice.

    Parameters
    ----------
    number
        Of the slice in the series.
    concentration
        Held still, mol/m^3.
    shifts
        Of the heart in each frame along both axes, m.
    section, placed
        What the slice shows of the mesh, and where that lies in the images.
    voxels
        What the voxels of the wall tell.
    pieces
        Number of each voxel's piece, -1 elsewhere.
    piece
        Numbers of the pieces with voxels enough.
    curves
        Concentration of their mean signals, mol/m^3.
    fit
        What those tell.
    """

    number: int
    concentration: Float[np.ndarray, "i j frames"]
    shifts: Float[np.ndarray, "frames 2"]
    section: Section
    placed: Placed
    voxels: BelievedFit
    pieces: Int[np.ndarray, "i j"]
    piece: Int[np.ndarray, " pieces"]
    curves: Float[np.ndarray, "pieces frames"]
    fit: BelievedFit

    @property
    def told(self) -> Bool[np.ndarray, " pieces"]:
        """Return which pieces tell their flow."""
        mbf, error = self.fit.values["mbf"], self.fit.standard_errors["mbf"]
        with np.errstate(invalid="ignore"):
            return np.asarray(error < VAGUE * mbf)


@dataclass(frozen=True, kw_only=True, eq=False)
class StackFlow:
    """All slices of a first pass.

    Parameters
    ----------
    series
        What was measured.
    aif
        That was fitted with, mol/m^3.
    scale_error
        Of all flows alike, as a share: that of the input's height where it came from the images.
    prior
        About the medians of this muscle, which all pieces tell together.
    slices
        Those that show the heart.
    flags
        What is doubtful.
    """

    series: FirstPassSeries
    aif: Float[np.ndarray, " frames"]
    scale_error: float
    prior: KineticPrior
    slices: tuple[SliceFlow, ...]
    flags: tuple[Flag, ...]


__all__ = ["SliceFlow", "StackFlow"]
