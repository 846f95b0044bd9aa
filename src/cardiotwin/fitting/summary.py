"""What a fit says in the parameters' own units: estimates, standard deviations, draws."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import Flag
from cardiotwin.fitting.evidence import Evidence
from cardiotwin.fitting.personalise import RANGES, Fit, unit_slope, values_of

CONTRACTILITY = "contractility"
UNLOADED = "unloaded_volume"
UNITS = {
    "passive_scale": "1",
    "passive_exponent": "1",
    CONTRACTILITY: "Pa",
    UNLOADED: "m^3",
    "end_diastolic_pressure": "Pa",
    "end_systolic_pressure": "Pa",
    "end_systolic_volume": "m^3",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Uncertainty:
    """Parameters and what follows from them, normal on the fit's scale (Laplace).

    Parameters
    ----------
    values
        Most probable values, SI.
    logarithmic
        Those whose logarithm is the normal one.
    mode, covariance
        On the fit's scale.
    rows
        Derivative of each value (of its logarithm where logarithmic) by the fit's scale.
    """

    values: Mapping[str, float]
    logarithmic: frozenset[str]
    mode: Float[np.ndarray, " parameters"]
    covariance: Float[np.ndarray, "parameters parameters"]
    rows: Mapping[str, Float[np.ndarray, " parameters"]]

    def sd(self, name: str) -> float:
        """Return the posterior standard deviation, SI."""
        row = self.rows[name]
        spread = float(np.sqrt(row @ self.covariance @ row))
        if name not in self.logarithmic:
            return spread
        return self.values[name] * float(np.sqrt(np.expm1(spread**2)) * np.exp(spread**2 / 2))


def uncertainty(fit: Fit, evidence: Evidence) -> Uncertainty:
    """Return the posterior of a fit around its mode."""
    values = values_of(fit.names, fit.mode.values, evidence)
    scale = {name: unit_slope(name, values[name], evidence) for name in fit.names}
    rows = {name: np.eye(len(fit.names))[number] for number, name in enumerate(fit.names)}
    rows = {name: row * (1 if name in RANGES else scale[name]) for name, row in rows.items()}
    slopes = fit.slopes
    derived = {UNLOADED: ("unloaded", fit.volumes["unloaded"])}
    if fit.placements.systole:
        tension = fit.placements.end_systole.loads.active_tension
        derived[CONTRACTILITY] = (CONTRACTILITY, tension)
    for name, (key, value) in derived.items():
        row = np.array([slopes[key].get(one, 0.0) * scale[one] for one in fit.names])
        rows[name] = row / value
        values[name] = value
    return Uncertainty(
        values=values,
        logarithmic=frozenset((*RANGES, *derived)) & frozenset(values),
        mode=fit.mode.values,
        covariance=fit.mode.covariance,
        rows=rows,
    )


def draws(
    found: Uncertainty, n_draws: int, rng: np.random.Generator
) -> dict[str, Float[np.ndarray, " draws"]]:
    """Return joint draws of all values, SI."""
    x = rng.multivariate_normal(np.zeros(len(found.mode)), found.covariance, n_draws)
    result = {}
    for name, row in found.rows.items():
        shift = x @ row
        value = found.values[name]
        result[name] = value * np.exp(shift) if name in found.logarithmic else value + shift
    return result


def scale_flags(fit: Fit) -> tuple[Flag, ...]:
    """Return a flag for each parameter that ended on a bound of its range."""
    return tuple(
        Flag(
            name=f"{name}_at_bound",
            sentence=(
                f"The fit of {name} ended at the edge of its range: its value and its uncertainty "
                "are not to be trusted. Check the volumes and pressures."
            ),
        )
        for name, held in zip(fit.names, fit.mode.at_bound, strict=True)
        if held
    )
