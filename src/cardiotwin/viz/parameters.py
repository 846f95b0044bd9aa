"""`parameters.png`: what was believed of each parameter, and what the measurements made of it."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes as Plot
from scipy.stats import gaussian_kde, lognorm, norm

from cardiotwin.twin.clinical import clinical_unit
from cardiotwin.twin.twin import Estimate, Twin
from cardiotwin.viz import theme
from cardiotwin.viz.digits import plus_minus

POINTS = 400
MOST_COLUMNS = 4
MOST_TICKS = 6
ROUND = ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))  # leading digits

Draws = Float[np.ndarray, " draws"]
Density = Float[np.ndarray, " points"]


def draw_parameters(twin: Twin, path: Path, truth: Mapping[str, float]) -> Path | None:
    """Write the picture, with the truth where it is known; return None without parameters."""
    names = list(twin.parameters)
    if not names:
        return None
    n_rows = -(-len(names) // MOST_COLUMNS)
    n_columns = -(-len(names) // n_rows)
    with theme.figure(2.7 * n_columns + 0.4, 2.5 * n_rows + 0.5) as fig:
        grid = fig.subplots(n_rows, n_columns, squeeze=False)
        for plot in grid.flat[len(names) :]:
            plot.set_axis_off()
        for plot, name in zip(grid.flat, names, strict=False):
            draws = twin.posterior.get(name)
            _density(plot, name, twin.parameters[name], draws, truth.get(name))
        for plot in grid[:, 0]:
            plot.set_ylabel("density")
        handles = {
            label: handle
            for plot in grid.flat
            for handle, label in zip(*plot.get_legend_handles_labels(), strict=True)
        }
        columns = min(len(handles), 2 * n_columns)
        fig.legend(handles.values(), handles.keys(), loc="lower center", ncols=columns)
        width, height = fig.get_size_inches()
        fig.subplots_adjust(0.4 / width, 0.85 / height, 0.97, 1 - 0.5 / height, 0.16, 0.75)
        return theme.save(fig, path)


def _density(
    plot: Plot, name: str, estimate: Estimate, draws: Draws | None, true: float | None
) -> None:
    scale, unit = clinical_unit(name, estimate.unit)
    words = "" if unit == "1" else unit
    low, high = _range(estimate, draws, true)
    if _is_log_normal(estimate):
        where = np.geomspace(low, high, POINTS)
        plot.set_xscale("log")
        ticks = ticks_between(low / scale, high / scale)
        plot.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        plot.set_xticks([], minor=True)
    else:
        where = np.linspace(low, high, POINTS)
    prior, posterior = _prior(estimate, where), _posterior(estimate, draws, where)
    if prior is not None:
        plot.plot(where / scale, prior, color=theme.GREY, linestyle=(0, (4, 2)), label="prior")
    if posterior is not None:
        plot.fill_between(where / scale, posterior, color=theme.BLUE, alpha=0.25, linewidth=0)
        plot.plot(where / scale, posterior, color=theme.BLUE, label="posterior")
    plot.axvline(estimate.value / scale, color=theme.VERMILION, linewidth=1.2, label="estimate")
    if true is not None:
        dots = (0, (1, 1))
        plot.axvline(true / scale, color=theme.GREEN, lw=1.8, linestyle=dots, label="truth")
    number = plus_minus(estimate.value / scale, estimate.sd / scale)
    plot.set_title(f"{theme.spoken(name)}\n{number} {words}".rstrip(), fontsize=9)
    plot.set_xlim(low / scale, high / scale)
    plot.set_ylim(bottom=0)
    plot.set_yticks([])
    plot.set_xlabel(words or "dimensionless")


def ticks_between(low: float, high: float) -> list[float]:
    """Return round numbers between two positive ones for a logarithmic axis.

    Examples
    --------
    >>> ticks_between(0.3, 7), ticks_between(0.004, 300)
    ([0.3, 0.5, 1.0, 2.0, 3.0, 5.0], [0.01, 0.1, 1.0, 10.0, 100.0])
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)

    def ticks(digits: tuple[float, ...]) -> list[float]:
        values = [float(f"{digit}e{k}") for k in decades for digit in digits]
        return [value for value in values if low <= value <= high]

    found = next((some for some in map(ticks, ROUND) if len(some) <= MOST_TICKS), ticks((1,)))
    return found[:: max(-(-len(found) // MOST_TICKS), 1)]


def _is_log_normal(estimate: Estimate) -> bool:
    return estimate.prior_median is not None and estimate.prior_log_sd is not None


def _range(estimate: Estimate, draws: Draws | None, true: float | None) -> tuple[float, float]:
    """Return where both densities, and the truth, can be seen."""
    value, sd = estimate.value, _spread(estimate)
    ends = [value] if true is None else [value, true]
    if estimate.prior_median is None or estimate.prior_log_sd is None:
        ends = [*(end - sd for end in ends), *(end + sd for end in ends)]
        low, high = min(*ends, value - 3.7 * sd), max(*ends, value + 3.7 * sd)
        return (max(low, 0.0), high) if value > 0 else (low, high)
    positive = np.zeros(0) if draws is None else draws[draws > 0]
    ends += [float(np.quantile(positive, q)) for q in (0.001, 0.999) if len(positive)]
    ends += [estimate.prior_median * np.exp(k * estimate.prior_log_sd) for k in (-1, 1)]
    return 0.9 * min(ends), 1.1 * max(ends)


def _spread(estimate: Estimate) -> float:
    """Return the standard deviation, or a tenth of a value that has none."""
    known = np.isfinite(estimate.sd) and estimate.sd > 0
    sd = estimate.sd if known else 0.1 * abs(estimate.value)
    return max(sd, 1e-9 * abs(estimate.value), 1e-300)


def _prior(estimate: Estimate, where: Density) -> Density | None:
    """Return the prior's density, per logarithm as the axis is."""
    if estimate.prior_median is None or estimate.prior_log_sd is None:
        return None
    return np.asarray(
        where * lognorm.pdf(where, estimate.prior_log_sd, scale=estimate.prior_median)
    )


def _posterior(estimate: Estimate, draws: Draws | None, where: Density) -> Density | None:
    """Return the density of the draws, or the normal one; per logarithm where the axis is.

    There is none without draws and without a standard deviation.
    """
    per_log = _is_log_normal(estimate)
    if draws is not None and per_log:
        draws = np.log(draws[draws > 0])
    if draws is not None and len(draws) > 20 and np.ptp(draws) > 0:
        return np.asarray(gaussian_kde(draws)(np.log(where) if per_log else where))
    if not 0 < estimate.sd < np.inf:
        return None
    density = norm.pdf(where, estimate.value, estimate.sd)
    return np.asarray(density * where if per_log else density)


__all__ = ["draw_parameters", "ticks_between"]
