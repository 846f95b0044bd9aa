"""What a reduced model is made from: integrals and equilibria of one wall, by its own nodes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.material import Material
from cardiotwin.mechanics.solved import Nodes


@dataclass(frozen=True, kw_only=True, eq=False)
class WallIntegrals:
    """One wall over its unloaded placement.

    Parameters
    ----------
    mesh
        The imaged wall.
    unloaded
        Its nodes in the unloaded placement, m.
    gradients
        Of the shape functions by the unloaded placement, in its fibre axes, 1/m.
    weights
        Of the rule, unloaded volume, m^3.
    pressure_shapes
        Linear shape functions of a cell's corners at the rule's points.
    ring
        Modulus of the fibrous ring at the base, Pa.
    active
        Active stress along fibre, sheet and normal as shares of the tension.
    material
        Passive law.
    bulk_modulus
        Pa; infinite where the wall keeps its volume.
    """

    mesh: TetMesh
    unloaded: Nodes
    gradients: Float[np.ndarray, "cells points 10 3"]
    weights: Float[np.ndarray, "cells points"]
    pressure_shapes: Float[np.ndarray, "points 4"]
    ring: Float[np.ndarray, "cells points"]
    active: tuple[float, float, float]
    material: Material
    bulk_modulus: float

    @property
    def cells(self) -> Integer[np.ndarray, "cells 10"]:
        """Return the nodes of each cell."""
        return self.mesh.cells


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshots:
    """Equilibria of one wall.

    Parameters
    ----------
    names
        Of the parameters.
    values
        SI.
    displacement
        From the unloaded placement, m.
    pressure
        At the corners of the mesh's cells, Pa; zero between them.
    displacement_changes, pressure_changes
        By each parameter; None where they were not asked for.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, "states parameters"]
    displacement: Float[np.ndarray, "states nodes 3"]
    pressure: Float[np.ndarray, "states nodes"]
    displacement_changes: Float[np.ndarray, "states parameters nodes 3"] | None = None
    pressure_changes: Float[np.ndarray, "states parameters nodes"] | None = None

    def __len__(self) -> int:
        return len(self.values)
