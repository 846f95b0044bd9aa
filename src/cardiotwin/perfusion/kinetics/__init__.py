"""Tracer kinetics: from the concentration that flows in to the concentration in tissue.

This package loads torch; `cardiotwin.perfusion` loads it at its first use.
"""

from cardiotwin.perfusion.kinetics.convolution import Input, convolve
from cardiotwin.perfusion.kinetics.inputs import gamma_variate, parker_aif, population_input
from cardiotwin.perfusion.kinetics.models import KINETICS, Kinetics, kinetics
from cardiotwin.perfusion.kinetics.tissue import plasma, tissue_curve

__all__ = [
    "KINETICS",
    "Input",
    "Kinetics",
    "convolve",
    "gamma_variate",
    "kinetics",
    "parker_aif",
    "plasma",
    "population_input",
    "tissue_curve",
]
