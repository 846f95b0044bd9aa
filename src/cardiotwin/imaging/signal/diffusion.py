"""Diffusion and intravoxel incoherent motion.

Stejskal & Tanner (1965), J Chem Phys 42:288-292; Basser, Mattiello & Le Bihan (1994), Biophys J
66:259-267; IVIM: Le Bihan et al. (1988), Radiology 168:497-505. Diffusivities in m^2/s (1e-3
mm^2/s are 1e-9 m^2/s), b-values in s/m^2 (1 s/mm^2 is 1e6 s/m^2).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cardiotwin.imaging.signal.decay import GAMMA
from cardiotwin.imaging.signal.values import Value, real, remaining


def b_value(gradient: Value, duration: Value, separation: Value) -> Float[Tensor, "..."]:
    """Return gamma^2 G^2 delta^2 (Delta - delta/3), s/m^2, of two rectangular lobes.

    Parameters
    ----------
    gradient
        T/m (G).
    duration
        Of each lobe, s (delta).
    separation
        From the start of the first to the start of the second, s (Delta).
    """
    lobe = GAMMA * real(gradient) * real(duration)
    return lobe**2 * (real(separation) - real(duration) / 3)


def diffusion(
    tensor: Float[Tensor, "*voxels 3 3"],
    *,
    b_values: Float[Tensor, " images"],
    directions: Float[Tensor, "images 3"],
    m0: Value = 1.0,
) -> Float[Tensor, "*voxels images"]:
    """Return m0 exp(-b g.D g) for unit directions g.

    Parameters
    ----------
    tensor
        Diffusion tensor, m^2/s (D).
    b_values
        S/m^2 (b).
    directions
        Unit vectors (g).
    m0
        Signal without weighting; voxels first, then one dimension of length 1.
    """
    along = torch.einsum("...ij,ki,kj->...k", tensor, directions, directions)
    return real(m0) * torch.exp(-b_values * along)


def ivim(
    d: Value, d_star: Value, f: Value, *, b_values: Value, m0: Value = 1.0
) -> Float[Tensor, "..."]:
    """Return m0 ((1 - f) exp(-b D) + f exp(-b D*)).

    Parameters
    ----------
    d, d_star
        Diffusion and pseudo-diffusion coefficients, m^2/s (D, D*).
    f
        Fraction of the signal that perfuses.
    b_values
        S/m^2 (b).
    m0
        Signal without weighting.
    """
    b = real(b_values)
    share = real(f)
    still, moving = torch.exp(-b * real(d)), torch.exp(-b * real(d_star))
    return real(m0) * ((1 - share) * still + share * moving)


def apparent_fraction(
    f: Value, *, echo_time: Value, tissue_t2: Value, blood_t2: Value
) -> Float[Tensor, "..."]:
    """Return the perfusion fraction of the signal, where blood decays more slowly than tissue.

    Lemke et al. (2010), MRM 64:1580-1585; f is the fraction of the volume.
    """
    blood = real(f) * remaining(echo_time, blood_t2)
    return blood / (blood + (1 - real(f)) * remaining(echo_time, tissue_t2))


__all__ = ["apparent_fraction", "b_value", "diffusion", "ivim"]
