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
from cardiotwin.imaging.signal.decay import effective_t2, multi_echo, spin_echo, t2_prepared
from cardiotwin.imaging.signal.gradient_echo import (
    ernst_angle,
    prepared_gradient_echo,
    spoiled_gradient_echo,
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
    "balanced_best_flip",
    "balanced_decay",
    "balanced_steady_state",
    "balanced_train",
    "effective_t2",
    "ernst_angle",
    "extracellular_volume",
    "inversion_recovery",
    "look_locker",
    "molli_acquisition",
    "molli_t1",
    "molli_times",
    "multi_echo",
    "prepared_gradient_echo",
    "saturation_recovery",
    "spin_echo",
    "spoiled_gradient_echo",
    "t2_prepared",
]
