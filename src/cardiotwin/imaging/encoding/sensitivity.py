"""One image seen by many coils."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex


@dataclass(frozen=True, kw_only=True, eq=False)
class Sensitivity:
    """Multiply an image, or each frame of a series, by the coils' maps.

    Parameters
    ----------
    coil_maps
        Receive sensitivity by coil and pixel.
    """

    coil_maps: Complex[np.ndarray, "coils i j"]

    def forward(
        self, x: Complex[np.ndarray, "*frames i j"], /
    ) -> Complex[np.ndarray, " coils *frames i j"]:
        """Return what each coil sees."""
        return np.asarray(self._maps(x.ndim - 2) * x)

    def adjoint(
        self, y: Complex[np.ndarray, " coils *frames i j"], /
    ) -> Complex[np.ndarray, "*frames i j"]:
        """Return the sum over coils, each weighted with its conjugate map."""
        return np.asarray(np.einsum("cij,c...ij->...ij", self.coil_maps.conj(), y))

    def _maps(self, n_more: int) -> Complex[np.ndarray, " coils *ones i j"]:
        coils, i, j = self.coil_maps.shape
        return self.coil_maps.reshape(coils, *(1,) * n_more, i, j)


__all__ = ["Sensitivity"]
