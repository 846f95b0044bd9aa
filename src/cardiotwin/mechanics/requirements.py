"""What a body asks of what it is made from: each fault is named where it comes in."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.equations import Axes
from cardiotwin.mechanics.loads import PRESSURES, Loads
from cardiotwin.mechanics.springs import Springs


def require_facets(mesh: TetMesh, names: Iterable[str]) -> None:
    """Refuse a name of facets that the mesh does not have."""
    for name in names:
        if name not in mesh.facets:
            msg = f"The mesh has no facets {name!r}. It has {', '.join(mesh.facets)}."
            raise InputError(msg)


def require_free(*, springs: Springs | None, clamped: tuple[str, ...], free: bool) -> None:
    """Refuse a free wall that something holds."""
    if free and (springs is not None or clamped):
        held = "springs" if springs is not None else f"clamped facets ({', '.join(clamped)})"
        msg = f"A free wall is held by nothing else, found {held}. Leave out free=True or them."
        raise InputError(msg)


def require_borne(loads: Loads, cavities: Iterable[str], mesh: TetMesh) -> None:
    """Refuse a pressure in a cavity that the mesh does not have."""
    for name in PRESSURES:
        if getattr(loads, name) and name not in cavities:
            msg = (
                f"{name} has no facets to act on, found {getattr(loads, name):g} Pa. "
                f"The mesh has {', '.join(mesh.facets)}."
            )
            raise InputError(msg)


def require_finite(
    mesh: TetMesh, axes: Axes, relative_tension: Float[np.ndarray, " cells"] | None
) -> None:
    """Refuse points, axes and tensions that are not numbers, and say where the first one is."""
    _every(mesh.points, "The mesh's points", "point")
    for name, axis in zip(("fibre", "sheet", "normal"), axes, strict=True):
        _every(axis, f"The {name} axes", "cell")
    if relative_tension is None:
        return
    if relative_tension.shape != (len(mesh.cells),):
        msg = (
            f"relative_tension needs one factor for each of {len(mesh.cells)} cells, found "
            f"an array of shape {relative_tension.shape}."
        )
        raise InputError(msg)
    _every(relative_tension, "relative_tension", "cell")
    if (relative_tension < 0).any():
        first = int(np.argmax(relative_tension < 0))
        msg = (
            f"relative_tension must not be negative, found {relative_tension[first]:g} at cell "
            f"{first}: a muscle that pushes. A scar has 0."
        )
        raise InputError(msg)


def _every(values: Float[np.ndarray, "..."], what: str, item: str) -> None:
    wrong = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if wrong.any():
        first = int(np.argmax(wrong))
        msg = (
            f"{what} must be finite, found {values[first].ravel()[:3]} "
            f"at {item} {first} ({wrong.sum()} of {len(values)} are not)."
        )
        raise InputError(msg)
