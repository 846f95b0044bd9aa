"""What is asked of a biventricular mesh, and what comes of an examination."""

from dataclasses import dataclass

from cardiotwin.errors import Flag, InputError
from cardiotwin.geometry.anatomy import HeartFrame
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.imaging.examination import Contours
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


@dataclass(frozen=True, kw_only=True)
class BiventricularFit:
    """How the mesh compares with what was drawn, over the same extents.

    Parameters
    ----------
    measured_lv, measured_rv
        Volumes of the cavities by the contours' Simpson sum, m^3.
    model_lv, model_rv
        The mesh's cavities over the same extents, m^3.
    lv_volume, rv_volume, wall_volume
        The whole cavities up to the base, and the whole wall of both ventricles, m^3.
    inverted
        Cells with a non-positive Jacobian anywhere they are checked.
    dihedral_min
        Smallest dihedral angle of the straight tetrahedra, rad.
    attempts
        Lattices that were tried, the last of which served.
    """

    measured_lv: float
    measured_rv: float
    model_lv: float
    model_rv: float
    lv_volume: float
    rv_volume: float
    wall_volume: float
    inverted: int
    dihedral_min: float
    attempts: int


@dataclass(frozen=True, kw_only=True, eq=False)
class BiventricularAnatomy:
    """Both ventricles at end-diastole.

    Parameters
    ----------
    mesh
        The wall, with facets ``lv_endocardium``, ``rv_endocardium``, ``epicardium``, ``base``.
    frame
        The heart's axes: origin at the centre of the most basal ring, long axis across the slices.
    fit
        Agreement with the drawing.
    contours
        The contours after slice-shift correction.
    base_rule
        How the base was placed, in words.
    flags
        What the reader must know.
    """

    mesh: TetMesh
    frame: HeartFrame
    fit: BiventricularFit
    contours: Contours
    base_rule: str
    flags: tuple[Flag, ...] = ()


__all__ = ["BiventricularAnatomy", "BiventricularFit", "BiventricularOptions"]
