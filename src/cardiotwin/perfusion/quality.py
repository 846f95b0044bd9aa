"""What can be wrong with a first pass before any fit: each defect by its name.

What makes every flow meaningless is refused; what biases it is a flag that stays with the result.
Peak concentrations of a left ventricle at 0.05-0.1 mmol/kg: Kellman et al. (2017), JCMR 19:43,
4.4 +- 1.2 mM at rest. Concentrations in mol/m^3 (1 mM), times in s.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.signal import find_peaks, peak_widths

from cardiotwin.errors import Flag, InputError

QUIET_SHARE = 0.1  # of the peak: what comes before the bolus stays below
NOISE = 6.0  # times the scatter between frames that a bolus must rise
WIDEST = 60.0  # s, of a first pass at half its height: a longer one is no first pass
NARROWEST = 1.0
LARGEST, SMALLEST = 20.0, 0.3  # mM that no arterial input of a clinical dose reaches, or misses
ABOVE = 0.8  # of the input's peak: no muscle holds so much
RAISED = 0.2  # of the tissue's rise, before the bolus
CLIPPED = 3  # frames at one largest value
FLAT_TOP = 0.95  # of the peak: a bolus spends a quarter of its width at half height above it
FLAT_SHARE = 0.5  # of that width: a clipped one, whose noise is not clipped
LONG_STEP = 5.0  # times the usual one, and of so many s: frames are missing, or their times wrong
SECOND_PEAK = 0.5  # of the first: recirculation is lower and wider
TAIL = 1.0  # half-widths of the bolus that must be seen after its peak
NEGATIVE = 0.1  # of the peak
EARLY = 1.5  # frames by which tissue may be ahead of its input: the two have their noise
FOOT = 0.3  # of the peak: up to there a bolus rises as a power of the time since it came
POWERS = (1.0, 2.0, 3.0, 4.0)


def check_first_pass(
    time: Float[np.ndarray, " samples"],
    aif: Float[np.ndarray, " inputs"],
    concentration: Float[np.ndarray, "..."] | None = None,
    mask: Bool[np.ndarray, "..."] | None = None,
) -> tuple[Flag, ...]:
    """Return what is doubtful of a first pass.

    Parameters
    ----------
    time
        Of the frames, s.
    aif
        In arterial whole blood, mol/m^3.
    concentration
        In tissue, time along the last dimension.
    mask
        Of the tissue.

    Raises
    ------
    InputError
        If there is no bolus, the time axis cannot be in seconds, or no tissue has an image.
    """
    if aif.shape != time.shape:
        msg = f"aif has {len(aif)} values for {len(time)} frames. Give one for each frame."
        raise InputError(msg)
    _refuse_blank(concentration, mask)
    peak = int(np.argmax(aif))
    scatter = _scatter(aif)
    if not np.isfinite(aif).all() or aif[peak] < NOISE * scatter or aif[peak] <= 0:
        msg = (
            f"The arterial input has no bolus: its largest value is {aif[peak]:.3g} mM, its "
            f"scatter from frame to frame {scatter:.3g} mM. Take the left ventricle's blood."
        )
        raise InputError(msg)
    width = _width(time, aif, peak)
    if np.isnan(width):
        msg = (
            "The arterial input is highest in the first frame: its rise was not seen, and no flow "
            "can come of it. Begin the series before the bolus."
        )
        raise InputError(msg)
    if not NARROWEST <= width <= WIDEST:
        msg = (
            f"The bolus is {width:.3g} s wide at half its height, which no first pass is: "
            f"{NARROWEST:g} to {WIDEST:g} s. Give time in seconds, and the blood pool's curve."
        )
        raise InputError(msg)
    flags = [*_time_flags(time), *_input_flags(time, aif, peak, width)]
    if concentration is not None:
        tissue = concentration if mask is None else concentration[mask]
        tissue = tissue.reshape(-1, tissue.shape[-1])
        tissue = tissue[np.isfinite(tissue).any(-1)]
        flags += [*_tissue_flags(tissue), *_order_flags(time, aif, tissue)]
        flags += _height_flags(time, aif, tissue)
    return tuple(flags)


def quiet_frames(time: Float[np.ndarray, " samples"], aif: Float[np.ndarray, " samples"]) -> int:
    """Return how many frames at the series' begin know nothing of the bolus, at least 1.

    A constant and a power of the time since the arrival, the best of all arrivals and powers, so
    that a slow foot does not count as baseline: what it would add is taken from the whole curve.
    """
    rises = int(np.argmax(aif > FOOT * aif.max())) + 1
    t, y = time[:rises], aif[:rises]
    least, count = np.inf, 1
    for n in range(1, rises - 1):
        for power in POWERS:
            since = np.maximum(t - t[n - 1], 0.0) ** power
            design = np.column_stack([np.ones_like(t), since / since.max()])
            rest = y - design @ np.linalg.lstsq(design, y)[0]
            if rest @ rest < least:
                least, count = rest @ rest, n
    return count


def _refuse_blank(concentration: np.ndarray | None, mask: np.ndarray | None) -> None:
    if concentration is None:
        return
    if mask is not None and mask.shape != concentration.shape[:-1]:
        msg = (
            f"mask has the shape {mask.shape}, the images {concentration.shape[:-1]}. "
            "Bring it to the images' grid."
        )
        raise InputError(msg)
    tissue = concentration if mask is None else concentration[mask]
    if (np.isfinite(tissue).all(-1) & (np.abs(tissue).max(-1) > 0)).any():
        return
    msg = "No voxel of the images has a finite value that is not 0 in every frame. Check the file."
    if mask is not None:
        msg = (
            f"mask holds {int(mask.sum())} voxels and none has an image: it lies outside of the "
            "heart. Check its orientation and its slice."
        )
    raise InputError(msg)


def _scatter(course: np.ndarray) -> float:
    """Return the standard deviation between neighbouring frames, from the median difference."""
    return float(np.median(np.abs(np.diff(course)))) / 0.954


def _width(time: np.ndarray, aif: np.ndarray, peak: int) -> float:
    """Return the width of the peak at half its height, s; infinite where it does not end."""
    if peak in (0, len(aif) - 1):
        return float("nan") if peak == 0 else 2.0 * float(time[-1] - time[0])
    _, _, left, right = peak_widths(aif, [peak], rel_height=0.5)
    ends = np.interp([left[0], right[0]], np.arange(len(time)), time)
    return float(ends[1] - ends[0])


def _tissue_flags(tissue: np.ndarray) -> list[Flag]:
    if not len(tissue):
        return []
    highest, lowest = np.nanmax(np.abs(tissue), axis=-1), np.nanmin(tissue, axis=-1)
    below = lowest < -NEGATIVE * max(float(np.median(highest)), 1e-300)
    below &= lowest < -0.5 * highest
    if below.mean() <= 0.05:
        return []
    sentence = (
        f"{100 * below.mean():.0f} % of the voxels fall below 0 by half of what they rise: the "
        "baseline or the conversion from signal is wrong there."
    )
    return [Flag(name="negative_concentrations", sentence=sentence)]


def _order_flags(time: np.ndarray, aif: np.ndarray, tissue: np.ndarray) -> list[Flag]:
    """Return whether the tissue, by its median course, is half full before its input is."""
    course = np.nanmedian(tissue, axis=0)
    if not np.ptp(course) > NOISE * _scatter(course):  # no bolus, or not of every frame
        return []
    ahead = _half_full(time, aif) - _half_full(time, course)
    if ahead <= EARLY * float(np.median(np.diff(time))):
        return []
    sentence = (
        f"The tissue is half full {ahead:.1f} s before its input is: they are not of one clock, "
        "or the input was taken behind the tissue. The delay tells nothing, and flow is biased."
    )
    return [Flag(name="tissue_before_input", sentence=sentence)]


def _height_flags(time: np.ndarray, aif: np.ndarray, tissue: np.ndarray) -> list[Flag]:
    """Return whether the tissue, by its median course, is as high as no muscle is."""
    course = np.nanmedian(tissue, axis=0)
    rise = float(np.ptp(course))
    if not rise > NOISE * _scatter(course):
        return []
    flags = []
    if course.max() > ABOVE * aif.max():
        sentence = (
            f"The tissue rises to {course.max():.3g} mM, its input to {aif.max():.3g} mM: one of "
            "them has another unit, or the mask holds blood."
        )
        flags.append(Flag(name="tissue_too_high", sentence=sentence))
    before = float(np.median(course[: quiet_frames(time, aif)]))
    if abs(before) > RAISED * rise:
        sentence = (
            f"The tissue has {before:.3g} mM before the bolus, of a rise of {rise:.3g} mM: take "
            "its baseline away, or flow is wrong."
        )
        flags.append(Flag(name="tissue_baseline", sentence=sentence))
    return flags


def _half_full(time: np.ndarray, course: np.ndarray) -> float:
    """Return when a course first reaches half of its largest value, s."""
    half = course.max() / 2
    after = int(np.argmax(course >= half))
    if after == 0:
        return float(time[0])
    return float(np.interp(half, course[after - 1 : after + 1], time[after - 1 : after + 1]))


def _time_flags(time: np.ndarray) -> list[Flag]:
    steps = np.diff(time)
    longest = int(np.argmax(steps))
    if steps[longest] <= LONG_STEP * max(1.0, float(np.median(steps))):
        return []
    sentence = (
        f"Frames {longest} and {longest + 1} lie {steps[longest]:.1f} s apart, others "
        f"{np.median(steps):.2g} s: frames are missing, or the times are wrong."
    )
    return [Flag(name="gap_in_series", sentence=sentence)]


def _input_flags(time: np.ndarray, aif: np.ndarray, peak: int, width: float) -> list[Flag]:
    flags = []
    quiet = int(np.argmax(aif > QUIET_SHARE * aif[peak]))
    if quiet < 2:
        sentence = f"The bolus is there in frame {quiet}: no frame before it gives a baseline."
        flags.append(Flag(name="no_baseline", sentence=sentence))
    if time[-1] - time[peak] < TAIL * width:
        sentence = (
            f"The series ends {time[-1] - time[peak]:.1f} s after the arterial peak, which is "
            f"{width:.1f} s wide: flow is told only in part, permeability not at all."
        )
        flags.append(Flag(name="series_too_short", sentence=sentence))
    top = aif >= aif[peak] * (1 - 1e-6)
    flat = aif >= FLAT_TOP * aif[peak]
    if flat.sum() >= max(CLIPPED, FLAT_SHARE * np.sum(aif >= aif[peak] / 2)):
        top = flat
    if top.sum() >= CLIPPED:
        sentence = (
            f"The arterial input stays at its largest value, {aif[peak]:.3g} mM, for {top.sum()} "
            "frames: its peak is clipped or saturated, and flow is overestimated."
        )
        flags.append(Flag(name="clipped_input", sentence=sentence))
    if not SMALLEST <= aif[peak] <= LARGEST:
        above = aif[peak] > LARGEST
        name, word = ("input_too_high", "more") if above else ("input_too_low", "less")
        sentence = (
            f"The arterial input peaks at {aif[peak]:.3g} mM, {word} than any clinical dose "
            "makes: its unit or its conversion is wrong."
        )
        flags.append(Flag(name=name, sentence=sentence))
    high = SECOND_PEAK * float(aif[peak])
    peaks, _ = find_peaks(aif, height=high, prominence=0.5 * high)
    if len(peaks) > 1:
        told = ", ".join(f"{time[i]:.1f} s" for i in peaks)
        sentence = (
            f"The arterial input has {len(peaks)} peaks ({told}): two boluses, or a wrong beat."
        )
        flags.append(Flag(name="two_peaks", sentence=sentence))
    if aif.min() < -NEGATIVE * aif[peak]:
        sentence = f"The arterial input falls to {aif.min():.3g} mM: its baseline is wrong."
        flags.append(Flag(name="negative_input", sentence=sentence))
    return flags


__all__ = ["check_first_pass", "quiet_frames"]
