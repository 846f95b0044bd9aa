"""Fisher information of a signal model, by autograd.

With Gaussian noise of standard deviation s it is F = J'J/s^2, and no unbiased estimate has a
covariance below its inverse (Kay 1993, Fundamentals of Statistical Signal Processing, sect. 3.9).
"""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

type Signal = Callable[..., Tensor]


def jacobian(
    signal: Signal, parameters: Mapping[str, float | Tensor], *, differentiable: bool = False
) -> Float[Tensor, "data parameters"]:
    """Return d(signal)/d(parameters), complex signals as real before imaginary parts.

    Parameters
    ----------
    signal
        Takes the parameters by name and returns one value per image.
    parameters
        Where the derivative is taken.
    differentiable
        Whether autograd shall see through the derivative, as a design by gradients needs.
    """
    names = list(parameters)
    at = [torch.as_tensor(parameters[name], dtype=torch.float64) for name in names]

    def real_signal(*values: Tensor) -> Tensor:
        found = signal(**dict(zip(names, values, strict=True)))
        return torch.cat([found.real, found.imag]) if found.is_complex() else found

    found = torch.autograd.functional.jacobian(real_signal, tuple(at), create_graph=differentiable)
    return torch.stack(list(found), -1)


def crlb(
    jacobian: Float[Tensor, "data parameters"], noise_sd: float | Tensor
) -> Float[Tensor, "parameters parameters"]:
    """Return the least covariance of an unbiased estimate, (J'J)^-1 s^2.

    Columns are scaled before the inversion, since parameters come in very different units; it is
    infinite where the data cannot tell the parameters apart.
    """
    size = torch.linalg.vector_norm(jacobian, dim=0)
    scaled = jacobian / size
    inverse, wrong = torch.linalg.inv_ex(scaled.T @ scaled)
    inverse = torch.where(wrong == 0, inverse, torch.inf)
    found: Tensor = inverse / size[:, None] / size * noise_sd**2
    return found


__all__ = ["crlb", "jacobian"]
