"""Slices missing between others: found, named, and refused where too wide to bridge.

The surfaces bridge a gap smoothly, so the wider it is the more of the heart is a guess.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cardiotwin.errors import Flag, InputError
from cardiotwin.geometry.stack import APART, SAME_PLANE, Level, Stack, usual_distance
from cardiotwin.imaging.examination import Phase
from cardiotwin.imaging.phases import words
from cardiotwin.units import ML, MM

WIDEST = 36e-3  # m between slices: across more, volumes may err by over 5 %


@dataclass(frozen=True, kw_only=True, eq=False)
class Gap:
    """Two slices with nothing whole between them where there should be something.

    Parameters
    ----------
    below, above
        The slices on either side.
    n_missing
        How many would lie between them at the distance of slices.
    spacing
        That distance, m.
    """

    below: Level
    above: Level
    n_missing: int
    spacing: float

    @property
    def height(self) -> float:
        """Return the distance between the two slices, m."""
        return self.above.height - self.below.height

    @property
    def cavity(self) -> float:
        """Return the cavity that is not drawn, from the mean of its neighbours, m^3."""
        area = (self.below.cavity_area + self.above.cavity_area) / 2
        return area * self.n_missing * self.spacing


def gaps(levels: tuple[Level, ...], grid: float | None = None) -> tuple[Gap, ...]:
    """Return where slices are missing between others: of a grid, m, or at their usual distance."""
    whole = whole_levels(levels)
    heights = np.array([level.height for level in whole])
    spacing = usual_distance(heights) if grid is None else grid
    return tuple(
        Gap(below=below, above=above, n_missing=round(step / spacing) - 1, spacing=spacing)
        for (below, above), step in zip(pairwise(whole), np.diff(heights), strict=True)
        if step >= max(APART * spacing, SAME_PLANE)
    )


def whole_levels(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """Return the slices without those that lie between whole ones and lack cavity or wall."""
    number = [k for k, level in enumerate(levels) if level.usable]
    return tuple(
        level for k, level in enumerate(levels) if level.usable or not number[0] < k < number[-1]
    )


def missing_between(stack: Stack, phase: Phase) -> Flag | None:
    """Return a flag that names the gaps of a phase; raise `InputError` where one is too wide."""
    found = gaps(stack.levels, stack.grid)
    if not found:
        return None
    places = "; ".join(
        f"{gap.n_missing} between slices {gap.below.slice_id} and {gap.above.slice_id}, "
        f"{gap.height / MM:.0f} mm apart"
        for gap in found
    )
    what = (
        f"Slices with cavity and wall are missing at {words(phase)} "
        f"({places} where slices are {found[0].spacing / MM:.0f} mm apart)"
    )
    n_drawn, n_missing = len(whole_levels(stack.levels)), sum(gap.n_missing for gap in found)
    if max(gap.height for gap in found) > WIDEST or n_missing > n_drawn:
        msg = (
            f"{what}: at most {WIDEST / MM:.0f} mm can be bridged, and no more slices than are "
            f"drawn, found {n_missing} missing and {n_drawn} drawn. "
            "Segment the slices between, or give the whole stack."
        )
        raise InputError(msg)
    sentence = (
        f"{what}. The surfaces bridge them, with some "
        f"{sum(gap.cavity for gap in found) / ML:.0f} mL of cavity that nobody drew."
    )
    return Flag(name="missing_middle_slices", sentence=sentence)


__all__ = ["Gap", "gaps", "missing_between", "whole_levels"]
