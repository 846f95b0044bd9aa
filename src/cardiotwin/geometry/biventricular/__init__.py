"""Both ventricles as one wall of tetrahedra, from the same labels or contours as the LV's."""

from cardiotwin.geometry.biventricular.bayer import Bayer
from cardiotwin.geometry.biventricular.doste import Doste
from cardiotwin.geometry.biventricular.fit import drawn_right, fit_biventricle
from cardiotwin.geometry.biventricular.options import BiventricularOptions

__all__ = [
    "Bayer",
    "BiventricularOptions",
    "Doste",
    "drawn_right",
    "fit_biventricle",
]
