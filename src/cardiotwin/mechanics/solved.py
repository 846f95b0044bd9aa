"""An equilibrium in the solver's numbering."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.mechanics.loads import Loads

Dofs = Float[np.ndarray, " dofs"]
Placement = Float[np.ndarray, " placement"]
Nodes = Float[np.ndarray, "nodes 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    """An equilibrium in the solver's numbering.

    Parameters
    ----------
    unknown
        Dofs of the displacement (present or unloaded) and, in the mixed form, the pressure.
    other
        Dofs of the displacement that was given.
    loads
        Under which it is in equilibrium.
    """

    unknown: Dofs
    other: Placement
    loads: Loads
