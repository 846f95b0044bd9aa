"""What acts on the wall as a whole: a tangent of low rank beside the sparse one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cardiotwin.fem.anchors import Anchors
from cardiotwin.fem.bordering import Coupling
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.fields import Fields, Midway
from cardiotwin.mechanics.flat_base import plane_motions
from cardiotwin.mechanics.lid import Lid, LidForm
from cardiotwin.mechanics.modes import ModalSprings, rigid_anchors, rigid_motions

RIGID_STIFFNESS = 1e6  # Pa/m^2: what holds a wall's rigid motions where nothing else does


class LowRank:
    """The lids on the cavities, the springs of a plane base and those of a free wall.

    Parameters
    ----------
    fields, mesh
        Of the body.
    pressures
        The constant of each cavity's pressure.
    lids
        The weak form's part of each lid, by the pressure's name.
    base_warp
        Stiffness that the base's springs take back from motions in its plane, Pa/m.
    free
        Whether the wall is held by its mean place and attitude alone.
    """

    def __init__(
        self,
        fields: Fields,
        mesh: TetMesh,
        pressures: Mapping[str, Any],
        *,
        lids: Mapping[str, LidForm],
        base_warp: float,
        free: bool,
    ) -> None:
        self._fields, self._mesh, self._pressures = fields, mesh, pressures
        self._lids, self._base_warp, self._free = lids, base_warp, free

    def couplings(self, *, follows: bool, midway: Midway | None = None) -> list[Coupling]:
        """Return all terms; `midway` says where their forces are taken."""
        springs = []
        if self._base_warp > 0:
            springs.append((plane_motions(self._mesh), -self._base_warp))
        if self._free:
            springs.append((rigid_motions(self._mesh), RIGID_STIFFNESS))
        return [
            *self.lids(follows=follows, midway=midway).values(),
            *(
                ModalSprings(self._fields, modes, stiffness, follows=follows, midway=midway)
                for modes, stiffness in springs
            ),
        ]

    def lids(self, *, follows: bool, midway: Midway | None = None) -> dict[str, Lid]:
        """Return the valves' share of each pressure."""
        return {
            name: Lid(self._fields, form, self._pressures[name], follows=follows, midway=midway)
            for name, form in self._lids.items()
        }

    def anchors(self) -> Anchors | None:
        """Return what keeps the sparse tangent of a free wall regular; the solutions lack it."""
        if not self._free:
            return None
        columns = [self._fields.of_nodes(anchor) for anchor in rigid_anchors(self._mesh)]
        return Anchors(np.stack(columns, axis=1))


__all__ = ["RIGID_STIFFNESS", "LowRank"]
