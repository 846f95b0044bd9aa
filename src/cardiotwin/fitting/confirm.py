"""A posterior's answers confirmed by the full model: at its mode and at draws from it.

What the reduced twin says there and what the finite elements say stand side by side; their
difference is the model's own error, where it matters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.fitting.joint import Posterior
from cardiotwin.fitting.observations import Measurement
from cardiotwin.fitting.problem import Predicted
from cardiotwin.fitting.reduced_twin import ED, VOLUME, ReducedTwin
from cardiotwin.mechanics.parameter_range import ParameterRange
from cardiotwin.mechanics.parametric import PRESSURE, ParametricWall, Placed
from cardiotwin.mechanics.walks import Walk, from_walk


@dataclass(frozen=True, kw_only=True, eq=False)
class Confirmed:
    """One observable at hearts of a posterior, the most probable first.

    Parameters
    ----------
    reduced, full
        SI; NaN where the full model was not reached.
    """

    reduced: Float[np.ndarray, "hearts n"]
    full: Float[np.ndarray, "hearts n"]

    @property
    def covariance(self) -> Float[np.ndarray, "n n"]:
        """Return the mean square of what the reduced twin misses."""
        miss = (self.reduced - self.full)[np.isfinite(self.full).all(axis=1)]
        return np.asarray(miss.T @ miss / max(len(miss), 1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Confirmation:
    """What the full model says of a posterior.

    Parameters
    ----------
    values
        Parameters of the hearts, SI, the most probable first.
    observables
        By name.
    by_measurement
        Largest difference of the two models, in standard deviations of each measurement;
        infinite where the full model was not reached.
    walked
        The full model's equilibria.
    """

    values: Float[np.ndarray, "hearts parameters"]
    observables: dict[str, Confirmed]
    by_measurement: dict[str, float]
    walked: Walk

    @property
    def worst(self) -> float:
        """Return the largest difference, standard deviations."""
        return max(self.by_measurement.values(), default=0.0)


def confirm(
    model: ParametricWall,
    span: ParameterRange,
    twin: ReducedTwin,
    found: Posterior,
    measurements: Sequence[Measurement],
    *,
    known: Walk,
    draws: int = 3,
    rng: np.random.Generator,
) -> Confirmation:
    """Return the full model's states at the mode and at draws, beside the reduced twin's."""
    chosen = rng.choice(len(found.x), draws, replace=False)
    some = np.stack([found.samples[name][chosen] for name in twin.names], axis=1)
    values = np.vstack([[found.mode[name] for name in twin.names], some])
    full, walked = full_observables(model, span, twin, known, values)
    reduced = twin.predict(values)
    apart = {}
    for each in measurements:
        if each.observable not in full:
            continue
        pair = each.taken(reduced[each.observable]), each.taken(full[each.observable])
        miss = np.abs(pair[0] - pair[1]) / each.sd
        apart[each.name] = float(np.max(np.where(np.isfinite(miss), miss, np.inf)))
    return Confirmation(
        values=values,
        observables={name: Confirmed(reduced=reduced[name], full=full[name]) for name in full},
        by_measurement=apart,
        walked=walked,
    )


def full_observables(
    model: ParametricWall,
    span: ParameterRange,
    twin: ReducedTwin,
    known: Walk,
    values: Float[np.ndarray, "hearts parameters"],
) -> tuple[Predicted, Walk]:
    """Return pressures and strains by the full model, and its equilibria.

    `known` has those from which they are walked to.
    """
    asked = [full_values(twin, span.names, name, values) for name in twin.states]
    rows, wanted = (np.concatenate(each) for each in zip(*asked, strict=True))
    found = from_walk(model, span, known, rows, wanted)
    order = [k for k in range(len(rows)) if k not in found.failed]
    placed = dict(zip(order, found.placed, strict=True))
    return _observables(model, twin, values, placed), found


def full_values(
    twin: ReducedTwin,
    names: tuple[str, ...],
    state: str,
    values: Float[np.ndarray, "hearts parameters"],
) -> tuple[Float[np.ndarray, "hearts n"], Float[np.ndarray, " hearts"]]:
    """Return the wall's own parameters of a state at unloaded size one, and its volumes, m^3."""
    asked, _ = twin.asked(state, values)
    given = dict(zip(twin.surfaces[twin.states[state]].names, asked.T, strict=True))
    volumes = given.pop(VOLUME)
    relaxed = {"active_tension": np.zeros(len(values))}
    nothing = np.ones(len(values))
    found = np.stack([{**relaxed, **given}.get(name, nothing) for name in names], axis=1)
    found[:, PRESSURE] = 0.0
    return found, volumes


def _observables(
    model: ParametricWall,
    twin: ReducedTwin,
    values: Float[np.ndarray, "hearts parameters"],
    placed: Mapping[int, Placed],
) -> dict[str, np.ndarray]:
    """Return pressures and strains of the full model; NaN where it was not reached.

    `placed` has the equilibria by number: all hearts' first states, then all their second ones.
    """
    n, found = len(values), {}
    lengths = {}
    for number, name in enumerate(twin.states):
        own = [placed.get(number * n + k) for k in range(n)]
        pressures = [np.nan if one is None else one.values[PRESSURE] for one in own]
        found[f"{name}_pressure"] = np.array(pressures)[:, None]
        nothing = np.full(len(twin.lines.names), np.nan)
        lengths[name] = np.stack(
            [
                nothing if one is None else twin.lines.lengths(model.nodes(one)[None])[0]
                for one in own
            ]
        )
    for name in (name for name in twin.states if name != ED and ED in twin.states):
        found[f"{name}_strain"] = lengths[name] / lengths[ED] - 1
    return found


__all__ = ["Confirmation", "Confirmed", "confirm", "full_observables", "full_values"]
