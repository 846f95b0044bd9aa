"""Where the wall's blood comes from: coronary outlets, and the territory of each.

Assignment of segments: Cerqueira et al. (2002), Circulation 105:539-542.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from scipy import sparse
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TETRAHEDRON_EDGES, TetMesh
from cardiotwin.perfusion.darcy.bed import Bed

Territory = Integer[np.ndarray, " cells"]

CORONARIES = ("lad", "rca", "lcx")
FAR = 0.02  # m from the wall: no outlet of it
SEGMENTS = {"lad": (1, 2, 7, 8, 13, 14, 17), "rca": (3, 4, 9, 10, 15), "lcx": (5, 6, 11, 12, 16)}


@dataclass(frozen=True, kw_only=True)
class Artery:
    """The way from the aorta to an outlet: p_aorta - p_outlet = (R + S |Q|) Q.

    Parameters
    ----------
    name
        In results.
    resistance
        Of friction, R, Pa s/m^3.
    separation
        What the jet behind a narrowing loses, S, Pa s^2/m^6 (Young & Tsai 1973, J Biomech
        6:395-410).
    """

    name: str
    resistance: float = 0.0
    separation: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an artery that drives its blood."""
        for name in ("resistance", "separation"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                msg = (
                    f"Artery.{name} must be zero or positive, found {value:g} for {self.name}. "
                    "A closed artery has a resistance that is large."
                )
                raise InputError(msg)


@dataclass(frozen=True, kw_only=True, eq=False)
class GivenInflow:
    """Flows that the outlets deliver, spread evenly over their territories.

    Parameters
    ----------
    territory
        The outlet of each cell, from 0.
    flow
        Of each outlet, m^3/s.
    """

    territory: Territory
    flow: Float[np.ndarray, " outlets"]

    def __post_init__(self) -> None:
        """Refuse a territory that nothing feeds, and an outlet that feeds nothing."""
        check_territory(self.territory, len(self.flow))


@dataclass(frozen=True, kw_only=True, eq=False)
class Feeding:
    """Arteries that drive blood into the first compartment by their pressure.

    Parameters
    ----------
    territory
        The artery of each cell, from 0.
    conductance
        By wall volume, from the artery's end to the first compartment, 1/(Pa s), by cell.
    arteries
        From the aorta.
    """

    territory: Territory
    conductance: Float[np.ndarray, " cells"]
    arteries: tuple[Artery, ...]

    def __post_init__(self) -> None:
        """Refuse a territory that nothing feeds, and an artery that feeds nothing."""
        check_territory(self.territory, len(self.arteries))
        if not (np.all(self.conductance >= 0) and np.isfinite(self.conductance).all()):
            msg = (
                "Feeding.conductance must be zero or positive, found values from "
                f"{np.min(self.conductance):g} to {np.max(self.conductance):g} 1/(Pa s). Give 0 "
                "where no artery reaches."
            )
            raise InputError(msg)


def fed_from_aorta(bed: Bed, territory: Territory, names: Sequence[str] = CORONARIES) -> Feeding:
    """Return arteries without a resistance of their own, each joined to its territory."""
    return Feeding(
        territory=territory,
        conductance=np.full(len(territory), bed.arterial_conductance),
        arteries=tuple(Artery(name=name) for name in names),
    )


def check_territory(territory: Territory, n_outlets: int) -> None:
    """Refuse a territory without an outlet, and an outlet without one.

    Raises
    ------
    InputError
        With the numbers that do not match.
    """
    found = set(np.unique(territory).tolist())
    if found != set(range(n_outlets)):
        msg = (
            f"territory must hold every outlet from 0 to {n_outlets - 1}, found "
            f"{sorted(found)}. Give each cell the number of its outlet."
        )
        raise InputError(msg)


def nearest_outlet(mesh: TetMesh, outlets: Float[np.ndarray, "outlets 3"]) -> Territory:
    """Return the outlet that is nearest to each cell on a way within the wall.

    `outlets` are points in the world, m; each begins at the mesh's corner next to it.

    Raises
    ------
    InputError
        If two outlets begin at one corner, or one is farther than 2 cm from the wall.
    """
    corners = np.unique(mesh.cells[:, :4])
    gap, start = cKDTree(mesh.points[corners]).query(outlets)
    pairs = np.unique(np.sort(mesh.cells[:, TETRAHEDRON_EDGES], axis=2).reshape(-1, 2), axis=0)
    lengths = np.linalg.norm(np.diff(mesh.points[pairs], axis=1)[:, 0], axis=1)
    if gap.max() > FAR:
        msg = (
            f"outlets must lie at the wall, found one {1e3 * gap.max():.0f} mm from it. Give "
            "world coordinates in metres."
        )
        raise InputError(msg)
    if len(np.unique(start)) < len(outlets):
        msg = (
            f"{len(outlets)} outlets begin at {len(np.unique(start))} corners of the mesh. Give "
            "outlets that lie apart, or a finer mesh."
        )
        raise InputError(msg)
    shape = (len(mesh.points), len(mesh.points))
    graph = sparse.csr_array((lengths, (pairs[:, 0], pairs[:, 1])), shape=shape)
    distance = dijkstra(graph, directed=False, indices=corners[start])
    return np.asarray(distance[:, mesh.cells[:, :4]].mean(axis=2).argmin(axis=0))


def segment_territory(mesh: TetMesh, arteries: Sequence[str] = CORONARIES) -> Territory:
    """Return the coronary artery of each cell by its AHA segment, in the order of `arteries`."""
    of_segment = np.full(18, -1)
    for number, name in enumerate(arteries):
        of_segment[list(SEGMENTS[name])] = number
    return np.asarray(of_segment[mesh.cell_fields["aha_segment"]])


__all__ = [
    "CORONARIES",
    "SEGMENTS",
    "Artery",
    "Feeding",
    "GivenInflow",
    "check_territory",
    "fed_from_aorta",
    "nearest_outlet",
    "segment_territory",
]
