"""Wall motion as a posterior takes it: what the images told, without what the regression believed.

A `Motion`'s covariance is that of a regression with a prior of its own (smooth fields are
likelier). Counted again for every frame it would pull the twin to rest, so it is taken out: in
coordinates where that prior is N(0, 1) the images' own information is the precision less one, and
directions of which they told less than half a bit are left out.
"""

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.fitting.observations import Measurement
from cardiotwin.measurement.motion import Motion, Smoothness

TOLD = 1.0  # information beside the prior's one: half a bit


def motion_measurement(
    motion: Motion,
    frame: int,
    modes: Float[np.ndarray, "modes nodes 3"],
    *,
    observable: str,
    acquisition: str,
    discrepancy: float = 0.0,
    surrogate: Float[np.ndarray, "modes modes"] | None = None,
) -> Measurement:
    """Return the measurement of one frame's displacement from end-diastole.

    Parameters
    ----------
    motion
        Of the twin's mesh, node by node.
    modes
        Of the observable: what one unit of each coefficient displaces, m.
    observable
        E.g. ``end_systolic_displacement``.
    discrepancy
        By how much a beating heart of this kind is known to differ from the model where it moves
        most, m (standard deviation); finer fields less, as the regression believed.
    surrogate
        Covariance of what the reduced twin misses of the coefficients.

    Raises
    ------
    InputError
        If motion and modes are not of one mesh, or the images tell nothing.
    """
    if len(motion.basis) != modes.shape[1]:
        msg = (
            f"The motion must be of the twin's mesh, found {len(motion.basis)} nodes for "
            f"{modes.shape[1]}. Measure it with the twin's own template."
        )
        raise InputError(msg)
    chosen = motion.smoothness[frame] if motion.smoothness else Smoothness()
    spread = np.repeat(chosen.spread(), 3)
    believed = np.diag(1 / spread)
    covariance = believed @ motion.covariance[frame] @ believed
    own, axes = np.linalg.eigh(np.linalg.inv(covariance) - np.eye(len(spread)))
    told = own > TOLD
    if not told.any():
        msg = (
            f"The motion of frame {frame} tells nothing beside its own prior, found at most "
            f"{own.max():.2g} of its precision. Leave it out."
        )
        raise InputError(msg)
    onto = axes[:, told].T @ believed
    mean = onto @ motion.coefficients[frame].ravel() * (own[told] + 1) / own[told]
    pseudo = np.linalg.pinv(motion.basis)
    by_mode = np.einsum("tn,knc->tck", pseudo, modes).reshape(len(spread), len(modes))
    error = (discrepancy / chosen.largest) ** 2 * np.eye(int(told.sum()))
    operator = onto @ by_mode
    if surrogate is not None:
        error = error + operator @ surrogate @ operator.T
    return Measurement(
        name=f"{observable}_{frame}",
        observable=observable,
        acquisition=acquisition,
        value=mean,
        covariance=np.diag(1 / own[told]),
        unit="1",
        source=motion.source,
        model_error=error,
        operator=operator,
    )


__all__ = ["motion_measurement"]
