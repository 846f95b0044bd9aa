"""What is asked of a biventricular mesh."""

from dataclasses import dataclass

from cardiotwin.errors import InputError
from cardiotwin.units import MM

THINNEST, THICKEST = 2 * MM, 12 * MM
COARSEST = 15 * MM
LATTICES_PER_WALL = 1.43  # with fewer lattice cells across, thin walls get holes


@dataclass(frozen=True, kw_only=True)
class BiventricularOptions:
    """How both ventricles are meshed.

    Parameters
    ----------
    rv_wall
        Thickness of the RV's free wall, m: it is seldom drawn, so it is built round the cavity.
    edge
        Length that the cells' edges are coarsened to, m, at least the lattice's; None leaves the
        fine lattice's cells, some hundred thousand.
    seed
        Of the order in which edges are collapsed.

    Notes
    -----
    Free wall 3-5 mm without its trabeculae: Ho & Nihoyannopoulos (2006), Heart 92 suppl 1:i2-i13.
    """

    rv_wall: float = 3 * MM
    edge: float | None = 8 * MM
    seed: int = 0

    def __post_init__(self) -> None:
        limits = [("rv_wall", self.rv_wall, THINNEST, THICKEST)]
        if self.edge is not None:
            limits.append(("edge", self.edge, self.lattice, COARSEST))
        for name, value, least, most in limits:
            if not least <= value <= most:
                msg = (
                    f"BiventricularOptions.{name} must lie between {least:.3g} and {most:.3g} m, "
                    f"found {value:g}. Give it in metres: three millimetres are 0.003."
                )
                raise InputError(msg)

    @property
    def lattice(self) -> float:
        """Return the side of the lattice's cubes, m: fine enough to keep the RV's wall closed."""
        return min(self.rv_wall, 3 * MM) / LATTICES_PER_WALL


FOR_MECHANICS = BiventricularOptions(edge=12 * MM)
"""As coarse as two cores can let beat."""

__all__ = ["FOR_MECHANICS", "BiventricularOptions"]
