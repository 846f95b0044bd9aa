"""The arterial input from the images themselves: the left ventricle's blood in a first pass.

Blood rises high and falls again; of the pools that do, the left ventricle's comes after the
right one's, by a passage through the lungs, and lies within muscle, which rises later and less.
Its curve is the median of the voxels that hold nothing but blood: a saturated voxel counts as a
high one, so that fewer than half of them bend nothing. The order of the ventricles and the input
from the cavity are the field's practice (Kellman et al. 2017, JCMR 19:43); the rules below are
this module's own. Concentrations in mol/m^3 (1 mM), times in s.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from cardiotwin.errors import Flag, InputError
from cardiotwin.perfusion.quality import NARROWEST, NOISE, WIDEST, quiet_frames

BLOOD = 0.3  # of the highest concentrations in the slice
HIGHEST = 99.5  # percentile of voxels taken for the highest
APART = 2.0  # s between two pools: the lungs hold blood longer than that
MUSCLE = (0.03, 0.3)  # of the pool's peak, in the wall around it
RING = (2.0, 5.0)  # voxels around a pool, where its wall lies
SURROUNDED = 0.5  # share of that ring that must be muscle
FEWEST = 6  # voxels of a pool
PURE = 0.7  # of the pool's high voxels: less is shared with muscle
ALIKE = 0.95  # correlation with the pool's median curve
FLAT = 0.75  # of the ceiling: from there a signal that saturates tells little of its cause
LEVEL = 1e-6  # of the largest concentration: closer values are one ceiling


@dataclass(frozen=True, eq=False)
class ArterialInput:
    """What flows to the wall, as the images of the wall show it.

    Parameters
    ----------
    concentration
        In whole blood, mol/m^3, its baseline taken away.
    standard_error
        Of the median over voxels, mol/m^3; too small where an interpolation correlates voxels.
    scale_error
        By how much the whole curve may be too high or too low, as a share: how far the heights of
        the voxels lie apart, beyond what their noise does. All hold the same blood, and what sets
        one apart from another may be wrong for all of them.
    voxels
        From which it was taken.
    pool
        Blood of the left ventricle, without the papillary muscles.
    arrival
        At half the peak, s.
    transit
        After the first pool of blood in the slice, s; not a number where only one was seen.
    flags
        What is doubtful of it.
    """

    concentration: Float[np.ndarray, " samples"]
    standard_error: Float[np.ndarray, " samples"]
    scale_error: float
    voxels: Bool[np.ndarray, "*voxels"]
    pool: Bool[np.ndarray, "*voxels"]
    arrival: float
    transit: float
    flags: tuple[Flag, ...]


@dataclass(frozen=True, eq=False)
class _Pool:
    """A candidate: its voxels, when it rises, after which other, and how much speaks for it."""

    mask: np.ndarray
    arrival: float
    transit: float
    surrounded: float

    @property
    def worth(self) -> float:
        return float(self.mask.sum()) * self.surrounded**2


def find_arterial_input(
    time: Float[np.ndarray, " samples"],
    concentration: Float[np.ndarray, "*voxels samples"],
) -> ArterialInput:
    """Return the arterial input that a series of one slice, or of several, holds.

    Parameters
    ----------
    time
        Of the frames, s.
    concentration
        Of whole slices, blood pools included, rows x columns (x slices) x frames, mol/m^3; not a
        number where the signal is saturated.

    Raises
    ------
    InputError
        If no pool of blood is seen, or more than half of its voxels are saturated.
    """
    if concentration.ndim not in (3, 4) or concentration.shape[-1] != len(time):
        msg = (
            f"An arterial input is sought in rows x columns x {len(time)} frames, or x slices x "
            f"frames, found {concentration.shape}. Give images, or aif."
        )
        raise InputError(msg)
    stack = concentration if concentration.ndim == 4 else concentration[:, :, None]
    stack = np.where(np.isinf(stack), np.nan, stack)
    best, at = None, 0
    for k in range(stack.shape[2]):
        for pool in _pools(time, stack[:, :, k]):
            if best is None or pool.worth > best.worth:
                best, at = pool, k
    if best is None:
        msg = (
            "No pool of blood rises and falls in these images: nothing reaches "
            f"{100 * BLOOD:.0f} % of the highest concentration and returns to half of its peak. "
            "Give images of a slice through the left ventricle, or aif."
        )
        raise InputError(msg)
    found, spread, scale, voxels, flags = _curve(time, stack[:, :, at], best)
    taken, pool = np.zeros((2, *stack.shape[:-1]), dtype=bool)
    taken[:, :, at], pool[:, :, at] = voxels, best.mask
    shape = concentration.shape[:-1]
    masks = taken.reshape(shape), pool.reshape(shape)
    return ArterialInput(found, spread, scale, *masks, best.arrival, best.transit, flags)


def _pools(time: np.ndarray, images: np.ndarray) -> list[_Pool]:
    """Return what may be the left ventricle's blood in a slice."""
    known = np.isfinite(images).any(-1)
    # A frame in which no concentration makes the signal is a high one.
    top = float(np.nanmax(images)) if known.any() else 0.0
    smooth = ndimage.median_filter(np.where(np.isnan(images), top, images), size=(3, 3, 1))
    smooth[~known] = 0.0
    peak, arrival, width, clear = _shape(time, smooth)
    passes = clear & (width >= NARROWEST) & (width <= WIDEST)
    if not passes.any():
        return []
    blood = passes & (peak > BLOOD * np.percentile(peak[known], HIGHEST))
    groups = _by_arrival(arrival, blood)
    first = float(np.median(arrival[groups[0]])) if len(groups) > 1 else np.nan
    pools = []
    labels, n = ndimage.label(groups[-1])
    for number in range(1, n + 1):
        mask = labels == number
        if mask.sum() < FEWEST:
            continue
        when, high = float(np.median(arrival[mask])), float(np.median(peak[mask]))
        hull = ndimage.binary_fill_holes(mask)
        away = ndimage.distance_transform_edt(~hull)
        ring = (away >= RING[0]) & (away <= RING[1])
        muscle = (peak > MUSCLE[0] * high) & (peak < MUSCLE[1] * high) & (arrival > when)
        share = float(muscle[ring].mean()) if ring.any() else 0.0
        pools.append(_Pool(mask, when, when - first, share))
    return pools


