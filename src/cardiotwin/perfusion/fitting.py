"""Fits of tracer kinetics to whole stacks: flow, permeability and volumes of each voxel.

For given rates the best coefficients are linear, so the fit is one of the rates alone (Golub &
Pereyra 1973, SIAM J Numerical Analysis 10:413-432); a voxel whose best values are not physical is
fitted again by the simpler models at that edge. Concentrations in mol/m^3 (1 mM), times in s.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.retrieval import Status
from cardiotwin.perfusion.arterial_input import find_arterial_input
from cardiotwin.perfusion.fitting_doubts import doubts_of, without_error
from cardiotwin.perfusion.fitting_problem import Found, Problem, residual_correlation
from cardiotwin.perfusion.fitting_result import KineticFit
from cardiotwin.perfusion.kinetics.models import Kinetics, Limit, kinetics
from cardiotwin.perfusion.kinetics.tissue import BLOOD_IN_TISSUE
from cardiotwin.perfusion.quality import check_first_pass

SAME = 1e-6  # of the misfit: a model that fits no better than this is its own limit
HAEMATOCRIT = 0.42  # of adults; as QPerf's default
DENSITIES = 200.0, 3000.0  # kg/m^3, of lung to bone


def fit_kinetics(
    model: str,
    time: Float[np.ndarray, " times"],
    concentration: Float[np.ndarray, "*voxels samples"],
    aif: Float[np.ndarray, " inputs"] | None = None,
    *,
    haematocrit: float = HAEMATOCRIT,
    density: float = BLOOD_IN_TISSUE,
    delay: tuple[float, float] | None = None,
    noise_sd: float | None = None,
    mask: Bool[np.ndarray, "..."] | Integer[np.ndarray, "..."] | None = None,
) -> KineticFit:
    """Return the parameters of each voxel with standard errors.

    Parameters
    ----------
    model
        Name in `cardiotwin.perfusion.kinetics.KINETICS`.
    time
        Of the samples, increasing, s.
    concentration
        Of the agent in tissue, mol/m^3, time along the last dimension.
    aif
        Of the agent in arterial whole blood, mol/m^3, at the same times; None: from the left
        ventricle's blood in the concentration, which then is of whole slices: rows x columns x
        times, or rows x columns x slices x times.
    haematocrit
        Of the arterial and the capillary blood.
    density
        Of the tissue, kg/m^3.
    delay
        From where the input was measured to each voxel: sought between these, s; None: it is 0.
    noise_sd
        Of the concentration, mol/m^3; None: from the residual.
    mask
        Where to fit, true or 1; None: everywhere.

    Raises
    ------
    InputError
        If the arrays do not belong together, or no flow can come of them: no bolus, a time axis
        that is not in seconds, a mask without tissue.
    """
    chosen = kinetics(model)
    doubts: tuple[Flag, ...] = ()
    scale_error = 0.0
    if aif is None:
        own = find_arterial_input(time, concentration)
        aif, doubts, scale_error = own.concentration, own.flags, own.scale_error
    _refuse(chosen, time, concentration, aif, mask=mask, delay=delay)
    _refuse_numbers(density, noise_sd)
    mask = None if mask is None else mask.astype(bool)
    flags = (*doubts, *check_first_pass(time, aif, concentration, mask))
    shape, n = concentration.shape[:-1], concentration.shape[-1]
    data = torch.from_numpy(np.ascontiguousarray(concentration, dtype=float).reshape(-1, n)).T
    problem = Problem.of(
        chosen,
        torch.from_numpy(np.asarray(time, dtype=float)),
        torch.from_numpy(np.asarray(aif, dtype=float)),
        haematocrit=haematocrit,
        density=density,
        delay=delay,
    )
    usable = torch.isfinite(data).all(0) & (data.abs().amax(0) > 0)
    if mask is not None:
        usable &= torch.from_numpy(np.ascontiguousarray(mask)).reshape(-1)
    curves = data[:, usable].contiguous()
    found = problem.fit(curves, noise_sd=noise_sd)
    simpler = _at_the_edge(problem, chosen, curves, found, noise_sd)
    without_error(found)
    flags = (*flags, *doubts_of(problem, found))
    correlation = residual_correlation(problem, curves, found)

    def spread(values: Tensor, blank: float = torch.nan) -> np.ndarray:
        full = values.new_full((len(usable), *values.shape[1:]), blank)
        full[usable] = values
        return full.numpy().reshape((*shape, *values.shape[1:]))

    names = np.full(len(usable), "", dtype=object)
    names[usable.numpy()] = simpler
    return KineticFit(
        model=model,
        values={name: spread(found.values[i]) for i, name in enumerate(problem.units)},
        standard_errors={name: spread(found.errors[i]) for i, name in enumerate(problem.units)},
        units=problem.units,
        status=spread(found.status, int(Status.NO_SIGNAL)),
        simpler=names.reshape(shape),
        sum_of_squares=spread(found.misfit),
        residual_sd=spread(torch.sqrt(found.misfit / (n - problem.model.n_parameters))),
        aif=aif,
        n_samples=n,
        n_parameters=problem.model.n_parameters,
        residual_correlation=spread(correlation),
        correlations=spread(found.correlations),
        basis=problem.directions.numpy(),
        weights=spread(found.weights.T),
        flags=flags,
        scale_error=scale_error,
    )


def _refuse(
    chosen: Kinetics,
    time: np.ndarray,
    concentration: np.ndarray,
    aif: np.ndarray,
    *,
    mask: np.ndarray | None,
    delay: tuple[float, float] | None,
) -> None:
    """Refuse arrays that do not belong together."""
    n = concentration.shape[-1]
    if time.shape != (n,) or aif.shape != (n,):
        msg = (
            f"time and aif must have one value for each of the {n} frames of the concentration, "
            f"found {time.shape} and {aif.shape}. Give time along the last dimension."
        )
        raise InputError(msg)
    steps = np.diff(time)
    if not (np.isfinite(time).all() and (steps > 0).all()):
        at = int(np.argmin(np.where(np.isfinite(steps), steps, -np.inf)))
        msg = (
            f"time must increase, found {time[at]:g} s then {time[at + 1]:g} s (frames {at}, "
            f"{at + 1}). Sort the frames by their acquisition time."
        )
        raise InputError(msg)
    if not np.isfinite(aif).all() or not (aif > 0).any():
        msg = "aif must be finite and rise above 0. Take it from the blood pool after conversion."
        raise InputError(msg)
    needed = len(chosen.nonlinear) + len(chosen.columns) + (delay is not None) + 2
    if n < needed:
        msg = f"A fit of {chosen.name} needs {needed} frames, found {n}. Take a simpler model."
        raise InputError(msg)
    if mask is not None and mask.shape != concentration.shape[:-1]:
        msg = (
            f"mask has the shape {mask.shape}, the images {concentration.shape[:-1]}. "
            "Bring it to the images' grid."
        )
        raise InputError(msg)
    if mask is not None and not np.isin(mask, (0, 1)).all():
        msg = (
            f"mask must be of 0 and 1, found values up to {mask.max()}. Of labels choose one: "
            "labels == 2."
        )
        raise InputError(msg)
    if delay is not None:
        _refuse_delay(delay, float(time[-1] - time[0]))


def _refuse_delay(delay: tuple[float, float], series: float) -> None:
    """Refuse a range that is none, or longer than what a series of so many s can tell."""
    if not delay[0] < delay[1]:
        msg = f"delay must be two increasing times, found {delay}. Give (lowest, highest) in s."
        raise InputError(msg)
    if delay[1] - delay[0] > series / 2:
        msg = (
            f"delay may differ by {delay[1] - delay[0]:g} s between voxels, found a series of "
            f"{series:g} s: within half of it at most can a delay be told from flow. Give the "
            "times in s, such as (-1, 4)."
        )
        raise InputError(msg)


def _refuse_numbers(density: float, noise_sd: float | None) -> None:
    """Refuse a density of another unit, and a noise that is none."""
    if not DENSITIES[0] <= density <= DENSITIES[1]:
        msg = (
            f"density must be that of tissue in kg/m^3, {DENSITIES[0]:g} to {DENSITIES[1]:g}, "
            f"found {density:g}. Of muscle it is 1050."
        )
        raise InputError(msg)
    if noise_sd is not None and not 0 < noise_sd < np.inf:
        msg = (
            f"noise_sd must be positive and finite, found {noise_sd:g} mM. Leave it out to take "
            "it from the residual."
        )
        raise InputError(msg)


def _at_the_edge(
    problem: Problem, chosen: Kinetics, data: Tensor, found: Found, noise_sd: float | None
) -> np.ndarray:
    """Put in place the simpler models that fit as well; return which, by voxel."""
    names = np.full(data.shape[1], "", dtype=object)
    whole = found.status == Status.AT_BOUND
    for name in chosen.kept:
        row = list(problem.units).index(name)
        found.values[row, whole] = found.raw[row, whole]
        found.errors[row, whole] = found.raw_errors[row, whole]
    _without_return(problem, found)
    told = torch.isfinite(found.values[0])
    best = torch.where(told, found.misfit / (1 + SAME), torch.inf)
    # Curves convolved anew cost so much that a minimum inside physics is not doubted.
    tried = torch.ones_like(told) if problem.is_tabulated else found.status != Status.FITTED
    for limit in chosen.limits if tried.any() else ():
        ends = problem.become(kinetics(limit.model)).fit(data[:, tried], noise_sd=noise_sd)
        better = (ends.status == Status.FITTED) & (ends.misfit < best[tried])
        where = torch.nonzero(tried)[:, 0][better]
        best[where] = ends.misfit[better]
        names[where.numpy()] = limit.model
        found.status[where] = int(Status.AT_BOUND)
        _take(list(problem.units), found, limit, ends, where=where, better=better)
    return names


def _without_return(problem: Problem, found: Found) -> None:
    """Keep what is told where only the interstitium comes out larger than tissue.

    The series is too short there to see the tracer return: ve is not told, the rest is.
    """
    names = list(problem.units)
    if "ve" not in names:
        return
    ve = names.index("ve")
    rest = [row for row in range(len(names)) if row != ve and names[row] != "delay"]
    only = (found.status == Status.NOT_ADMISSIBLE) & (found.raw[ve] > 1)
    only &= (found.raw[rest] > 0).all(0)
    found.values[:, only], found.errors[:, only] = found.raw[:, only], found.raw_errors[:, only]
    found.values[ve, only], found.errors[ve, only] = torch.nan, torch.nan
    found.status[only] = int(Status.AT_BOUND)


def _take(
    reported: Sequence[str],
    found: Found,
    limit: Limit,
    ends: Found,
    *,
    where: Tensor,
    better: Tensor,
) -> None:
    """Write what a limit tells of its voxels into what was found."""
    found.misfit[where], found.weights[:, where] = ends.misfit[better], ends.weights[:, better]
    found.correlations[where] = torch.nan
    theirs = list(ends.units)
    shared = {"mbf": "mbf", "delay": "delay"} | dict(limit.values)
    for row, name in enumerate(reported):
        source = shared.get(name)
        if source in theirs:
            its = theirs.index(source)
            found.values[row, where] = ends.values[its, better]
            found.errors[row, where] = ends.errors[its, better]
        else:
            found.values[row, where] = 0.0 if name in limit.zeros else torch.nan
            found.errors[row, where] = torch.nan


__all__ = ["HAEMATOCRIT", "fit_kinetics"]
