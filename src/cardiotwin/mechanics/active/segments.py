"""Contractility that differs between AHA segments: scar, ischaemia."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh


def per_segment(mesh: TetMesh, factors: Mapping[int, float]) -> Float[np.ndarray, " cells"]:
    """Return each cell's share of the tension of healthy muscle: 0 in a scar, 1 if not named."""
    if "aha_segment" not in mesh.cell_fields:
        msg = (
            "per_segment needs the mesh's cell field aha_segment, found "
            f"{', '.join(sorted(mesh.cell_fields)) or 'none'}. "
            "Make it with cardiotwin.geometry.with_coordinates."
        )
        raise InputError(msg)
    segments = mesh.cell_fields["aha_segment"]
    shares = np.ones(len(segments))
    for segment, factor in factors.items():
        inside = segments == segment
        if not inside.any():
            there = ", ".join(str(number) for number in np.unique(segments))
            msg = f"per_segment: the mesh has no AHA segment {segment}, found {there}. Name those."
            raise InputError(msg)
        if not (np.isfinite(factor) and factor >= 0):
            msg = (
                f"per_segment: the factor of AHA segment {segment} must be 0 or more, "
                f"found {factor:g}. 0 is a scar, 1 healthy muscle."
            )
            raise InputError(msg)
        shares[inside] = factor
    return shares
