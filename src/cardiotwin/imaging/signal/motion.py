"""Motion in the signal: phase contrast for velocity, DENSE and SPAMM for displacement.

Phase contrast: Pelc et al. (1991), JMRI 1:405-413; turbulence: Dyverfeldt et al.
(2006), MRM 56:850-858. DENSE: Aletras et al. (1999), J Magnetic Resonance 137:247-252. SPAMM:
Axel & Dougherty (1989), Radiology 171:841-845. Lengths in m, times in s, phases in rad.
"""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from cardiotwin.imaging.signal.gradient_echo import prepared_gradient_echo
from cardiotwin.imaging.signal.values import ComplexValue, Value, cis, real, recovered, remaining

# Rows: encodings; columns: directions; in units of pi/venc.
REFERENCE_ENCODING = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
# Balanced: the difference of any two rows is 1 along two directions (Pelc et al. 1991).
HADAMARD_ENCODING = ((-0.5, -0.5, -0.5), (0.5, 0.5, -0.5), (0.5, -0.5, 0.5), (-0.5, 0.5, 0.5))


def velocity_encoding(
    venc: float, pattern: tuple[tuple[float, ...], ...] = REFERENCE_ENCODING
) -> Float[Tensor, "encodings 3"]:
    """Return the first gradient moments times gamma, rad s/m, for an encoding velocity, m/s."""
    return torch.tensor(pattern, dtype=torch.float64) * math.pi / venc


def phase_contrast(
    velocity: Float[Tensor, "*voxels 3"],
    *,
    encoding: Float[Tensor, "encodings 3"],
    reynolds: Float[Tensor, "*#voxels 3 3"] | None = None,
    m0: ComplexValue = 1.0,
) -> Complex[Tensor, "*voxels encodings"]:
    """Return m0 exp(i k.v - k.R k/2) for each encoding k.

    Parameters
    ----------
    velocity
        Mean within the voxel, m/s.
    encoding
        First gradient moments times gamma, rad s/m (k).
    reynolds
        Covariance of a Gaussian distribution of velocities in the voxel, m^2/s^2 (R); None: none.
    m0
        Signal without encoding, with its phase; voxels first, then one dimension of length 1.
    """
    phase = velocity @ encoding.T
    size = torch.zeros_like(phase)
    if reynolds is not None:
        size = -0.5 * torch.einsum("...ij,ki,kj->...k", reynolds, encoding, encoding)
    weight: Tensor = torch.exp(size) * cis(phase)
    signal: Tensor = weight * m0
    return signal


def velocity_error(
    encoding: Float[Tensor, "encodings 3"], snr: Value
) -> Float[Tensor, "*voxels 3 3"]:
    """Return the covariance, m^2/s^2, of the velocity from phases of an SNR above 5.

    The phase without encoding is unknown; for the reference encoding the standard error is the
    familiar sqrt(2) venc/(pi SNR).
    """
    unknown = torch.cat([torch.ones_like(encoding[:, :1]), encoding], 1)
    covariance: Tensor = torch.linalg.inv(unknown.T @ unknown)[1:, 1:]
    return covariance / real(snr)[..., None, None] ** 2


def tagged_magnetisation(phase: Value, tip: Value = math.pi / 2) -> Float[Tensor, "..."]:
    """Return Mz/m0 after the 1-1 pulses of SPAMM, cos(b)^2 - sin(b)^2 cos(k.X).

    Parameters
    ----------
    phase
        k.X at the material point, rad; k is 2 pi over the distance of the tags.
    tip
        Angle of each of the two pulses, rad (b).
    """
    return torch.cos(real(tip)) ** 2 - torch.sin(real(tip)) ** 2 * torch.cos(real(phase))


def spamm(
    phase: Value,
    t1: Value,
    *,
    delay: Value,
    flip_angle: Value,
    repetition_time: Value = math.inf,
    pulse: Value = 1.0,
    tip: Value = math.pi / 2,
    m0: Value = 1.0,
) -> Float[Tensor, "..."]:
    """Return the signal of tagged material, fading with T1 and with the pulses that read it.

    Parameters
    ----------
    phase, tip
        As `tagged_magnetisation` takes them; the phase belongs to the material, not to the place.
    t1
        Relaxation time, s.
    delay
        From tagging to the first pulse that reads, s.
    flip_angle, repetition_time
        Of these pulses, rad and s.
    pulse
        Number of the pulse that makes the image, from 1.
    m0
        Equilibrium magnetisation with coil and proton density.
    """
    start = 1 + (tagged_magnetisation(phase, tip) - 1) * remaining(delay, t1)
    return prepared_gradient_echo(
        t1,
        prepared=start,
        pulse=pulse,
        flip_angle=flip_angle,
        repetition_time=repetition_time,
        m0=m0,
    )


def dense(
    displacement: Value,
    position: Value,
    t1: Value,
    *,
    encoding: Value,
    mixing_time: Value,
    flip_angle: Value = math.pi / 2,
    inverted: bool = False,
    m0: Value = 1.0,
) -> Complex[Tensor, "..."]:
    """Return the signal of the three echoes of DENSE at a place.

    sin(a) m0 (D/2 exp(-i k u) + D/2 exp(-i k (2 x - u)) + (1 - D) exp(-i k x)), D = exp(-TM/T1):
    the stimulated echo, its conjugate and what has relaxed in between.

    Parameters
    ----------
    displacement
        Since the encoding, along it, m (u).
    position
        Where the material is now, m (x).
    t1
        Relaxation time, s.
    encoding
        Rad/m; 0.1 cycles/mm are 628 rad/m (k).
    mixing_time
        From encoding to read-out, s (TM).
    flip_angle
        Of the pulse that reads, rad (a).
    inverted
        True for the acquisition whose encoded part is inverted: half its difference from the
        other one has no relaxed echo (CSPAMM).
    m0
        Equilibrium magnetisation with coil and proton density.
    """
    k, u, x = real(encoding), real(displacement), real(position)
    encoded = remaining(mixing_time, t1) * (-0.5 if inverted else 0.5)
    pair = encoded * (cis(-k * u) + cis(-k * (2 * x - u)))
    relaxed = recovered(mixing_time, t1) * cis(-k * x)
    return real(m0) * torch.sin(real(flip_angle)) * (pair + relaxed)


__all__ = [
    "HADAMARD_ENCODING",
    "REFERENCE_ENCODING",
    "dense",
    "phase_contrast",
    "spamm",
    "tagged_magnetisation",
    "velocity_encoding",
    "velocity_error",
]
