"""What the scanner would measure: one differentiable function of tissue and sequence per contrast.

The functions take numbers or tensors of shapes that broadcast, so voxels may lie along the first
and images along the last dimension, and return tensors that autograd sees through. This package
loads torch; `cardiotwin.imaging` does not load this package.
"""

from cardiotwin.imaging.signal.balanced import (
    balanced_best_flip,
    balanced_decay,
    balanced_steady_state,
    balanced_train,
)
from cardiotwin.imaging.signal.chemical_shift import (
    HAMILTON_2011,
    SINGLE_PEAK,
    FatSpectrum,
    off_resonance_between,
    off_resonance_error,
    turned,
    water_fat,
)
from cardiotwin.imaging.signal.contrast_agent import (
    corrected_for_t2_star,
    first_pass,
    relaxed_t1,
    relaxivity,
)
from cardiotwin.imaging.signal.decay import (
    GAMMA,
    effective_t2,
    multi_echo,
    spin_echo,
    t2_prepared,
)
from cardiotwin.imaging.signal.diffusion import apparent_fraction, b_value, diffusion, ivim
from cardiotwin.imaging.signal.extended_phase_graph import (
    gradient_spoiled_train,
    quadratic_phases,
    spin_echo_train,
)
from cardiotwin.imaging.signal.gradient_echo import (
    ernst_angle,
    prepared_gradient_echo,
    spoiled_gradient_echo,
)
from cardiotwin.imaging.signal.motion import (
    HADAMARD_ENCODING,
    REFERENCE_ENCODING,
    dense,
    phase_contrast,
    spamm,
    tagged_magnetisation,
    velocity_encoding,
    velocity_error,
)
from cardiotwin.imaging.signal.recovery import (
    extracellular_volume,
    inversion_recovery,
    look_locker,
    molli_acquisition,
    molli_t1,
    molli_times,
    saturation_recovery,
)

__all__ = [
    "GAMMA",
    "HADAMARD_ENCODING",
    "HAMILTON_2011",
    "REFERENCE_ENCODING",
    "SINGLE_PEAK",
    "FatSpectrum",
    "apparent_fraction",
    "b_value",
    "balanced_best_flip",
    "balanced_decay",
    "balanced_steady_state",
    "balanced_train",
    "corrected_for_t2_star",
    "dense",
    "diffusion",
    "effective_t2",
    "ernst_angle",
    "extracellular_volume",
    "first_pass",
    "gradient_spoiled_train",
    "inversion_recovery",
    "ivim",
    "look_locker",
    "molli_acquisition",
    "molli_t1",
    "molli_times",
    "multi_echo",
    "off_resonance_between",
    "off_resonance_error",
    "phase_contrast",
    "prepared_gradient_echo",
    "quadratic_phases",
    "relaxed_t1",
    "relaxivity",
    "saturation_recovery",
    "spamm",
    "spin_echo",
    "spin_echo_train",
    "spoiled_gradient_echo",
    "t2_prepared",
    "tagged_magnetisation",
    "turned",
    "velocity_encoding",
    "velocity_error",
    "water_fat",
]
