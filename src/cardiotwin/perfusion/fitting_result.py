"""What a fit of tracer kinetics tells, voxel by voxel."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cardiotwin.errors import Flag
from cardiotwin.imaging.retrieval import Status


@dataclass(frozen=True, kw_only=True, eq=False)
class KineticFit:
    """Parameters per voxel; not a number where the data do not tell them.

    Where a model's best values lie at the edge of what physics allows, `status` is AT_BOUND, and
    what the simpler model at that edge still tells is given: flow without permeability, say.

    Parameters
    ----------
    model
        Its name.
    values, standard_errors
        By parameter, in the units below; the errors are the Cramer-Rao bound at the estimate.
    scale_error
        Of flows, permeability and volumes, as a share and the same for all voxels: that of the
        input's height, where it came from the images. No mean over voxels makes it smaller, so it
        is not within the standard errors.
    units
        By parameter.
    status
        What became of each voxel, as `Status` numbers it.
    simpler
        Name of the simpler model that a voxel AT_BOUND became, else "".
    sum_of_squares, residual_sd
        Of what the fit leaves, (mol/m^3)^2 and mol/m^3.
    aif
        That was fitted with, mol/m^3.
    n_samples, n_parameters
        Of each voxel's curve, and of the model.
    residual_correlation
        Of neighbouring residuals; beyond 2/sqrt(n_samples) they are no white noise: the model or
        the motion correction is wrong there, or the images were filtered in time.
    correlations
        Of the estimates, voxel by voxel, in the order of `values`; not a number where no full fit
        is.
    basis, weights
        Their product is the fitted curve, mol/m^3.
    flags
        What the reader must know of the input.
    """

    model: str
    values: Mapping[str, Float[np.ndarray, "*voxels"]]
    standard_errors: Mapping[str, Float[np.ndarray, "*voxels"]]
    units: Mapping[str, str]
    status: Int[np.ndarray, "*voxels"]
    simpler: np.ndarray
    sum_of_squares: Float[np.ndarray, "*voxels"]
    residual_sd: Float[np.ndarray, "*voxels"]
    aif: Float[np.ndarray, " samples"]
    n_samples: int
    n_parameters: int
    residual_correlation: Float[np.ndarray, "*voxels"]
    correlations: Float[np.ndarray, "*voxels reported reported"]
    basis: Float[np.ndarray, "samples rank"]
    weights: Float[np.ndarray, "*voxels rank"]
    flags: tuple[Flag, ...] = ()
    scale_error: float = 0.0

    @property
    def fitted(self) -> Bool[np.ndarray, "*voxels"]:
        """Return where the whole model is told."""
        return np.asarray(self.status == Status.FITTED)

    @property
    def told(self) -> Bool[np.ndarray, "*voxels"]:
        """Return where at least the model's first parameter is told: flow, or Ktrans."""
        return np.isfinite(next(iter(self.values.values())))

    @property
    def white(self) -> Bool[np.ndarray, "*voxels"]:
        """Return where the residuals pass for white noise at the 5 % level."""
        return np.asarray(np.abs(self.residual_correlation) <= 1.96 / np.sqrt(self.n_samples))

    @property
    def aicc(self) -> Float[np.ndarray, "*voxels"]:
        """Return Akaike's criterion for small samples, of Gaussian noise of unknown variance.

        Hurvich & Tsai (1989), Biometrika 76:297-307.
        """
        n, k = self.n_samples, self.n_parameters + 1
        with np.errstate(divide="ignore"):
            misfit = n * np.log(self.sum_of_squares / n)
        return np.asarray(misfit + 2 * k + 2 * k * (k + 1) / max(n - k - 1, 1))

    def curves(self) -> Float[np.ndarray, "*voxels samples"]:
        """Return the fitted concentration, mol/m^3."""
        return np.asarray(self.weights @ self.basis.T)

    def correlation(self, one: str, other: str) -> Float[np.ndarray, "*voxels"]:
        """Return the correlation of two estimates."""
        names = list(self.units)
        return np.asarray(self.correlations[..., names.index(one), names.index(other)])


__all__ = ["KineticFit"]
