"""What is known of blood flow before any image: smooth, without sources, gentle in time.

The penalty is 1/2 c (s^4 |lap u|^2 + d^2 |div u|^2 + t^6 |d3u/dt3|^2), integrated over the lumen
and summed over the frames, where c is the images' information per volume: so s, d and t are the
lengths (m) and the time (s) below which the images are not believed alone. The Laplacian is the
weak one; it weighs less within a voxel of the wall, where the boundary layer bends as it must (not
nothing, or a mesh finer than the voxels would be free there). The wall's own velocity is given.

Linear elements cannot bend round a jet without sources at single nodes, so those are only dear. Of
whole layers across the lumen's longest axis they are ten times as dear: what flows through a
section follows from the wall's motion, or from the flow through any other.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix, diags, hstack
from scipy.spatial import cKDTree

from cardiotwin.measurement.flow.lumen import Elements, Lumen, elements

Field = Float[np.ndarray, "frames nodes 3"]
WIDEST = 30.0  # of a weight from place to place, up or down
AT_WALL = 0.1  # weight of the Laplacian in the layer at the wall
THICK = 3.0  # voxels: of the layers across the longest axis that are held as wholes
WHOLE = 10.0  # by which a layer's sources weigh more than a node's


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How far each kind of regularity reaches.

    Parameters
    ----------
    smooth, solenoidal
        m.
    steady
        s.
    """

    smooth: float
    solenoidal: float
    steady: float


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowPrior:
    """Square roots of the penalties' matrices, by frame (one for all if nothing moves).

    Parameters
    ----------
    laplacians
        Rows: nodes inside.
    divergences
        Rows: nodes; columns: the three components' nodes one after another.
    layers
        As the divergences, of whole layers: rows: layers.
    masses
        Square roots of the lumped masses.
    frame_time
        Between frames, s.
    """

    laplacians: tuple[csr_matrix, ...]
    divergences: tuple[csr_matrix, ...]
    layers: tuple[csr_matrix, ...]
    masses: tuple[Float[np.ndarray, " nodes"], ...]
    frame_time: float

    def roots(self, x: Field, strength: Strength) -> list[np.ndarray]:
        """Return the square roots' products with a field: their squares sum to the penalty / c."""
        parts = [self._each(self.laplacians, x) * strength.smooth**2]
        flat = x.transpose(0, 2, 1).reshape(len(x), -1)
        parts.append(self._each(self.divergences, flat) * strength.solenoidal)
        parts.append(self._each(self.layers, flat) * strength.solenoidal)
        if len(x) > 2:
            parts.append(self._weighted(_third(x)) * (strength.steady / self.frame_time) ** 3)
        return parts

    def adjoint(self, parts: list[np.ndarray], strength: Strength, n_nodes: int) -> Field:
        """Return the transposed square roots' product."""
        total = self._each(self.laplacians, parts[0], transposed=True) * strength.smooth**2
        flat = self._each(self.divergences, parts[1], transposed=True)
        flat = (flat + self._each(self.layers, parts[2], transposed=True)) * strength.solenoidal
        total = total + flat.reshape(len(total), 3, n_nodes).transpose(0, 2, 1)
        if len(parts) > 3:
            rate = (strength.steady / self.frame_time) ** 3
            total = total + _third(self._weighted(parts[3]), back=True) * rate
        return np.asarray(total)

    def diagonal(self, strength: Strength, n_frames: int) -> Field:
        """Return the diagonal of the penalty's matrix over c, without the layers'."""
        found, n = [], len(self.masses)
        rate = (strength.steady / self.frame_time) ** 6
        laps = [_square_sums(each) * strength.smooth**4 for each in self.laplacians]
        divs = [_square_sums(each) * strength.solenoidal**2 for each in self.divergences]
        for frame in range(n_frames):
            lap, div = laps[frame % len(laps)], divs[frame % len(divs)]
            total = lap[:, None] + div.reshape(3, -1).T
            if n_frames > 2:
                shares = zip((1, 9, 9, 1), range(frame, frame - 4, -1), strict=True)
                masses = sum(share * self.masses[k % n] ** 2 for share, k in shares)
                total = total + rate * np.asarray(masses)[:, None]
            found.append(total)
        return np.stack(found)

    def suited(self, samples: Float[np.ndarray, "samples frames nodes 3"]) -> "FlowPrior":
        """Return the penalties weighed, place by place, by how irregular samples are there.

        A penalty is the inverse of a variance: where jets are, the Laplacian and the third
        difference in time are large, and elsewhere small. The weights' geometric mean is one, so
        that reaches keep their meaning.
        """
        n_frames = samples.shape[1]
        laps = [self.laplacians[t % len(self.laplacians)] for t in range(n_frames)]
        rough = [
            np.mean([(lap @ one[t]) ** 2 for one in samples], axis=(0, 2))
            for t, lap in enumerate(laps)
        ]
        near = [_neighbours(lap) for lap in laps]
        rough = [mean @ each for mean, each in zip(near, rough, strict=True)]
        weights = _inverse(rough)
        masses = [self.masses[t % len(self.masses)].copy() for t in range(n_frames)]
        jerk = list(np.mean([_third(x) ** 2 for x in samples], axis=(0, 3)))
        loose = [m > 0 for m in jerk]  # not of the wall, whose velocity is known
        inner = [each[one] for each, one in zip(jerk, loose, strict=True)]
        for mass, one, weight in zip(masses, loose, _inverse(inner), strict=True):
            mass[one] *= np.sqrt(weight)
        return replace(
            self,
            laplacians=tuple(
                csr_matrix(diags(np.sqrt(w)) @ lap) for w, lap in zip(weights, laps, strict=True)
            ),
            masses=tuple(masses),
        )

    def _each(
        self, matrices: tuple[csr_matrix, ...], x: np.ndarray, *, transposed: bool = False
    ) -> np.ndarray:
        if len(matrices) == 1:
            matrix = matrices[0].T if transposed else matrices[0]
            columns = np.moveaxis(x, 0, -1)
            product = matrix @ columns.reshape(len(columns), -1)
            return np.moveaxis(product.reshape(-1, *columns.shape[1:]), -1, 0)
        pairs = zip(matrices, x, strict=True)
        return np.stack([(m.T if transposed else m) @ part for m, part in pairs])

    def _weighted(self, x: Field) -> Field:
        weights = np.stack(self.masses)[:, :, None]
        return np.asarray(x * weights)