def _shape(
    time: np.ndarray, curves: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return each curve's peak, when it rises to half, for how long, and where it is a bolus."""
    n = len(time)
    index = np.arange(n)
    at = curves.argmax(-1)[..., None]
    peak = curves.max(-1)
    below = curves < 0.5 * peak[..., None]
    last = np.where(below & (index < at), index, -1).max(-1)
    after = np.where(below & (index > at), index, n).min(-1)

    def crossing(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        ends = [np.take_along_axis(curves, i[..., None], -1)[..., 0] for i in (low, high)]
        step = np.where(ends[1] != ends[0], ends[1] - ends[0], 1.0)
        return np.asarray(time[low] + (0.5 * peak - ends[0]) / step * (time[high] - time[low]))

    start = crossing(np.clip(last, 0, n - 2), np.clip(last, 0, n - 2) + 1)
    end = crossing(np.clip(after, 1, n - 1) - 1, np.clip(after, 1, n - 1))
    scatter = np.median(np.abs(np.diff(curves, axis=-1)), axis=-1) / 0.954
    width = np.where(after < n, end - start, np.inf)
    return peak, start, width, (peak > NOISE * scatter) & (peak > 0) & (last >= 0)


def _by_arrival(arrival: np.ndarray, blood: np.ndarray) -> list[np.ndarray]:
    """Return blood in one group, or in the two that arrive most clearly apart (Otsu's split)."""
    times = np.sort(arrival[blood])
    if len(times) < 2 * FEWEST:
        return [blood]
    n = np.arange(1, len(times))
    sums = np.cumsum(times)
    low, high = sums[:-1] / n, (sums[-1] - sums[:-1]) / (len(times) - n)
    between = n * (len(times) - n) * (high - low) ** 2
    between[(n < FEWEST) | (len(times) - n < FEWEST)] = -1
    cut = int(np.argmax(between))
    if high[cut] - low[cut] < APART:
        return [blood]
    border = 0.5 * (times[cut] + times[cut + 1])
    return [blood & (arrival <= border), blood & (arrival > border)]


def _curve(
    time: np.ndarray, images: np.ndarray, pool: _Pool
) -> tuple[np.ndarray, np.ndarray, float, np.ndarray, tuple[Flag, ...]]:
    """Return the pool's curve, its errors, the voxels it is of, and what is doubtful."""
    inner = ndimage.binary_erosion(pool.mask)
    voxels = inner if inner.sum() >= FEWEST else pool.mask.copy()
    curves = np.where(np.isnan(images), np.inf, images)[voxels]
    pure = _pure(curves)
    voxels[voxels] = pure
    curves = curves[pure]
    median = np.median(curves, axis=0)
    lost = ~np.isfinite(median)
    if lost.any():
        msg = (
            f"The left ventricle's blood is saturated in {int(lost.sum())} frames: in more than "
            "half of its voxels no concentration makes the signal. Give aif of a sequence with a "
            "shorter saturation, or a population's (kinetics.population_input)."
        )
        raise InputError(msg)
    quiet = quiet_frames(time, median)
    finite = np.where(np.isfinite(curves), curves, np.nan)
    rest = finite - np.outer(np.nanmax(finite, -1) / median.max(), median)
    sd = 1.4826 * np.nanmedian(np.abs(rest), axis=0)
    error = np.sqrt(np.pi / 2) * sd / np.sqrt(len(curves))
    scale = _scale_error(curves, median)
    highest = float(median.max())
    flags = _doubts(pool, curves, float(np.nanmax(images)), highest=highest, scale=scale)
    return median - median[:quiet].mean(), error, scale, voxels, flags


def _scale_error(curves: np.ndarray, median: np.ndarray) -> float:
    """Return how far the heights of voxels lie apart beyond their noise, as a share."""
    high = median > 0.5 * median.max()
    known = np.isfinite(curves[:, high])
    of_voxel, of_pool = np.where(known, curves[:, high], 0.0), known * median[high]
    size = np.maximum(np.sum(of_pool**2, axis=1), np.finfo(np.float64).tiny)
    scale = np.sum(of_voxel * of_pool, axis=1) / size
    left = np.sum((of_voxel - scale[:, None] * of_pool) ** 2, axis=1)
    noise = left / np.maximum(known.sum(axis=1) - 1, 1) / size
    apart = 1.4826 * np.median(np.abs(scale - np.median(scale)))
    return float(np.sqrt(max(apart**2 - np.median(noise), 0.0)))


def _pure(curves: np.ndarray) -> np.ndarray:
    """Return which voxels of a pool hold blood alone."""
    full = np.where(np.isfinite(curves), curves, np.max(curves[np.isfinite(curves)]))
    top = full.max(-1)
    pure = top >= PURE * np.percentile(top, 90)
    median = np.median(full[pure], axis=0)
    apart, own = median - median.mean(), full - full.mean(-1, keepdims=True)
    scale = np.linalg.norm(own, axis=-1) * np.linalg.norm(apart)
    alike = own @ apart > ALIKE * scale
    return np.asarray(pure & alike if (pure & alike).any() else pure)


def _doubts(
    pool: _Pool, curves: np.ndarray, ceiling: float, *, highest: float, scale: float
) -> tuple[Flag, ...]:
    flags = []
    level = curves >= ceiling * (1 - LEVEL)
    touched = level.any(-1)
    # One voxel is always the highest; a ceiling holds several, or one of them for several frames.
    if level.sum() > 1 or np.isinf(curves).any():
        share, where = 100 * touched.mean(), float(level.mean(0).max())
        effect = (
            "the peak of their median is cut, and flow is overestimated"
            if where >= 0.5
            else "their median does not feel it"
        )
        if where < 0.5 and highest > FLAT * ceiling:
            effect += (
                ", but its height comes from the flat end of the signal's curve, where one per "
                "cent of the signal is several of the concentration: its voxels' heights lie "
                f"{100 * scale:.0f} % apart, and all flows may be wrong by as much"
            )
        sentence = (
            f"{share:.0f} % of the left ventricle's voxels are saturated at {ceiling:.3g} mM: "
            f"{effect} (peak {highest:.3g} mM)."
        )
        flags.append(Flag(name="saturated_pool", sentence=sentence))
    if not np.isfinite(pool.transit):
        sentence = (
            "Only one pool of blood was seen in the slice; it is taken for the left ventricle's "
            f"because {100 * pool.surrounded:.0f} % of what lies around it is muscle."
        )
        flags.append(Flag(name="one_pool", sentence=sentence))
    if pool.surrounded < SURROUNDED:
        sentence = (
            f"Only {100 * pool.surrounded:.0f} % of what lies around the blood pool rises as "
            "muscle does: it may be an artery's or a vein's. Look at it, or give aif."
        )
        flags.append(Flag(name="pool_not_in_muscle", sentence=sentence))
    return tuple(flags)


__all__ = ["ArterialInput", "find_arterial_input"]
