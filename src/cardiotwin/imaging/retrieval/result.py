"""What a retrieval returns, and what becomes of voxels that cannot be fitted."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float, Int


class Status(IntEnum):
    """What became of a voxel."""

    FITTED = 0
    NO_SIGNAL = 1  # not finite, or nothing but zeros
    NOT_CONVERGED = 2
    AT_BOUND = 3  # a parameter ran to the edge of where it was sought
    NOT_ADMISSIBLE = 4  # the best values are none that physics allows
    NOT_IDENTIFIED = 5  # other values would fit as well


@dataclass(frozen=True, kw_only=True, eq=False)
class Retrieval:
    """Parameters per voxel; not a number wherever the voxel could not be fitted.

    Parameters
    ----------
    values, standard_errors
        By parameter, in the units below.
    units
        By parameter.
    status
        What became of each voxel, as `Status` numbers it.
    residual_sd
        Standard deviation of the signal about the fit, in the signal's unit.
    """

    values: Mapping[str, Float[np.ndarray, "*voxels"]]
    standard_errors: Mapping[str, Float[np.ndarray, "*voxels"]]
    units: Mapping[str, str]
    status: Int[np.ndarray, "*voxels"]
    residual_sd: Float[np.ndarray, "*voxels"]

    @property
    def fitted(self) -> Bool[np.ndarray, "*voxels"]:
        """Return where there is a value."""
        return np.asarray(self.status == Status.FITTED)


__all__ = ["Retrieval", "Status"]
