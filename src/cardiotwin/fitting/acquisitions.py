"""What an examination may consist of: what each acquisition measures of a twin, and how well.

Noise is that of one examination of one person, as its source gives it; sources that were not at
hand when this was written are said to be from memory.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.fitting.ledger import Fisher
from cardiotwin.fitting.observations import Measurement
from cardiotwin.fitting.priors import Prior
from cardiotwin.fitting.problem import Model, Problem
from cardiotwin.units import ML, MMHG

UNITS = {"volume": "m^3", "pressure": "Pa", "strain": "1", "share": "1"}


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """Something that may be measured.

    Parameters
    ----------
    minutes
        How long it takes.
    sd
        Standard deviation of each observable that it measures, SI.
    source
        Of the noise and the time.
    """

    minutes: float
    sd: Mapping[str, float]
    source: str

    def __post_init__(self) -> None:
        """Refuse what takes no time or knows exactly."""
        for name, value in (("minutes", self.minutes), *self.sd.items()):
            if not (np.isfinite(value) and value > 0):
                msg = (
                    f"An acquisition's {name} must be positive, found {value:g} ({self.source}). "
                    "Leave out what is not measured."
                )
                raise InputError(msg)


ACQUISITIONS: dict[str, Acquisition] = {
    "cine": Acquisition(
        minutes=4.0,
        sd={
            "end_diastolic_volume": 5 * ML,
            "end_systolic_volume": 4 * ML,
            "wall_volume": 6 * ML,
        },
        source="interstudy: Grothues et al. 2002, Am J Cardiol 90:29 (from memory); time: ours",
    ),
    "tagging": Acquisition(
        minutes=6.0,
        sd={"end_systolic_strain": 0.02},
        source="of a segment's mid-wall strain, order of Ibrahim 2011, JCMR 13:36 (from memory)",
    ),
    "cuff": Acquisition(
        minutes=1.0,
        sd={"end_systolic_pressure": 7 * MMHG},
        source="Kelly et al. 1992, Circulation 86:513, as the twin's own cuff",
    ),
    "flow": Acquisition(
        minutes=1.5,
        sd={"stroke_volume": 5 * ML},
        source="phase contrast in the aorta, order of 5 to 6 % (from memory)",
    ),
    "echo": Acquisition(
        minutes=3.0,
        sd={"end_diastolic_pressure": 3.8 * MMHG},
        source="E/e': Nagueh et al. 1997, JACC 30:1527 (from memory)",
    ),
    "catheter": Acquisition(
        minutes=30.0,
        sd={"end_diastolic_pressure": 1 * MMHG, "end_systolic_pressure": 2 * MMHG},
        source="fluid-filled catheter, zero and damping (ours)",
    ),
    "second_filling": Acquisition(
        minutes=10.0,
        sd={"second_diastolic_volume": 5 * ML, "second_diastolic_pressure": 2 * MMHG},
        source="cine again at another preload, pressure by its change in a vein (ours)",
    ),
}
"""What may be done to one heart, by name."""


def hypothetical(
    acquisitions: Mapping[str, Acquisition],
    predicted: Mapping[str, Float[np.ndarray, "batch _"]],
    error: Callable[[str], Float[np.ndarray, "n n"]] | None = None,
) -> list[Measurement]:
    """Return the measurements as they would be of a prediction's first heart.

    An observable that the twin does not predict is left out; `error` gives the covariance of what
    its model misses of one.
    """
    found = []
    for name, acquisition in acquisitions.items():
        for observable, sd in acquisition.sd.items():
            if observable not in predicted:
                continue
            value = predicted[observable][0]
            found.append(
                Measurement(
                    name=f"{name}_{observable}",
                    observable=observable,
                    acquisition=name,
                    value=value,
                    covariance=sd**2 * np.eye(len(value)),
                    unit=UNITS[observable.rpartition("_")[2]],
                    source=acquisition.source,
                    model_error=None if error is None else error(observable),
                )
            )
    return found


def fisher_of(
    twin: Model,
    priors: Mapping[str, Prior],
    measurements: Sequence[Measurement],
    x: Float[np.ndarray, "hearts parameters"],
    *,
    sought: tuple[str, ...] = (),
) -> Fisher:
    """Return the acquisitions' information at hearts given by their standard numbers.

    Hearts of which the twin knows nothing are left out.

    Raises
    ------
    InputError
        If it knows none of them.
    """
    problem = Problem(model=twin, measurements=tuple(measurements), priors=priors)
    _, J = problem.linearised(x)
    known = np.isfinite(J).all(axis=(1, 2))
    if not known.any():
        msg = (
            f"Bits are averages over hearts that the twin knows, found none among {len(x)}. "
            "Narrow the priors to the range in which the reduced heart was trained."
        )
        raise InputError(msg)
    by: dict[str, np.ndarray] = {}
    for each, rows in zip(problem.measurements, problem.rows().values(), strict=True):
        own = J[known][:, rows]
        told = np.swapaxes(own, 1, 2) @ own
        by[each.acquisition] = by.get(each.acquisition, 0.0) + told
    return Fisher(names=twin.names, by=by, sought=sought)


__all__ = ["ACQUISITIONS", "Acquisition", "fisher_of", "hypothetical"]
