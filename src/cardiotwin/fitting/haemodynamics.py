"""The circulation of one animal from its measured pressures and volumes, with uncertainty.

A closed loop's limit cycle is fitted to courses over one beat by Gauss-Newton. What the lumped
model cannot follow is a discrepancy, a correlated process whose size its likelihood finds; it is
told apart from the noise, and widens the standard deviations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.linalg import block_diag

from cardiotwin.circulation import Circulation, Trace, simulate
from cardiotwin.errors import ConvergenceError
from cardiotwin.fitting.beat_problem import ROOT_SHARE, BeatProblem, FreeShape
from cardiotwin.fitting.channels import Channel
from cardiotwin.fitting.discrepancy import Discrepancy, estimate, log_evidence
from cardiotwin.fitting.least_squares import Mode, find_mode
from cardiotwin.fitting.priors import LogNormal, Prior

Vector = Float[np.ndarray, " _"]
WIDE = 6.0  # standard deviations that the search may go from the prior's centre
ROUGH = 0.05  # of a channel's range: what the first round takes for noise
COARSE = 0.02  # relative change of the parameters at which an early round ends
SHRINKING = (0.25, 0.06, 0.0)  # of the first spread, towards the noise
STEPS = 200  # per beat


@dataclass(frozen=True, kw_only=True, eq=False)
class HaemodynamicFit:
    """The most probable circulation and how well it is known.

    Parameters
    ----------
    values, sd
        Of each parameter, SI; of log-normal ones `sd` is relative.
    predicted
        Each channel's course by the model.
    residual
        Root mean square difference by channel, in its unit.
    discrepancy
        What of it is the model's and not the noise's, by channel.
    log_evidence
        Of the measurement, with parameters and discrepancy integrated out about the mode.
    trace
        The limit cycle.
    mode
        The fit in its own scale.
    """

    values: Mapping[str, float]
    sd: Mapping[str, float]
    predicted: Mapping[str, Vector]
    residual: Mapping[str, float]
    discrepancy: Mapping[str, Discrepancy]
    log_evidence: float
    trace: Trace
    mode: Mode


def fit_circulation(
    circulation: Circulation,
    priors: Mapping[str, Prior],
    channels: Sequence[Channel],
    shapes: Sequence[FreeShape] = (),
    *,
    steps: int = STEPS,
) -> HaemodynamicFit:
    """Return the circulation of the measured beat.

    Parameters
    ----------
    circulation
        Its period is the beat's, its clock that of the R wave; what `priors` do not name is fixed.
    priors
        Of parameters by `parameter_values`' names, of ``twitch.`` or ``atria.`` and a time of
        `TIMES` (both ventricles', both atria's), of ``blood_volume``, and of `ROOT_SHARE` where
        there is no aorta and its pressure is that behind the valve, SI.
    channels
        What was measured.
    shapes
        Of chambers whose elastance is free.
    steps
        Per beat.

    Raises
    ------
    ConvergenceError
        If there is no such circulation.
    """
    problem = BeatProblem(
        circulation=circulation,
        loop=priors,
        channels=channels,
        shapes=shapes,
        spread=[max(c.noise, ROUGH * float(np.ptp(c.value))) for c in channels],
        steps=steps,
    )
    bound = np.full(len(problem.names), WIDE)
    rough = problem.spread
    mode = find_mode(
        problem.linearised, np.zeros(len(bound)), lower=-bound, upper=bound, tolerance=COARSE
    )
    for share in SHRINKING:
        spread = [max(c.noise, share * sd) for c, sd in zip(channels, rough, strict=True)]
        problem = replace(problem, spread=spread)
        start = mode.values
        mode = find_mode(problem.linearised, start, lower=-bound, upper=bound, tolerance=COARSE)
    return _told(problem, mode)


def _told(problem: BeatProblem, mode: Mode) -> HaemodynamicFit:
    """Return the fit with its discrepancy, and with what that leaves uncertain.

    The mode takes independent noise; its covariance under noise and discrepancy is that of White
    (1982), Econometrica 50:1-25: H^-1 (J' S^-1 C S^-1 J + 1) H^-1.
    """
    channels, x = problem.channels, mode.values
    frames, slope = problem.predict(x)
    courses = problem.split(frames)
    names = [c.name for c in channels]
    misses = [c.value - course for c, course in zip(channels, courses, strict=True)]
    terms = [
        estimate(c.time, c.noise, miss, problem.circulation.period)
        for c, miss in zip(channels, misses, strict=True)
    ]
    true = block_diag(
        *(
            c.noise**2 * np.eye(len(c.time)) + term.covariance(c.time)
            for c, term in zip(channels, terms, strict=True)
        )
    )
    taken = np.repeat(problem.spread, [len(c.time) for c in channels])[:, None] ** 2
    weighed = slope / taken
    inverse = np.linalg.inv(slope.T @ weighed + np.eye(len(x)))
    covariance = inverse @ (weighed.T @ true @ weighed + np.eye(len(x))) @ inverse
    evidence = log_evidence(problem.measured - frames + slope @ x, true + slope @ slope.T)
    values = {name: float(value[0]) for name, value in problem.si(x[:, None]).items()}
    sd = {}
    for row, (name, law) in enumerate(problem.priors.items()):
        scale = law.sd if isinstance(law, LogNormal) else float(law.slope(np.asarray(x[row])))
        sd[name] = scale * float(np.sqrt(covariance[row, row]))
    row = len(problem.priors)
    for shape in problem.shapes:
        n = problem.knots[shape.chamber]
        root, block = shape.root(n), covariance[row : row + n, row : row + n]
        spread = np.sqrt(np.diag(root @ block @ root.T))
        sd |= {f"{shape.chamber}.shape_{k}": float(one) for k, one in enumerate(spread)}
        row += n
    parameters, _ = problem.given(problem.si(x[:, None]))
    trace = simulate(
        parameters,
        circulation=problem.circulation,
        start=problem.near["last"][:, None],
        steps=problem.steps,
    )
    if not bool(trace.finished.all()):
        msg = "The fitted circulation's beat does not end with finite numbers."
        raise ConvergenceError(msg, [])
    return HaemodynamicFit(
        values=values,
        sd=sd,
        predicted=dict(zip(names, courses, strict=True)),
        residual={
            name: float(np.sqrt(np.mean(miss**2)))
            for name, miss in zip(names, misses, strict=True)
        },
        discrepancy=dict(zip(names, terms, strict=True)),
        log_evidence=evidence,
        trace=trace,
        mode=mode,
    )


__all__ = ["ROOT_SHARE", "Channel", "FreeShape", "HaemodynamicFit", "fit_circulation"]