def flow_prior(lumen: Lumen, frame_time: float, layer: float) -> FlowPrior:
    """Return the square roots of the penalties on a lumen.

    `layer` is how near to the wall, m, the Laplacian weighs less.
    """
    parts = [elements(points, lumen.cells) for points in lumen.positions]
    members = _members(lumen.positions[0], THICK * layer)
    weights = [_weights(lumen, points, layer) for points in lumen.positions]
    return FlowPrior(
        laplacians=tuple(_laplacian(*pair) for pair in zip(parts, weights, strict=True)),
        divergences=tuple(_divergence(part) for part in parts),
        layers=tuple(_of_layers(part, members) for part in parts),
        masses=tuple(np.sqrt(part.mass) for part in parts),
        frame_time=frame_time,
    )


def _weights(
    lumen: Lumen, points: Float[np.ndarray, "nodes 3"], layer: float
) -> Float[np.ndarray, " nodes"]:
    """Return the Laplacian's weights: 1 inside, less near the wall and at ends, 0 on it."""
    weights = np.ones(len(points))
    if lumen.wall.any():
        weights[cKDTree(points[lumen.wall]).query(points)[0] <= layer] = AT_WALL
    weights[lumen.open] = AT_WALL
    weights[lumen.wall] = 0.0
    return np.asarray(weights)


def _laplacian(part: Elements, weights: Float[np.ndarray, " nodes"]) -> csr_matrix:
    inside = np.flatnonzero(weights)
    scale = weights[inside] / np.sqrt(part.mass[inside])
    return csr_matrix(diags(scale) @ part.stiffness[inside])


def _divergence(part: Elements) -> csr_matrix:
    return csr_matrix(diags(1 / np.sqrt(part.mass)) @ hstack(part.slopes))


def _of_layers(part: Elements, members: csr_matrix) -> csr_matrix:
    weights = diags(WHOLE / np.sqrt(members @ part.mass))
    return csr_matrix(weights @ members @ hstack(part.slopes))


def _members(points: Float[np.ndarray, "nodes 3"], thickness: float) -> csr_matrix:
    """Return which nodes lie in each layer across the longest axis."""
    apart = points - points.mean(axis=0)
    along = apart @ np.linalg.svd(apart, full_matrices=False)[2][0]
    number = ((along - along.min()) / thickness).astype(int)
    _, row = np.unique(number, return_inverse=True)
    return csr_matrix((np.ones(len(row)), (row, np.arange(len(row)))))


def _neighbours(laplacian: csr_matrix) -> csr_matrix:
    """Return the matrix of means over a row's node and those beside it that have rows too."""
    pattern = (laplacian @ laplacian.T != 0).astype(float)
    return csr_matrix(diags(1 / np.asarray(pattern.sum(axis=1)).ravel()) @ pattern)


def _inverse(powers: list[np.ndarray]) -> list[np.ndarray]:
    """Return weights against powers, of geometric mean one and neither too small nor too large."""
    logs = [np.log(np.maximum(each, np.finfo(float).tiny)) for each in powers]
    middle = np.concatenate(logs).mean()
    found = [np.clip(middle - each, -np.log(WIDEST), np.log(WIDEST)) for each in logs]
    shift = np.concatenate(found).mean()
    return [np.exp(each - shift) for each in found]


def _third(x: Field, *, back: bool = False) -> Field:
    """Return the third difference over periodic frames, or its transpose."""
    step = 1 if back else -1
    for _ in range(3):
        x = np.roll(x, step, axis=0) - x
    return x


def _square_sums(matrix: csr_matrix) -> Float[np.ndarray, " columns"]:
    return np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel()


__all__ = ["FlowPrior", "Strength", "flow_prior"]
