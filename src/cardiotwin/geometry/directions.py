"""The wall's own directions, whether it is one ventricle's or both."""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.biventricular.harmonics import ventricular_axes
from cardiotwin.geometry.fibres import local_axes
from cardiotwin.geometry.mesh import TetMesh

Axes = Float[np.ndarray, "cells q 3"]


def directions_of(mesh: TetMesh, reference: Float[np.ndarray, "q 3"]) -> tuple[Axes, Axes, Axes]:
    """Return the circumferential, longitudinal and transmural unit vectors, right-handed.

    Longitudinal points to the base, transmural out of the ventricle that a point belongs to.
    """
    if "rv_endocardium" in mesh.facets:
        return ventricular_axes(mesh, reference)
    return local_axes(mesh, reference)


__all__ = ["directions_of"]
