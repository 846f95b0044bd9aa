"""`segments_strain.png`: strain by AHA segment as images would give it, of the twin and of them.

Above what the model's material does, below what planes fixed in space show.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardiotwin.measurement.views import N_SEGMENTS
from cardiotwin.twin.function_record import PERCENT
from cardiotwin.twin.twin import Twin
from cardiotwin.viz.segments import Eye, draw_eyes

LABEL = "end-systole, (L \N{MINUS SIGN} L0) / L0, %"


def draw_segment_strain(twin: Twin, path: Path) -> Path | None:
    """Write the picture; return None for a twin that does not beat."""
    if twin.function is None:
        return None
    function, at = twin.function, twin.function.end_systole
    material, image, measured = function.material, function.image, function.measured
    none = np.full(N_SEGMENTS, np.nan)
    above = [
        _eye("Longitudinal strain, material", material.segment_longitudinal[at]),
        _eye("Circumferential strain, material", material.segment_circumferential[at]),
        _eye("Wall thickening, material", material.segment_radial[at]),
    ]
    below = [
        _eye("Circumferential strain, fixed plane", image.segment_circumferential[at]),
        _eye("Wall thickening, fixed plane", image.segment_radial[at]),
        _eye(
            "Wall thickening, imaged",
            none if measured is None else measured.segment_radial[0],
        ),
    ]
    return draw_eyes([above, below], path)


def _eye(title: str, values: Float[np.ndarray, "17"]) -> Eye:
    return Eye(title=title, label=LABEL, values=values / PERCENT, diverging=True, digits=0)


__all__ = ["draw_segment_strain"]
