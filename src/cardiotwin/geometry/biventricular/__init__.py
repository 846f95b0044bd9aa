"""Both ventricles as one wall of tetrahedra, from the same labels or contours as the LV's."""

from cardiotwin.geometry.biventricular.anatomy import (
    BiventricularAnatomy,
    BiventricularFit,
    BiventricularOptions,
)
from cardiotwin.geometry.biventricular.fibres import biventricular_fibres
from cardiotwin.geometry.biventricular.fit import fit_biventricle

__all__ = [
    "BiventricularAnatomy",
    "BiventricularFit",
    "BiventricularOptions",
    "biventricular_fibres",
    "fit_biventricle",
]
