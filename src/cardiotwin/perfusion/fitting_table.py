"""Curves of well-mixed compartments, tabulated over the logarithm of their rate."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from torch import Tensor

from cardiotwin.perfusion.kinetics.convolution import Input, convolve
from cardiotwin.perfusion.kinetics.models import FASTEST, SLOWEST
from cardiotwin.perfusion.kinetics.responses import trapping, vascular, washout

N_TABLE = 500  # rates: the spline between them is exact to 1e-8
NEGLIGIBLE = 1e-6  # singular value, of the largest, of a direction that no curve needs


@dataclass(frozen=True, eq=False)
class Table:
    """Curves of well-mixed compartments by the logarithm of their rate, in few directions.

    Parameters
    ----------
    directions
        Orthonormal; they span the table, the input and its integral.
    pieces
        The cubic's coefficients in each interval, highest power first, of each direction and, as
        the last row, of what no curve has: 0.
    fixed
        The input and its integral in the same rows.
    """

    directions: Float[Tensor, "samples rank"]
    pieces: Float[Tensor, "4 rows intervals"]
    fixed: Float[Tensor, "rows 2"]

    @classmethod
    def of(cls, supply: Input) -> "Table":
        """Return the table of an input."""
        logs = torch.linspace(np.log(SLOWEST), np.log(FASTEST), N_TABLE, dtype=torch.float64)
        curves = convolve(supply, washout, rate=torch.exp(logs))
        fixed = torch.stack([convolve(supply, vascular), convolve(supply, trapping)], 1)
        fixed = fixed.reshape(len(curves), 2)
        every = torch.cat([curves, fixed], 1)
        scaled = every / every.norm(dim=0).clamp_min(1e-300)
        left, values, _ = torch.linalg.svd(scaled, full_matrices=False)
        directions = left[:, values > NEGLIGIBLE * values[0]]
        spline = CubicSpline(logs.numpy(), (directions.T @ curves).numpy(), axis=1)
        pieces = torch.from_numpy(np.moveaxis(spline.c, 2, 1))
        nothing = torch.nn.functional.pad
        return cls(
            directions,
            nothing(pieces, (0, 0, 0, 1)).contiguous(),
            nothing(directions.T @ fixed, (0, 0, 0, 1)),
        )

    def washout(self, log_rate: Float[Tensor, " voxels"]) -> tuple[Tensor, Tensor]:
        """Return a compartment's curve and its slope in the logarithm of the rate."""
        n = self.pieces.shape[2]
        step = (np.log(FASTEST) - np.log(SLOWEST)) / n
        place = (log_rate - np.log(SLOWEST)) / step
        piece = place.long().clamp(0, n - 1)
        x = (place - piece) * step
        a, b, c, d = self.pieces.index_select(2, piece).unbind()
        # Horner's scheme with its derivative, in as few passes over memory as it takes.
        square = torch.addcmul(b, a, x)
        slope = torch.addcmul(square, a, x)
        cube = torch.addcmul(c, square, x)
        return torch.addcmul(d, cube, x), torch.addcmul(cube, slope, x)


__all__ = ["Table"]
