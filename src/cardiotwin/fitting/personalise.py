"""Stiffness from diastole, contractility from end-systole, one posterior for both.

The parameters are fitted on the scale on which they are believed: logarithms of stiffness and
exponent, standard units of the pressures and of the end-systolic volume. These are measurements
with an uncertainty, so they are parameters too, and their uncertainty reaches the others. The
contractility follows from them: it is the tension that holds the measured volume against the
measured pressure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.fitting.evidence import Evidence, Measured
from cardiotwin.fitting.heart_model import HeartModel, Placements, Trial
from cardiotwin.fitting.klotz import Klotz
from cardiotwin.fitting.least_squares import Mode, find_mode
from cardiotwin.fitting.priors import LogNormal
from cardiotwin.mechanics.wall import Wall
from cardiotwin.units import MMHG

Volumes = Mapping[str, float]
Slopes = Mapping[str, Mapping[str, float]]

PASSIVE = ("passive_scale", "passive_exponent", "end_diastolic_pressure")
ACTIVE = ("end_systolic_volume", "end_systolic_pressure")
LOWEST_PRESSURE = 2 * MMHG  # of end-diastole: the relation of Klotz has no meaning below
REACH = 4.0  # standard deviations of a pressure that the fit may go
RANGES = {  # factors from the law as published
    "passive_scale": (1e-2, 1e2),
    "passive_exponent": (0.1, 15.0),
}
KLOTZ_PRESSURE = 30 * MMHG
START = 2.0  # times the prior's median stiffness, where the search begins


@dataclass(frozen=True, kw_only=True)
class Priors:
    """What is believed of the heart before it is measured (logarithmic normal laws)."""

    passive_scale: LogNormal
    passive_exponent: LogNormal
    contractility: LogNormal

    def of(self, name: str) -> LogNormal:
        """Return one parameter's prior."""
        found: LogNormal = getattr(self, name)
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """A fitted ventricle.

    Parameters
    ----------
    names
        Parameters in the order of `mode`.
    mode
        Most probable values on the fit's scale.
    placements
        The equilibria there.
    volumes
        What the model says of each target, m^3, by its name.
    slopes
        Derivatives of `volumes` (and of ``contractility``) by the parameters, SI.
    """

    names: tuple[str, ...]
    mode: Mode
    placements: Placements
    volumes: Mapping[str, float]
    slopes: Mapping[str, Mapping[str, float]]


def unit_slope(name: str, value: float, evidence: Evidence) -> float:
    """Return d(parameter)/d(fit's scale), SI."""
    if name in RANGES:
        return value
    return float(getattr(evidence, name).sd)


def values_of(
    names: tuple[str, ...], x: Float[np.ndarray, " parameters"], evidence: Evidence
) -> dict[str, float]:
    """Return the parameters, SI, from the fit's scale."""
    result = {}
    for name, value in zip(names, x, strict=True):
        if name in RANGES:
            result[name] = float(np.exp(value))
        else:
            measured = getattr(evidence, name)
            result[name] = float(measured.value + value * measured.sd)
    return result


def with_right(trial: Trial, evidence: Evidence) -> Trial:
    """Return the trial with the right ventricle's pressures, where the wall has one."""
    if evidence.right is None:
        return trial
    right = evidence.right
    return replace(trial, rv_share=right.share, rv_end_systolic=right.end_systolic)


