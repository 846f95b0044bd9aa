"""What a reader must know of a posterior before a number of it is used."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import Flag
from cardiotwin.fitting.modes import LocalMode
from cardiotwin.fitting.observations import Measurement
from cardiotwin.fitting.priors import Within
from cardiotwin.fitting.problem import Problem

CHANCE = 1e-3  # probability below which a conflict is no accident
UNLIKELY = 10.83  # square of a standard normal number with that chance
EXACT = 1e-3  # standard deviation by value: no instrument of this kind is so good
DECISIVE = 1.0  # bits beyond a range: half of it is ruled out
SILENT = 0.1  # bits: less is nothing
CUT = 0.05  # share of proposals or draws that tells of a posterior cut off
AWAY = 0.1  # posterior standard deviations from a maximum
EDGE = 0.01  # of a range: as near to an end
RHAT, EFFECTIVE = 1.01, 400.0  # Vehtari et al. 2021, Bayesian Analysis 16:667-718


def doubts(
    problem: Problem,
    *,
    modes: Sequence[LocalMode],
    x: Float[np.ndarray, "draws parameters"],
    refused: float,
    rhat: Mapping[str, float],
    effective: Mapping[str, float],
    chance: Mapping[str, float],
) -> tuple[Flag, ...]:
    """Return the flags of a posterior.

    Parameters
    ----------
    modes
        Those that count.
    x
        Draws, standard numbers.
    refused
        Share of the sampler's proposals at which the model had no answer.
    rhat, effective
        By parameter.
    chance
        Of each measurement's conflict with all else.
    """
    found = [*_uncertainties(problem.measurements), *_conflicts(problem, modes[0], chance)]
    found += _several(problem, modes)
    found += _silent(problem, modes[0])
    found += _cut(problem, modes[0])
    found += _edges(problem, x, refused, modes[0])
    worst = max(rhat, key=lambda name: rhat[name])
    fewest = min(effective, key=lambda name: effective[name])
    if not rhat[worst] <= RHAT or not effective[fewest] >= EFFECTIVE:
        sentence = (
            f"The chains have not told enough: R-hat {rhat[worst]:.3f} of {worst} (at most "
            f"{RHAT}), {effective[fewest]:.0f} independent draws of {fewest} (at least "
            f"{EFFECTIVE:.0f}). Draw longer before intervals are used."
        )
        found.append(Flag(name="chains_not_converged", sentence=sentence))
    return tuple(found)


def _uncertainties(measurements: Sequence[Measurement]) -> list[Flag]:
    found = []
    for each in measurements:
        if each.operator is not None:
            continue
        share = np.sqrt(np.diag(each.covariance)) / np.maximum(np.abs(each.value), 1e-300)
        if share.min() < EXACT:
            sentence = (
                f"{each.name} is said to be known to {100 * share.min():.2g} % of its value: no "
                "instrument of this kind is so exact, and all else will bend to it. Check its "
                "standard deviation and unit."
            )
            found.append(Flag(name=f"{each.name}_too_exact", sentence=sentence))
    return found


def _conflicts(problem: Problem, mode: LocalMode, chance: Mapping[str, float]) -> list[Flag]:
    found = []
    for each in problem.measurements:
        if chance[each.name] < CHANCE:
            sentence = (
                f"{each.name} contradicts what all else says (chance {chance[each.name]:.1g}): "
                "one of them, a stated noise, or the model is wrong. Do not use the posterior "
                "before it is known which."
            )
            found.append(Flag(name=f"{each.name}_contradicts", sentence=sentence))
    free = np.maximum(1 - np.diag(mode.covariance), 1e-12)
    for name, square in zip(problem.model.names, mode.x**2 / free, strict=True):
        if square > 10.83:  # chi-square of one, chance 1e-3
            sentence = (
                f"The data put {name} {np.sqrt(square):.1f} standard deviations from what was "
                "believed of it: the prior, the data or the model is wrong."
            )
            found.append(Flag(name=f"{name}_far_from_prior", sentence=sentence))
    return found


def _several(problem: Problem, modes: Sequence[LocalMode]) -> list[Flag]:
    if len(modes) < 2:
        return []
    values = problem.values(np.stack([mode.x for mode in modes]))
    apart = np.abs(modes[0].x - modes[1].x)
    name = problem.model.names[int(apart.argmax())]
    told = " and ".join(f"{value:.4g}" for value in values[:, int(apart.argmax())])
    shares = ", ".join(f"{100 * mode.weight:.0f} %" for mode in modes)
    sentence = (
        f"The posterior has {len(modes)} modes with shares {shares}, apart mostly in {name} "
        f"({told}, SI). Shares are Laplace's; mean and standard deviation describe none of them."
    )
    return [Flag(name="several_modes", sentence=sentence)]


def _silent(problem: Problem, mode: LocalMode) -> list[Flag]:
    bits = -np.log2(np.diag(mode.covariance)) / 2
    return [
        Flag(
            name=f"{name}_without_data",
            sentence=(
                f"No measurement tells {name} ({told:.2g} bits): its value and its uncertainty "
                "are those that were believed before."
            ),
        )
        for name, told in zip(problem.model.names, bits, strict=True)
        if told < SILENT
    ]


def _cut(problem: Problem, mode: LocalMode) -> list[Flag]:
    bits = -np.log2(np.diag(mode.covariance)) / 2
    found = []
    for (name, law), told in zip(problem.laws.items(), bits, strict=True):
        if not isinstance(law, Within) or law.share > 1 - CUT or told > DECISIVE:
            continue
        sentence = (
            f"Only {100 * law.share:.0f} % of what was believed of {name} lies within the range "
            f"in which the model holds ({law.lower:.4g} to {law.upper:.4g}, SI); the data tell "
            f"{told:.2g} bits more, so that its uncertainty is the range's. Train in a larger one."
        )
        found.append(Flag(name=f"{name}_cut_by_range", sentence=sentence))
    return found


def _edges(
    problem: Problem, x: Float[np.ndarray, "draws n"], refused: float, mode: LocalMode
) -> list[Flag]:
    found, values = [], problem.values(x)
    for k, name in enumerate(problem.model.names):
        ends = problem.model.bounds.get(name)
        if ends is None:
            continue
        near = EDGE * (ends[1] - ends[0])
        share = max(
            float(np.mean(values[:, k] < ends[0] + near)),
            float(np.mean(values[:, k] > ends[1] - near)),
        )
        if share > CUT or mode.at_bound[k]:
            sentence = (
                f"{name} lies at an end of the range in which the model holds ({ends[0]:.4g} to "
                f"{ends[1]:.4g}, SI; {100 * share:.0f} % of the draws): the posterior goes on "
                "beyond, and is not known there. Train the reduced heart in a larger range."
            )
            found.append(Flag(name=f"{name}_at_edge_of_range", sentence=sentence))
    if mode.decrement > AWAY:
        sentence = (
            f"The most probable heart lies {mode.decrement:.1f} posterior standard deviations "
            "beyond where the model's answers end: what is shown is the edge, and no posterior."
        )
        found.append(Flag(name="mode_outside_range", sentence=sentence))
    if refused > CUT:
        sentence = (
            f"At {100 * refused:.0f} % of the proposals the model had no answer: the posterior is "
            "cut off where the reduced heart was not trained. Train it in a larger range."
        )
        found.append(Flag(name="outside_range", sentence=sentence))
    return found


__all__ = ["doubts"]
