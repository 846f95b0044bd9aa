"""The Gauss-Newton system of a retrieval, solved by conjugate gradients."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from cardiotwin.errors import ConvergenceError
from cardiotwin.measurement.flow.images import Images
from cardiotwin.measurement.flow.prior import FlowPrior, Strength

Field = Float[np.ndarray, "frames nodes 3"]
Information = tuple[Float[np.ndarray, "_ 3 3"], ...]
LONGEST = 4000


@dataclass(frozen=True, kw_only=True, eq=False)
class System:
    """The curvature of the misfit and of the penalty at a field.

    Parameters
    ----------
    images
        Whose voxels see the nodes.
    information
        Of the voxels of each frame, s^2/m^2.
    prior
        The penalties' square roots.
    density
        Information per volume that scales the penalties, s^2/m^5.
    free
        Nodes whose velocity is sought.
    expected
        The field from which deviations are penalised, m/s; None: rest.
    """

    images: Images
    information: Information
    prior: FlowPrior
    density: float
    free: Bool[np.ndarray, " nodes"]
    expected: Field | None = None

    def told(self, x: Field) -> Field:
        """Return the misfit's curvature times a field."""
        if len(self.images.views) == 1:
            means = self.images.view(0).means
            seen = (means @ np.moveaxis(x, 0, 1).reshape(x.shape[1], -1)).reshape(-1, len(x), 3)
            felt = np.einsum("tvij,vtj->vti", np.stack(self.information), seen)
            back = means.T @ felt.reshape(len(felt), -1)
            return np.asarray(np.moveaxis(back.reshape(-1, len(x), 3), 1, 0))
        return np.stack(
            [
                self.images.view(t).means.T
                @ np.einsum("vij,vj->vi", self.information[t], self.images.view(t).means @ part)
                for t, part in enumerate(x)
            ]
        )

    def penalty(self, x: Field, strength: Strength) -> Field:
        """Return the penalty's gradient at a field."""
        return self.bent(self._apart(x), strength)

    def bent(self, x: Field, strength: Strength) -> Field:
        """Return the penalty's curvature times a field."""
        roots = self.prior.roots(x, strength)
        return self.density * self.prior.adjoint(roots, strength, x.shape[1])

    def _apart(self, x: Field) -> Field:
        return x if self.expected is None else np.asarray(x - self.expected)

    def penalised(self, x: Field, strength: Strength) -> float:
        """Return the penalty of a field."""
        roots = self.prior.roots(self._apart(x), strength)
        return 0.5 * self.density * float(sum(np.sum(part**2) for part in roots))

    def probe(self, rng: np.random.Generator) -> Field:
        """Return a field whose covariance is the misfit's curvature."""
        found = []
        for t, each in enumerate(self.information):
            values, axes = np.linalg.eigh(each)
            noise = rng.standard_normal(values.shape) * np.sqrt(np.maximum(values, 0))
            found.append(self.images.view(t).means.T @ np.einsum("vij,vj->vi", axes, noise))
        return np.stack(found)

    def push(self, rng: np.random.Generator, strength: Strength, like: Field) -> Field:
        """Return a field whose covariance is the penalty's curvature."""
        roots = self.prior.roots(np.zeros_like(like), strength)
        noise = [rng.standard_normal(part.shape) for part in roots]
        scale = np.sqrt(self.density)
        return np.asarray(scale * self.prior.adjoint(noise, strength, like.shape[1]))

    def solve(
        self,
        sides: Float[np.ndarray, "sides frames nodes 3"],
        strength: Strength,
        *,
        tolerance: float,
        start: Float[np.ndarray, "sides frames nodes 3"] | None = None,
    ) -> Float[np.ndarray, "sides frames nodes 3"]:
        """Return the solutions of several right-hand sides, zero at the nodes that are not free.

        The tolerance is a share of the largest right-hand side.

        Raises
        ------
        ConvergenceError
            If the residuals do not fall by the tolerance.
        """
        keep = self.free[None, :, None].astype(float)
        near = self._near(strength, sides.shape[1])
        solutions = []
        first = max(np.sqrt(float(np.vdot(keep * side, near(keep * side)))) for side in sides)
        for number, side in enumerate(sides):
            x, left = np.zeros_like(side), keep * side
            if start is not None:  # a solution for other reaches may be no help
                begun = keep * start[number]
                rest = keep * (side - self._product(begun, strength))
                if np.vdot(rest, near(rest)) < np.vdot(left, near(left)):
                    x, left = begun, rest
            towards = near(left)
            direction, size = towards, float(np.vdot(left, towards))
            norms = [np.sqrt(size)]
            while norms[-1] > tolerance * first:
                if len(norms) > LONGEST or not np.isfinite(norms[-1]):
                    msg = (
                        f"The velocity's system stopped after {len(norms) - 1} iterations at "
                        f"{norms[-1] / first:.3g} of its right-hand side (tolerance "
                        f"{tolerance:g}). Choose shorter lengths of smoothness."
                    )
                    raise ConvergenceError(msg, norms)
                product = keep * self._product(direction, strength)
                step = size / float(np.vdot(direction, product))
                x = x + step * direction
                left = left - step * product
                towards = near(left)
                before, size = size, float(np.vdot(left, towards))
                direction = towards + size / before * direction
                norms.append(np.sqrt(size))
            solutions.append(x)
        return np.stack(solutions)

    def _product(self, x: Field, strength: Strength) -> Field:
        return np.asarray(self.told(x) + self.bent(x, strength))

    def _near(self, strength: Strength, n_frames: int) -> Callable[[Field], Field]:
        """Return the inverse of what is near to the system: its diagonal and the layers.

        (D + R^T R)^-1 by Woodbury, frame by frame, with a row of R for each layer.
        """
        diagonal = self._diagonal(strength, n_frames)
        scale, free = np.sqrt(self.density) * strength.solenoidal, np.tile(self.free, 3)
        pairs = []
        for t, each in enumerate(diagonal):
            layers = self.prior.layers[t % len(self.prior.layers)]
            rows = layers.multiply(scale * free).tocsr()
            lifted = rows.multiply(1 / each.T.ravel()).tocsr()
            inner = np.eye(rows.shape[0]) + (rows @ lifted.T).toarray()
            pairs.append((lifted, np.linalg.inv(inner)))

        def near(left: Field) -> Field:
            flat = left.transpose(0, 2, 1).reshape(len(left), -1)
            taken = [
                lifted.T @ (inverse @ (lifted @ part))
                for (lifted, inverse), part in zip(pairs, flat, strict=True)
            ]
            shape = len(left), 3, left.shape[1]
            return np.asarray(left / diagonal - np.reshape(taken, shape).transpose(0, 2, 1))

        return near

    def _diagonal(self, strength: Strength, n_frames: int) -> Field:
        found = self._told_diagonal + self.density * self.prior.diagonal(strength, n_frames)
        return np.asarray(found + 1e-12 * found.max())

    @cached_property
    def _told_diagonal(self) -> Field:
        squares = [seen.means.multiply(seen.means).T.tocsr() for seen in self.images.views]
        return np.stack(
            [
                squares[t % len(squares)] @ np.diagonal(each, axis1=1, axis2=2)
                for t, each in enumerate(self.information)
            ]
        )


__all__ = ["System"]
