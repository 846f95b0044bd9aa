"""Voxels as averages of what they hold: over their box, or as a finite k-space blurs it.

A voxel is sampled at points of a finer grid that it shares out evenly. Both averages are linear
and act on the three leading dimensions; what follows (moments, encodings) goes along.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Inexact

from cardiotwin.errors import InputError

Shape = tuple[int, int, int]
FINEST = 12  # samples along an edge of a voxel


@dataclass(frozen=True, kw_only=True, eq=False)
class VoxelGrid:
    """A grid of voxels in the world.

    Parameters
    ----------
    shape
        Voxels along each axis.
    affine
        From a voxel's index (its centre) to the world, m.
    """

    shape: Shape
    affine: Float[np.ndarray, "4 4"]

    def __post_init__(self) -> None:
        volume = abs(float(np.linalg.det(self.affine[:3, :3])))
        if min(self.shape) < 1 or not np.isfinite(self.affine).all() or not volume > 0:
            msg = (
                f"A grid needs voxels along three axes that span the space, found "
                f"the shape {self.shape} and voxels of {volume:g} m^3. Give the image's own "
                "affine in metres."
            )
            raise InputError(msg)

    @property
    def voxel_volume(self) -> float:
        """Return the volume of a voxel, m^3."""
        return abs(float(np.linalg.det(self.affine[:3, :3])))

    @property
    def spacing(self) -> Float[np.ndarray, "3"]:
        """Return the edges of a voxel, m."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    def indices(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Return where points of the world lie, in voxels."""
        return np.asarray((points - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T)

    def finer(self, per_edge: int) -> "VoxelGrid":
        """Return the grid of the samples, as many along each edge of a voxel."""
        if not 1 <= per_edge <= FINEST:
            msg = (
                f"A voxel's edge takes 1 to {FINEST} samples, found {per_edge}. 3 or 4 tell a "
                "wall's place within a voxel."
            )
            raise InputError(msg)
        affine = self.affine.copy()
        affine[:3, :3] /= per_edge
        affine[:3, 3] -= self.affine[:3, :3].sum(axis=1) * (0.5 - 0.5 / per_edge)
        i, j, k = (n * per_edge for n in self.shape)
        return VoxelGrid(shape=(i, j, k), affine=affine)

    def points(self) -> Float[np.ndarray, "i j k 3"]:
        """Return the voxels' centres, m."""
        index = np.stack(np.meshgrid(*map(np.arange, self.shape), indexing="ij"), axis=-1)
        return np.asarray(index @ self.affine[:3, :3].T + self.affine[:3, 3])


@dataclass(frozen=True, kw_only=True)
class BoxAverage:
    """The mean over each voxel's own samples.

    Parameters
    ----------
    per_edge
        Samples along each edge of a voxel.
    """

    per_edge: int

    def forward(
        self, x: Inexact[np.ndarray, "fine_i fine_j fine_k *rest"], /
    ) -> Inexact[np.ndarray, "i j k *rest"]:
        """Return the voxels' means."""
        n = self.per_edge
        i, j, k = (size // n for size in x.shape[:3])
        return np.asarray(x.reshape(i, n, j, n, k, n, *x.shape[3:]).mean(axis=(1, 3, 5)))

    def adjoint(
        self, y: Inexact[np.ndarray, "i j k *rest"], /
    ) -> Inexact[np.ndarray, "fine_i fine_j fine_k *rest"]:
        """Return each voxel's share at its samples."""
        spread = y / self.per_edge**3
        for axis in range(3):
            spread = np.repeat(spread, self.per_edge, axis=axis)
        return np.asarray(spread)


@dataclass(frozen=True, kw_only=True)
class KSpaceCrop:
    """The image that the middle of k-space makes: what a scanner with a finite matrix sees.

    Voxel n of the image lies where sample `per_edge` n lies.

    Parameters
    ----------
    per_edge
        Samples along each edge of a voxel.
    """

    per_edge: int

    def forward(
        self, x: Inexact[np.ndarray, "fine_i fine_j fine_k *rest"], /
    ) -> Inexact[np.ndarray, "i j k *rest"]:
        """Return the voxels of the image."""
        spectrum = np.fft.fftn(x, axes=(0, 1, 2))
        for axis in range(3):
            kept = _middle(x.shape[axis], x.shape[axis] // self.per_edge)
            spectrum = np.take(spectrum, kept, axis=axis)
        return np.asarray(np.fft.ifftn(spectrum, axes=(0, 1, 2)) / self.per_edge**3)

    def adjoint(
        self, y: Inexact[np.ndarray, "i j k *rest"], /
    ) -> Inexact[np.ndarray, "fine_i fine_j fine_k *rest"]:
        """Return what the voxels' own frequencies are at the samples."""
        spectrum = np.fft.fftn(y, axes=(0, 1, 2))
        fine = [n * self.per_edge for n in y.shape[:3]]
        filled = np.zeros((*fine, *y.shape[3:]), dtype=spectrum.dtype)
        places = [_middle(n, n // self.per_edge) for n in fine]
        filled[np.ix_(*places)] = spectrum
        return np.asarray(np.fft.ifftn(filled, axes=(0, 1, 2)))


def _middle(fine: int, coarse: int) -> np.ndarray:
    """Return where the lowest frequencies lie in a transform, in the shorter transform's order."""
    return np.asarray(np.fft.fftfreq(coarse, 1 / coarse).astype(np.int64) % fine)


__all__ = ["BoxAverage", "KSpaceCrop", "VoxelGrid"]
