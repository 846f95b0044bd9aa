"""What a fit of kinetics as a whole makes doubtful, and voxels of which it tells nothing."""

import torch

from cardiotwin.errors import Flag
from cardiotwin.imaging.retrieval import Status
from cardiotwin.perfusion.fitting_problem import Found, Problem

MOSTLY = 0.5  # of the curves: with fewer told the input is doubted
IMPLAUSIBLE = 8.0  # mL/min/g: no muscle has more
ML_MIN_G = 1e-3 / 60  # m^3/(s kg)


def without_error(found: Found) -> None:
    """Tell nothing of voxels whose best fit lies where the curve does not change at all."""
    none = torch.isfinite(found.values[0]) & ~(found.errors[0] > 0)
    found.values[:, none], found.errors[:, none] = torch.nan, torch.nan
    found.status[none] = int(Status.NOT_ADMISSIBLE)


def doubts_of(problem: Problem, found: Found) -> list[Flag]:
    """Return flags of the input that only the fit shows: by its time, its height or its unit."""
    told = torch.isfinite(found.values[0])
    flags = []
    untold = 100 * float(1 - told.double().mean()) if len(told) else 0.0
    if untold > 100 * MOSTLY:
        sentence = (
            f"The fit tells nothing of {untold:.0f} % of the curves: the input may not be theirs, "
            "by its time, its height or its unit."
        )
        flags.append(Flag(name="mostly_untold", sentence=sentence))
    if next(iter(problem.units)) != "mbf" or not told.any():
        return flags
    median = float(found.values[0, told].median()) / ML_MIN_G
    if median > IMPLAUSIBLE:
        sentence = (
            f"The median flow is {median:.3g} mL/min/g, more than muscle has: the input is too "
            "low, too late, or of another unit."
        )
        flags.append(Flag(name="implausible_flow", sentence=sentence))
    return flags


__all__ = ["doubts_of", "without_error"]