class Posterior:
    """The residuals of one ventricle: measurements and priors, standardised.

    Parameters
    ----------
    wall
        The imaged wall.
    evidence
        What was measured.
    priors
        What was believed.
    active
        Whether end-systole takes part.
    """

    def __init__(self, wall: Wall, evidence: Evidence, priors: Priors, *, active: bool) -> None:
        self.evidence = evidence
        self.priors = priors
        self.names = PASSIVE + (ACTIVE if active else ())
        points = tuple(pressure for pressure, _ in evidence.diastolic_points if pressure > 0)
        self.model = HeartModel(wall, points or (KLOTZ_PRESSURE,))
        self.start: Placements | None = None
        self._found: tuple[Placements, Volumes, Slopes] | None = None
        self._found_at = np.zeros(0)

    def bounds(self) -> tuple[Float[np.ndarray, " parameters"], Float[np.ndarray, " parameters"]]:
        """Return the least and the greatest values on the fit's scale."""
        lower, upper = [], []
        for name in self.names:
            if name in RANGES:
                low, high = np.log(RANGES[name])
            else:
                low, high = -REACH, REACH
                if name == "end_diastolic_pressure":
                    measured = self.evidence.end_diastolic_pressure
                    low = max(low, (LOWEST_PRESSURE - measured.value) / measured.sd)
            lower.append(low)
            upper.append(high)
        return np.array(lower), np.array(upper)

    # ---- residuals -----------------------------------------------------------------------

    def linearised(
        self, x: Float[np.ndarray, " parameters"]
    ) -> tuple[Float[np.ndarray, " residuals"], Float[np.ndarray, "residuals parameters"]]:
        """Return the standardised residuals and their derivative at a trial."""
        values = values_of(self.names, x, self.evidence)
        systolic = [values[name] for name in ACTIVE if name in values]
        trial = Trial(
            **{name: values[name] for name in PASSIVE},
            end_systolic=(systolic[0], systolic[1]) if systolic else None,
        )
        trial = with_right(trial, self.evidence)
        if self.start is None:
            raise AssertionError
        placed = self.model.moved(self.start, trial)
        volumes, slopes = self.model.volumes(placed), self.model.slopes(placed)
        residuals, rows = [], []
        for name, target, derivative in self.targets(values["end_diastolic_pressure"]):
            residuals.append((volumes[name] - target.value) / target.sd)
            slope = dict(slopes[name])
            slope["end_diastolic_pressure"] -= derivative
            rows.append(self._row(slope, values) / target.sd)
        if placed.systole:
            prior = self.priors.contractility
            tension = placed.end_systole.loads.active_tension
            residuals.append(prior.residual(float(np.log(max(tension, 1.0)))))
            rows.append(self._row(slopes["contractility"], values) / (tension * prior.sd))
        for number, name in enumerate(self.names):
            believed = self.priors.of(name) if name in RANGES else None
            residuals.append(believed.residual(x[number]) if believed else float(x[number]))
            rows.append(np.eye(len(self.names))[number] / (believed.sd if believed else 1.0))
        self.start, self._found = placed, (placed, volumes, slopes)
        self._found_at = np.array(x)
        return np.array(residuals), np.array(rows, dtype=np.float64)

    def _row(
        self, slopes: Mapping[str, float], values: Mapping[str, float]
    ) -> Float[np.ndarray, " parameters"]:
        """Return a derivative by the fit's scale of one by the parameters."""
        return np.array(
            [
                slopes.get(name, 0.0) * unit_slope(name, values[name], self.evidence)
                for name in self.names
            ]
        )

    def targets(self, imaged_pressure: float) -> tuple[tuple[str, Measured, float], ...]:
        """Return each target: name, measured volume, its derivative by the imaged pressure."""
        evidence = self.evidence
        found: list[tuple[str, Measured, float]] = []
        number = 0
        for pressure, measured in evidence.diastolic_points:
            found.append((f"passive_{number}" if pressure > 0 else "unloaded", measured, 0.0))
            number += pressure > 0
        if evidence.klotz is not None:
            found += self._klotz_targets(evidence.klotz, imaged_pressure)
        return tuple(found)

    @staticmethod
    def _klotz_targets(relation: Klotz, pressure: float) -> list[tuple[str, Measured, float]]:
        here = replace(relation, pressure=pressure)
        step = 0.01 * MMHG
        ahead = replace(here, pressure=pressure + step)
        unloaded = Measured(
            value=here.unloaded_volume, sd=here.unloaded_volume_sd, source="Klotz 2006"
        )
        full = Measured(
            value=here.volume_at_30_mmhg, sd=here.volume_at_30_mmhg_sd, source="Klotz 2006"
        )
        return [
            ("unloaded", unloaded, (ahead.unloaded_volume - here.unloaded_volume) / step),
            ("passive_0", full, (ahead.volume_at_30_mmhg - here.volume_at_30_mmhg) / step),
        ]

    # ---- the fit -------------------------------------------------------------------------

    def fit(self, start: Float[np.ndarray, " parameters"]) -> Fit:
        """Return the most probable parameters and the equilibria there."""
        lower, upper = self.bounds()
        mode = find_mode(self.linearised, np.clip(start, lower, upper), lower=lower, upper=upper)
        if self._found is None or not np.array_equal(self._found_at, mode.values):
            self.linearised(mode.values)  # the optimiser ended on a trial that it refused
        if self._found is None:
            raise AssertionError
        placements, volumes, slopes = self._found
        return Fit(
            names=self.names, mode=mode, placements=placements, volumes=volumes, slopes=slopes
        )


def fit_passive(wall: Wall, evidence: Evidence, priors: Priors) -> Fit:
    """Return the relaxed ventricle: stiffness and exponent from the diastolic volumes.

    The search starts where the wall can be unloaded: on the stiff side, from where a softer
    heart is a smooth walk.
    """
    posterior = Posterior(wall, evidence, priors, active=False)
    exponent = priors.passive_exponent.median
    trial = Trial(
        passive_scale=START * priors.passive_scale.median,
        passive_exponent=exponent,
        end_diastolic_pressure=evidence.end_diastolic_pressure.value,
    )
    posterior.start = posterior.model.first(with_right(trial, evidence))
    scale = posterior.start.trial.passive_scale
    return posterior.fit(np.array([np.log(scale), np.log(exponent), 0.0]))


def fit_beat(wall: Wall, evidence: Evidence, priors: Priors, passive: Fit) -> Fit:
    """Return the ventricle with its contractility, all parameters together.

    Raises
    ------
    ConvergenceError
        If the wall cannot be contracted to end-systole at all.
    """
    posterior = Posterior(wall, evidence, priors, active=True)
    posterior.start = passive.placements
    return posterior.fit(np.array([*passive.mode.values, *np.zeros(len(ACTIVE))]))
