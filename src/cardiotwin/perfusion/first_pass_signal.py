"""A first pass as the scanner sees it: contrast agent from an injection to images of tissue."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from cardiotwin.imaging.signal import first_pass, relaxivity
from cardiotwin.perfusion.kinetics.inputs import population_input
from cardiotwin.perfusion.kinetics.tissue import BLOOD_IN_TISSUE, tissue_curve

MODEL = "2cxm"


@dataclass(frozen=True, kw_only=True)
class Injection:
    """A bolus and the tissue that it meets.

    Parameters
    ----------
    dose
        mmol per kg of body.
    arrival
        In the left ventricle, s after the first image.
    transit
        By which it comes earlier in the right ventricle, s; in the lungs nothing disperses.
    haematocrit
        Of arterial and capillary blood.
    vp, ve
        Volume of plasma in the capillaries and of the interstitium, fractions of tissue.
    ps
        Permeability-surface product, 1/s.
    agent
        Name in `RELAXIVITY`.
    """

    dose: float = 0.05
    arrival: float = 10.0
    transit: float = 5.0
    haematocrit: float = 0.42
    vp: float = 0.06
    ve: float = 0.20
    ps: float = 1.0 / 60
    agent: str = "gadobutrol"


@dataclass(frozen=True, kw_only=True)
class ReadOut:
    """A saturation-prepared spoiled train.

    Parameters
    ----------
    saturation_time, repetition_time
        s.
    flip_angle
        rad.
    pulse
        That reads the centre of k-space, from 1.
    """

    saturation_time: float
    repetition_time: float
    flip_angle: float
    pulse: float


def blood_concentration(
    injection: Injection, time: Float[np.ndarray, " samples"]
) -> Float[np.ndarray, " samples"]:
    """Return the concentration in arterial whole blood, mol/m^3: Parker's, scaled by the dose."""
    given = {"arrival": injection.arrival, "dose": injection.dose}
    return np.asarray(population_input(torch.from_numpy(time), **given).numpy())


def wall_concentration(
    injection: Injection, time: Float[np.ndarray, " samples"], mbf: Float[np.ndarray, " tissues"]
) -> Float[np.ndarray, "tissues samples"]:
    """Return the concentration in tissue of a blood flow, m^3/(s kg), mol/m^3.

    Two-compartment exchange with the exact convolution of a piecewise linear input.
    """
    flow = torch.from_numpy(mbf * BLOOD_IN_TISSUE * (1 - injection.haematocrit))
    found = tissue_curve(
        MODEL,
        torch.from_numpy(time),
        torch.from_numpy(blood_concentration(injection, time)),
        haematocrit=injection.haematocrit,
        fp=flow,
        ps=torch.full_like(flow, injection.ps),
        vp=torch.full_like(flow, injection.vp),
        ve=torch.full_like(flow, injection.ve),
    )
    return np.asarray(found.numpy().T)


def read_out_signal(
    concentration: Float[np.ndarray, "*n"],
    t1: Float[np.ndarray, "*n"],
    read_out: ReadOut,
    *,
    agent: str,
    field_strength: float,
    saturated: bool = True,
) -> Float[np.ndarray, "*n"]:
    """Return the signal over the equilibrium's, of concentrations in tissue or blood.

    `saturated` false is the image by which those of the pass are divided: without preparation.
    """
    found = first_pass(
        torch.from_numpy(concentration),
        torch.from_numpy(t1),
        r1=relaxivity(agent, field_strength),
        saturation_time=read_out.saturation_time if saturated else np.inf,
        flip_angle=read_out.flip_angle,
        repetition_time=read_out.repetition_time,
        pulse=read_out.pulse,
    )
    return np.asarray(found.numpy())


__all__ = [
    "MODEL",
    "Injection",
    "ReadOut",
    "blood_concentration",
    "read_out_signal",
    "wall_concentration",
]
