"""What the images say about the velocity at a lumen's nodes: misfit, gradient and curvature.

Each voxel's images are a(v) f(v): f is what its samples' velocities make of blood of brightness
one beside tissue at rest, a the voxel's own complex amplitude (coil, relaxation, phase), which
drops out by variable projection (Golub & Pereyra 1973, SIAM Journal on Numerical Analysis
10:413-432). Phases are never unwrapped: the misfit is that of complex numbers.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Complex, Float
from scipy.ndimage import binary_dilation
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from cardiotwin.geometry.regions import cell_sizes
from cardiotwin.imaging.phase_contrast import (
    BoxAverage,
    FlowSeries,
    VelocitySignal,
    VoxelGrid,
)
from cardiotwin.measurement.flow.lumen import Lumen, sampling
from cardiotwin.operators import LinearOperator

LEAST = 0.1  # of a voxel that blood must fill for its images to count
FULL = 0.99  # of a voxel, beside an open end
Field = Float[np.ndarray, "frames nodes 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameView:
    """How a frame's voxels see the nodes.

    Parameters
    ----------
    samples
        Linear functions at the samples of the fine grid.
    blood
        Samples that hold blood.
    means
        Linear functions averaged over the used voxels' boxes, times the share of blood.
    used
        Voxels that count.
    """

    samples: csr_matrix
    blood: Bool[np.ndarray, "fine_i fine_j fine_k"]
    means: csr_matrix
    used: Bool[np.ndarray, "i j k"]


def view(
    points: Float[np.ndarray, "nodes 3"],
    lumen: Lumen,
    grid: VoxelGrid,
    per_edge: int,
) -> FrameView:
    """Return how the voxels of a grid see nodes at some places, m."""
    fine = grid.finer(per_edge)
    samples = sampling(points, lumen.cells, fine)
    inside = (np.diff(samples.indptr) > 0).reshape(fine.shape)
    index = np.arange(inside.size).reshape(fine.shape)
    voxel = np.ravel_multi_index(
        tuple(i // per_edge for i in np.unravel_index(index.ravel(), fine.shape)), grid.shape
    )
    n_voxels = int(np.prod(grid.shape))
    weights = np.full(inside.size, per_edge**-3.0)
    shares = csr_matrix((weights, (voxel, index.ravel())), shape=(n_voxels, inside.size))
    fraction = shares @ inside.ravel().astype(float)
    used = fraction >= LEAST
    return FrameView(
        samples=samples,
        blood=inside,
        means=(shares @ samples)[used],
        used=used.reshape(grid.shape),
    )


def covered(lumen: Lumen, grid: VoxelGrid) -> float:
    """Return the share of a lumen's blood that lies in a grid's voxels, in the worst frame."""
    shares = []
    for points in lumen.positions:
        place = grid.indices(points[lumen.cells].mean(axis=1))
        inside = ((place > -0.5) & (place < np.array(grid.shape) - 0.5)).all(axis=1)
        sizes = cell_sizes(points, lumen.cells)
        shares.append(float(sizes @ inside / sizes.sum()))
    return min(shares)


def brightness_beside(series: FlowSeries, views: tuple[FrameView, ...]) -> float:
    """Return the brightness of what lies beside a lumen, over the blood's, by the images.

    Beside it: the voxels next to those that it touches. Both are means over the frames.
    """
    inside, outside = [], []
    for t in range(len(series.times)):
        seen = views[t % len(views)]
        size = np.abs(series.signal[:, :, :, t]).mean(axis=3)
        full = np.asarray(seen.means.sum(axis=1)).ravel() > FULL
        near = binary_dilation(seen.used, iterations=2)
        inside.append(size[seen.used][full])
        outside.append(size[near & ~binary_dilation(seen.used)])
    return float(np.concatenate(outside).mean() / np.concatenate(inside).mean())


def without_mixed(
    seen: FrameView, grid: VoxelGrid, places: Float[np.ndarray, "places 3"], reach: float
) -> FrameView:
    """Return a view without the voxels near some places that hold other things than the lumen.

    Beside an open end lies blood that moves too. `places` and `reach` are in m.
    """
    near = cKDTree(places).query(grid.points()[seen.used], distance_upper_bound=reach)[0] <= reach
    kept = ~near | (np.asarray(seen.means.sum(axis=1)).ravel() > FULL)
    used = seen.used.copy()
    used[seen.used] = kept
    return replace(seen, means=seen.means[kept], used=used)


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """A series and how its voxels see a lumen.

    Parameters
    ----------
    series
        Measured, without background phase.
    average
        From samples to voxels.
    views
        One per frame, or one for all.
    tissue
        Brightness of what lies beside the lumen, over the blood's.
    """

    series: FlowSeries
    average: LinearOperator
    views: tuple[FrameView, ...]
    tissue: float

    def view(self, frame: int) -> FrameView:
        """Return a frame's view."""
        return self.views[frame % len(self.views)]

    @cached_property
    def _near(self) -> tuple[FrameView, ...]:
        """Return the views that the images are made from: of a box's mean, the used voxels alone.

        Their samples are those of a grid one voxel wide that is as long as there are voxels.
        """
        if not isinstance(self.average, BoxAverage):
            return self.views
        return tuple(_alone(seen, self.average.per_edge) for seen in self.views)

    def _modelled(self, frame: int, images: np.ndarray) -> np.ndarray:
        return np.asarray(images[self._near[frame % len(self.views)].used][:, 0])

    def _signal(self, frame: int) -> VelocitySignal:
        blood = self._near[frame % len(self.views)].blood
        return VelocitySignal(
            average=self.average,
            encoding=self.series.encoding,
            brightness=np.where(blood, 1.0, self.tissue)[..., None],
            window=np.ones((1, 1)),
            background=np.zeros((1, 1, 1, 1, len(self.series.encoding))),
        )

    def _fine(self, frame: int, nodal: Float[np.ndarray, "nodes 3"]) -> np.ndarray:
        seen = self._near[frame % len(self.views)]
        return np.asarray((seen.samples @ nodal).reshape(*seen.blood.shape, 1, 3))

    def amplitude(
        self,
        measured: Complex[np.ndarray, "voxels encodings"],
        modelled: Complex[np.ndarray, "voxels encodings"],
    ) -> Complex[np.ndarray, "voxels amplitudes"]:
        """Return each voxel's amplitude: complex and common, or real by image if referenced."""
        product, size = modelled.conj() * measured, np.abs(modelled) ** 2
        if self.series.referenced:
            return np.asarray(np.maximum(product.real, 0) / size + 0j)
        return np.asarray(product.sum(axis=1, keepdims=True) / size.sum(axis=1, keepdims=True))

    def gradient(
        self, frame: int, nodal: Float[np.ndarray, "nodes 3"]
    ) -> tuple[float, Float[np.ndarray, "nodes 3"]]:
        """Return half the misfit over the noise's variance, and its gradient, s/m."""
        seen, signal = self.view(frame), self._signal(frame)
        fine = self._fine(frame, nodal)
        modelled = signal.forward(fine)
        f, measured = self._modelled(frame, modelled), self.series.signal[seen.used][:, frame]
        a = self.amplitude(measured, f)
        left = measured - a * f
        variance = self.series.noise_sd**2
        pull = np.zeros_like(modelled)
        near = self._near[frame % len(self.views)]
        pull[near.used] = (a.conj() * left)[:, None] / variance
        back = signal.derivative(fine).adjoint(pull).reshape(-1, 3)
        misfit = 0.5 * float(np.sum(np.abs(left) ** 2)) / variance
        return misfit, np.asarray(-(near.samples.T @ back))

    def curvature(
        self, frame: int, nodal: Float[np.ndarray, "nodes 3"]
    ) -> Float[np.ndarray, "voxels 3 3"]:
        """Return each voxel's information on its blood's mean velocity, s^2/m^2.

        The Gauss-Newton one, with the spread of phases within the voxel left out; the rows of
        `FrameView.means` carry the share of blood.
        """
        seen, k = self.view(frame), self.series.encoding
        modelled = self._signal(frame).forward(self._fine(frame, nodal))
        f, measured = self._modelled(frame, modelled), self.series.signal[seen.used][:, frame]
        a = self.amplitude(measured, f)
        share = np.asarray(seen.means.sum(axis=1)).ravel()[:, None]
        blood = (f - self.tissue * (1 - share)) / share
        weight = np.abs(a * blood) ** 2
        told = np.einsum("ve,ei,ej->vij", weight, k, k)
        if not self.series.referenced:
            scale = np.abs(a) ** 2 / (np.abs(f) ** 2).sum(axis=1, keepdims=True)
            common = (f.conj() * blood) @ k
            told = told - scale[..., None] * np.einsum("vi,vj->vij", common, common.conj()).real
        return np.asarray(told / self.series.noise_sd**2)

    def decoded(
        self, frame: int, nodal: Float[np.ndarray, "nodes 3"]
    ) -> Float[np.ndarray, "voxels 3"]:
        """Return the velocity's change that turns the modelled phases into the measured ones."""
        seen, k = self.view(frame), self.series.encoding
        f = self._modelled(frame, self._signal(frame).forward(self._fine(frame, nodal)))
        turned = self.series.signal[seen.used][:, frame] * f.conj()
        if self.series.referenced:
            return np.asarray(np.angle(turned) @ np.linalg.pinv(k).T)
        phases = np.angle(turned * turned[:, :1].conj())[:, 1:]
        return np.asarray(phases @ np.linalg.pinv(k[1:] - k[:1]).T)


def _alone(seen: FrameView, per_edge: int) -> FrameView:
    """Return a view of the used voxels, each after the other."""
    i, j, k = (axis[:, None] * per_edge for axis in np.nonzero(seen.used))
    a, b, c = np.indices((per_edge,) * 3).reshape(3, -1)
    numbers = np.ravel_multi_index((i + a, j + b, k + c), seen.blood.shape)
    shape = (len(numbers) * per_edge, per_edge, per_edge)
    return replace(
        seen,
        samples=seen.samples[numbers.ravel()],
        blood=seen.blood.ravel()[numbers].reshape(shape),
        used=np.ones((len(numbers), 1, 1), dtype=bool),
    )


__all__ = ["FrameView", "Images", "brightness_beside", "covered", "view", "without_mixed"]
