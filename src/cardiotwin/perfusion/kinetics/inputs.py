"""Arterial inputs of a population, as concentrations in whole blood.

Parker et al. (2006), MRM 56:993-1000; the gamma variate: Thompson et al. (1964), Circ Res
14:502-515, as Madsen (1992), Phys Med Biol 37:1597-1600, writes it. Times in s, mol/m^3 (1 mM).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cardiotwin.errors import InputError

MINUTE = 60.0  # s
PARKER_DOSE = 0.1  # mmol/kg, with which Parker et al. injected


def parker_aif(time: Float[Tensor, " samples"], *, arrival: float = 0.0) -> Float[Tensor, " n"]:
    """Return Parker's input in whole blood; nothing before its arrival.

    Two Gaussians, A_n/(s_n sqrt(2 pi)) exp(-(t - T_n)^2/(2 s_n^2)), and the washout
    alpha exp(-beta t)/(1 + exp(-s (t - tau))), t in min, with the published means.
    """
    t = (time - arrival) / MINUTE
    total = 1.050 * torch.exp(-0.1685 * t) * torch.sigmoid(38.078 * (t - 0.483))
    for area, middle, sd in ((0.809, 0.17046, 0.0563), (0.330, 0.365, 0.132)):
        peak = area / (sd * (2 * torch.pi) ** 0.5)
        total = total + peak * torch.exp(-((t - middle) ** 2) / (2 * sd**2))
    return torch.where(t >= 0, total, 0.0)


def population_input(
    time: Float[Tensor, " samples"], *, arrival: float, dose: float
) -> Float[Tensor, " n"]:
    """Return Parker's input for a dose: what to take where no blood pool can be measured.

    Flow that is fitted with it has the scale of a population: cardiac output, injection and
    arrival are not the patient's own. The curve was measured in the abdominal aorta and the iliac
    arteries of patients with tumours; at the heart a bolus is no wider.

    Parameters
    ----------
    arrival
        In the left ventricle, s.
    dose
        mmol per kg of body; in proportion, as long as the agent mixes with the same blood.
    """
    if not dose > 0:
        msg = f"dose must be positive, found {dose:g} mmol/kg. Give 0.05 to 0.1 as is usual."
        raise InputError(msg)
    return dose / PARKER_DOSE * parker_aif(time, arrival=arrival)


def gamma_variate(
    time: Float[Tensor, " samples"], *, arrival: float, to_peak: float, peak: float, shape: float
) -> Float[Tensor, " n"]:
    """Return a bolus peak (x e^(1-x))^shape, x = (t - arrival)/to_peak.

    Parameters
    ----------
    arrival, to_peak
        When it comes, and how long it rises from then, s.
    peak
        Its largest concentration, mol/m^3.
    shape
        Larger: narrower, and more symmetric; 3 is usual.
    """
    for name, value in (("to_peak", to_peak), ("peak", peak), ("shape", shape)):
        if not value > 0:
            msg = f"{name} must be positive, found {value:g}. Give SI units."
            raise InputError(msg)
    x = ((time - arrival) / to_peak).clamp_min(0.0)
    return peak * (x * torch.exp(1 - x)) ** shape


__all__ = ["PARKER_DOSE", "gamma_variate", "parker_aif", "population_input"]
