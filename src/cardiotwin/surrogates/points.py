"""Strain, volume and pressure modes at quadrature points."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Integer

from cardiotwin.mechanics.active.segments import N_SEGMENTS
from cardiotwin.mechanics.snapshots import WallIntegrals

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """What is known of M points; K displacement modes, P pressure modes.

    Parameters
    ----------
    gradients
        Of the unloaded placement and the modes in the unloaded fibre axes.
    weights
        m^3.
    ring
        Modulus of the fibrous ring, Pa.
    pressure
        Pressure modes, Pa per coefficient.
    segment
        AHA segment.
    """

    gradients: Float[torch.Tensor, "M 9 N"]
    weights: Float[torch.Tensor, " M"]
    ring: Float[torch.Tensor, " M"]
    pressure: Float[torch.Tensor, "M P"]
    segment: Integer[torch.Tensor, " M"]

    @classmethod
    def of(
        cls,
        wall: WallIntegrals,
        modes: Float[np.ndarray, "n nodes 3"],
        pressures: Float[np.ndarray, "P nodes"],
    ) -> "Points":
        """Return all points of the wall's rule."""
        n_points = wall.weights.size
        gradients = np.einsum(
            "kcni,cqnj->cqijk", modes[:, wall.cells], wall.gradients, optimize=True
        )
        at = np.einsum("qn,pcn->cqp", wall.pressure_shapes, pressures[:, wall.cells[:, :4]])
        segment = np.repeat(wall.mesh.cell_fields["aha_segment"], wall.weights.shape[1])
        return cls(
            gradients=torch.as_tensor(gradients.reshape(n_points, 9, -1).copy()),
            weights=torch.as_tensor(wall.weights.ravel()),
            ring=torch.as_tensor(wall.ring.ravel()),
            pressure=torch.as_tensor(at.reshape(n_points, -1).copy()),
            segment=torch.as_tensor(segment),
        )

    def part(
        self, chosen: Integer[np.ndarray, " m"], weights: Float[np.ndarray, " m"]
    ) -> "Points":
        """Return some points, with other weights."""
        which = torch.as_tensor(chosen)
        return Points(
            gradients=self.gradients[which].clone(),
            weights=torch.as_tensor(weights),
            ring=self.ring[which],
            pressure=self.pressure[which],
            segment=self.segment[which],
        )

    def active_forms(self, wall: WallIntegrals) -> Float[torch.Tensor, "segments N N"]:
        """Return the symmetric forms of a unit tension in each AHA segment, J/Pa."""
        shares = torch.tensor(wall.active, dtype=torch.float64).repeat(3)
        scaled = self.gradients * torch.sqrt(self.weights[:, None] * shares)[:, :, None]
        n = scaled.shape[2]
        forms = scaled.new_zeros(N_SEGMENTS, n, n)
        for number in range(N_SEGMENTS):
            rows = scaled[self.segment == number + 1].reshape(-1, n)
            forms[number] = rows.T @ rows
        return forms
