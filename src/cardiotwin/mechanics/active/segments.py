"""Contractility that differs between AHA segments: scar, ischaemia."""

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh

N_SEGMENTS = 17


def segment_factors(text: str) -> dict[int, float]:
    """Return factors of contractility by AHA segment, read from e.g. ``7:0/8:0.5``.

    Raises
    ------
    InputError
        If a pair cannot be read, a number is no AHA segment or given twice, or a factor is
        negative or not finite.

    Examples
    --------
    >>> segment_factors("7:0/8:0.5")
    {7: 0.0, 8: 0.5}
    """
    factors: dict[int, float] = {}
    for pair in text.split("/") if text.strip() else ():
        number, _, share = (part.strip() for part in pair.partition(":"))
        try:
            segment, factor = int(number), float(share)
        except ValueError as error:
            msg = (
                f"segment_contractility pairs AHA segments with factors, found {pair.strip()!r}. "
                "Write e.g. 7:0/8:0.5 (0 is a scar, 1 healthy muscle)."
            )
            raise InputError(msg) from error
        if segment in factors:
            msg = (
                f"segment_contractility has AHA segment {segment} twice, found {text!r}. Keep one."
            )
            raise InputError(msg)
        factors[segment] = factor
    refuse_unknown(factors)
    return factors


def refuse_unknown(factors: Mapping[int, float]) -> None:
    """Raise `InputError` for what is no AHA segment, and for a factor that is none."""
    for segment, factor in factors.items():
        if not 1 <= segment <= N_SEGMENTS:
            msg = (
                f"segment_contractility: AHA segments are 1 to {N_SEGMENTS}, found {segment}. "
                "Cerqueira et al. 2002 number them."
            )
            raise InputError(msg)
        if not 0 <= factor < math.inf:
            msg = (
                f"segment_contractility: the factor of AHA segment {segment} must be finite and "
                f"not negative, found {factor:g}. 0 is a scar, 1 healthy muscle."
            )
            raise InputError(msg)


def per_segment(mesh: TetMesh, factors: Mapping[int, float]) -> Float[np.ndarray, " cells"]:
    """Return each cell's share of the tension of healthy muscle: 0 in a scar, 1 if not named."""
    if "aha_segment" not in mesh.cell_fields:
        msg = (
            "per_segment needs the mesh's cell field aha_segment, found "
            f"{', '.join(sorted(mesh.cell_fields)) or 'none'}. "
            "Make it with cardiotwin.geometry.with_coordinates."
        )
        raise InputError(msg)
    refuse_unknown(factors)
    segments = mesh.cell_fields["aha_segment"]
    shares = np.ones(len(segments))
    for segment, factor in factors.items():
        inside = segments == segment
        if not inside.any():
            there = ", ".join(str(number) for number in np.unique(segments))
            msg = (
                f"segment_contractility: the mesh has no AHA segment {segment}, found {there}. "
                "Name those."
            )
            raise InputError(msg)
        shares[inside] = factor
    if not shares.any():
        msg = (
            "segment_contractility leaves no muscle that contracts, found 0 in every segment. "
            "Give at least one segment a factor."
        )
        raise InputError(msg)
    return shares
