"""A finished run's posterior, confirmed by the full model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cardiotwin.errors import Flag
from cardiotwin.fitting.confirm import Confirmation, confirm
from cardiotwin.fitting.examined import twin_measurements, twin_priors
from cardiotwin.fitting.hamiltonian import Sampling
from cardiotwin.fitting.joint import Posterior, posterior
from cardiotwin.fitting.observations import Measurement
from cardiotwin.fitting.priors import Prior
from cardiotwin.fitting.reduced_twin import ReducedTwin
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.run.reduced import SECOND, ReducedRun, evidence_of, joined

AGREED = 0.3  # standard deviations of a measurement to which both models must agree
ROUNDS = 2  # of training anew with the full model's states


@dataclass(frozen=True, kw_only=True, eq=False)
class Examined:
    """A twin's posterior with all that it rests on.

    Parameters
    ----------
    twin
        Reduced, in the states that were measured.
    whole
        With those that might be.
    priors, measurements
        By parameter; what is missing is absent.
    found
        The posterior.
    confirmation
        The full model at its mode and at draws; None where it was not asked.
    rounds
        How often the reduced twin was trained.
    """

    twin: ReducedTwin
    whole: ReducedTwin
    priors: Mapping[str, Prior]
    measurements: tuple[Measurement, ...]
    found: Posterior
    confirmation: Confirmation | None
    rounds: int


def examined(
    stage: ReducedRun,
    believed: Any,
    sampling: Sampling,
    *,
    draws: int,
    rng: np.random.Generator,
    motion: bool = False,
) -> Examined:
    """Return the posterior of a finished run, confirmed at its mode and at draws.

    Where the full model differs by more than `AGREED` of a measurement's standard deviation its
    states join the walk, and all is done again; what is left is part of the model's error.
    """
    evidence, walked = evidence_of(stage.record), stage.walked()
    volume = wall_volume(stage.record.mesh.points, stage.record.mesh)
    heart, whole = stage.twin(walked, evidence)
    number, confirmation = 1, None
    twin = whole.part(tuple(name for name in whole.states if name != SECOND))
    priors = twin_priors(twin, believed)

    def fitted(full: Mapping[str, np.ndarray]) -> tuple[tuple[Measurement, ...], Posterior]:
        middle = np.array([np.mean(ends) for ends in twin.span.values()])
        data = twin_measurements(twin, evidence, middle, wall_volume=volume, full=full)
        data += [stage.motion(heart, twin)] if motion else []
        return tuple(data), posterior(twin, data, priors, sampling=sampling)

    data, found = fitted({})
    while draws:
        confirmation = confirm(
            stage.model, stage.span, twin, found, data, known=walked, draws=draws, rng=rng
        )
        if confirmation.worst <= AGREED or number == ROUNDS:
            missed = {name: one.covariance for name, one in confirmation.observables.items()}
            data, found = fitted(missed)
            found = replace(found, flags=(*found.flags, *_unconfirmed(confirmation)))
            break
        walked, number = joined(walked, confirmation.walked), number + 1
        heart, whole = stage.twin(walked, evidence)
        twin = whole.part(tuple(twin.states))
        data, found = fitted({})
    return Examined(
        twin=twin,
        whole=whole,
        priors=priors,
        measurements=data,
        found=found,
        confirmation=confirmation,
        rounds=number,
    )


def _unconfirmed(confirmation: Confirmation) -> tuple[Flag, ...]:
    if confirmation.worst <= AGREED:
        return ()
    name = max(confirmation.by_measurement, key=lambda key: confirmation.by_measurement[key])
    if not np.isfinite(confirmation.worst):
        sentence = (
            f"The full model was not reached at the mode or a draw, so that {name} stands on the "
            "reduced one alone. Walk more of its states (states=...)."
        )
        return (Flag(name="not_confirmed", sentence=sentence),)
    sentence = (
        f"The full model differs from the reduced one by {confirmation.worst:.2g} standard "
        f"deviations of {name} (at most {AGREED:g}) at the mode or a draw: the posterior is no "
        "sharper than that."
    )
    return (Flag(name="not_confirmed", sentence=sentence),)


__all__ = ["AGREED", "Examined", "examined"]
