"""Green-Lagrange strain of deformation gradients, in Voigt's order with shears doubled."""

import torch

Tensor = torch.Tensor
VOIGT = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


def strain_slopes(F: Tensor) -> Tensor:
    """Return dE/dF at the points, (batch, points, 6, 9)."""
    L = F.new_zeros(*F.shape[:2], 6, 3, 3)
    for row, (i, j) in enumerate(VOIGT):
        L[..., row, :, i] += F[..., :, j]
        if i != j:
            L[..., row, :, j] += F[..., :, i]
    return L.flatten(-2)


def geometric_slopes(S: Tensor) -> Tensor:
    """Return the stress's part of d(force)/dF, (batch, points, 9, 9): I x S."""
    full = S.new_zeros(*S.shape[:2], 3, 3)
    for row, (i, j) in enumerate(VOIGT):
        full[..., i, j] = S[..., row]
        full[..., j, i] = S[..., row]
    out = S.new_zeros(*S.shape[:2], 3, 3, 3, 3)
    for k in range(3):
        out[..., k, :, k, :] = full
    return out.reshape(*S.shape[:2], 9, 9)


def strain_of(F: Tensor) -> Tensor:
    """Return the Green-Lagrange strain in Voigt's order, shears doubled."""
    C = F.mT @ F
    return torch.stack([(C[..., i, i] - 1) / 2 if i == j else C[..., i, j] for i, j in VOIGT], -1)
