"""From the signal of a saturation-prepared first pass to the concentration of the agent.

The signal model is `cardiotwin.imaging.signal.first_pass`: the recovery after saturation bends it,
and T2* loss at the echo lowers it in the blood pool (Kellman et al. 2017, JCMR 19:43). Both are
inverted together, up to the concentration at which the signal turns back.
"""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator

from cardiotwin.errors import InputError
from cardiotwin.imaging.signal import first_pass

LARGEST = 40.0  # mol/m^3 that no blood pool reaches
N_TABLE = 4000


def concentration_from_signal(
    signal: Float[np.ndarray, "..."],
    reference: Float[np.ndarray, "..."] | float,
    *,
    t1: float,
    r1: float,
    sequence: Mapping[str, float],
    t2_star: float = np.inf,
    r2_star: float = 0.0,
    reference_concentration: float = 0.0,
) -> Float[np.ndarray, "..."]:
    """Return the concentration, mol/m^3; not a number where no concentration makes the signal.

    Parameters
    ----------
    signal
        Of each frame.
    reference
        Signal of the same voxels at the reference concentration, of shapes that broadcast: the
        mean of the frames before the bolus.
    t1, t2_star
        Without the agent, s.
    r1, r2_star
        Relaxivities, m^3/(s mol).
    sequence
        What `first_pass` takes of the sequence: saturation_time, flip_angle, repetition_time,
        pulse, echo_time.
    reference_concentration
        Of the agent in the reference, mol/m^3.

    Raises
    ------
    InputError
        If a reference is not positive.
    """
    if not (np.asarray(reference) > 0).all():
        msg = (
            f"The reference signal must be positive, found {np.min(reference):g}. "
            "Leave out what lies outside of the body."
        )
        raise InputError(msg)
    grid = np.linspace(-0.5, LARGEST, N_TABLE)
    grid = grid[1 + r1 * grid * t1 > 0.5]  # no noise is more than half the tissue's own rate

    def forward(concentration: np.ndarray) -> np.ndarray:
        made = first_pass(
            torch.from_numpy(concentration), t1, r1=r1, t2_star=t2_star, r2_star=r2_star,
            **sequence,
        )  # fmt: skip
        return np.asarray(made.numpy())

    made = forward(grid) / forward(np.array([reference_concentration]))
    turn = int(np.argmax(made))
    inverse = PchipInterpolator(made[: turn + 1], grid[: turn + 1], extrapolate=False)
    ratio = np.maximum(signal / reference, made[0])
    return np.asarray(inverse(ratio))


__all__ = ["concentration_from_signal"]
