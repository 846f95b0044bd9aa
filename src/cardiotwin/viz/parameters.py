"""`parameters.png`: what was believed of each parameter, and what the measurements made of it."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes as Plot
from scipy.stats import gaussian_kde, lognorm, norm

from cardiotwin.twin.twin import Estimate, Twin
from cardiotwin.units import KPA, ML, MMHG
from cardiotwin.viz import theme
from cardiotwin.viz.digits import plus_minus

POINTS = 400


def draw_parameters(twin: Twin, path: Path) -> Path | None:
    """Write the picture; return None where nothing was estimated."""
    names = list(twin.parameters)
    if not names:
        return None
    n_columns = min(len(names), 3)
    n_rows = -(-len(names) // n_columns)
    with theme.figure(2.9 * n_columns + 0.3, 2.5 * n_rows + 0.5) as fig:
        grid = fig.subplots(n_rows, n_columns, squeeze=False)
        for plot in grid.flat[len(names) :]:
            plot.set_axis_off()
        for plot, name in zip(grid.flat, names, strict=False):
            _density(plot, name, twin.parameters[name], twin.posterior.get(name))
        handles = {
            label: handle
            for plot in grid.flat
            for handle, label in zip(*plot.get_legend_handles_labels(), strict=True)
        }
        fig.legend(handles.values(), handles.keys(), loc="lower center", ncols=3)
        height = fig.get_figheight()
        fig.subplots_adjust(0.04, 0.85 / height, 0.97, 1 - 0.5 / height, 0.16, 0.75)
        return theme.save(fig, path)


def shown_unit(name: str, unit: str) -> tuple[float, str]:
    """Return the scale and the name of the unit in which a parameter is read: mmHg and mL.

    Examples
    --------
    >>> shown_unit("contractility", "Pa"), shown_unit("passive_scale", "1")
    ((1000.0, 'kPa'), (1.0, ''))
    """
    if unit == "Pa":
        return (MMHG, "mmHg") if "pressure" in name else (KPA, "kPa")
    if unit == "m^3":
        return ML, "mL"
    return 1.0, "" if unit == "1" else unit


def _density(
    plot: Plot, name: str, estimate: Estimate, draws: Float[np.ndarray, " draws"] | None
) -> None:
    unit, words = shown_unit(name, estimate.unit)
    low, high = _range(estimate, draws)
    where = np.linspace(low, high, POINTS)
    prior = _prior(estimate, where)
    posterior = _posterior(estimate, draws, where)
    if prior is not None:
        plot.plot(where / unit, prior, color=theme.GREY, linestyle=(0, (4, 2)), label="prior")
    if posterior is not None:
        plot.fill_between(where / unit, posterior, color=theme.BLUE, alpha=0.25, linewidth=0)
        plot.plot(where / unit, posterior, color=theme.BLUE, label="posterior")
    plot.axvline(estimate.value / unit, color=theme.VERMILION, linewidth=1.2, label="estimate")
    number = plus_minus(estimate.value / unit, estimate.sd / unit)
    plot.set_title(f"{theme.spoken(name)}\n{number} {words}".rstrip(), fontsize=9)
    plot.set_xlim(low / unit, high / unit)
    plot.set_ylim(bottom=0)
    plot.set_yticks([])
    plot.spines["left"].set_visible(False)
    plot.set_xlabel(words or "dimensionless")


def _range(estimate: Estimate, draws: Float[np.ndarray, " draws"] | None) -> tuple[float, float]:
    """Return where both densities can be seen."""
    sd = estimate.sd if np.isfinite(estimate.sd) and estimate.sd > 0 else 0.1 * abs(estimate.value)
    sd = max(sd, 1e-9 * abs(estimate.value), 1e-300)
    ends = [estimate.value - 4 * sd, estimate.value + 4 * sd]
    if draws is not None and len(draws):
        ends += [float(np.quantile(draws, q)) for q in (0.002, 0.998)]
    if estimate.prior_median is not None and estimate.prior_log_sd is not None:
        spread = np.exp(1.3 * estimate.prior_log_sd)
        ends += [estimate.prior_median / spread, estimate.prior_median * spread]
        return max(min(ends), 1e-3 * min(estimate.value, estimate.prior_median)), max(ends)
    return min(ends), max(ends)


def _prior(
    estimate: Estimate, where: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " points"] | None:
    if estimate.prior_median is None or estimate.prior_log_sd is None:
        return None
    return np.asarray(lognorm.pdf(where, estimate.prior_log_sd, scale=estimate.prior_median))


def _posterior(
    estimate: Estimate,
    draws: Float[np.ndarray, " draws"] | None,
    where: Float[np.ndarray, " points"],
) -> Float[np.ndarray, " points"] | None:
    """Return the density of the draws; without draws the normal one of the stated sd."""
    if draws is not None and len(draws) > 20 and np.ptp(draws) > 0:
        return np.asarray(gaussian_kde(draws)(where))
    if np.isfinite(estimate.sd) and estimate.sd > 0:
        return np.asarray(norm.pdf(where, estimate.value, estimate.sd))
    return None


__all__ = ["draw_parameters", "shown_unit"]
