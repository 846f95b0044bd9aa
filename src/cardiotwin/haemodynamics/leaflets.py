"""A valve's leaflet in its stub: how it resists, when it opens and shuts, what flows past it.

A leaflet is flat and fills its stub; open it is gone, and the stub alone directs the jet. Between,
its resistance falls by decades.
"""

from dataclasses import dataclass, field
from math import log10

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.geometry.cavity.motion import area_vectors
from cardiotwin.geometry.regions import linear_functions
from cardiotwin.haemodynamics.domain import Nodes
from cardiotwin.haemodynamics.heart import RAMP
from cardiotwin.haemodynamics.immersed import ResistiveSurface
from cardiotwin.units import ML, MMHG

DECADES = 6.0  # that a valve's resistance falls until it is open and has none
FEWEST = 1.5  # layers of the stub in half of a leaflet


@dataclass(frozen=True, kw_only=True)
class Leaflets:
    """How valves resist, open and shut.

    Parameters
    ----------
    surface
        Of a valve that is shut.
    ramp
        How long a valve takes to open, s.
    closing_volume
        What runs back while a valve shuts, m^3; assumed.
    give
        Pressure to which a valve that is shut yields, Pa; assumed.
    """

    surface: ResistiveSurface = field(default_factory=ResistiveSurface)
    ramp: float = RAMP
    closing_volume: float = 1 * ML
    give: float = 2 * MMHG

    def __post_init__(self) -> None:
        """Refuse valves that never shut, or shut at once."""
        if not 0.05 * ML <= self.closing_volume <= 10 * ML:
            msg = (
                "Leaflets.closing_volume must be 0.05 to 10 mL, found "
                f"{self.closing_volume / ML:g} mL. 1 mL is usual."
            )
            raise InputError(msg)

    def resistance(self, share: float) -> float:
        """Return the resistance of a valve over that of one that is shut: 0 shut, 1 open."""
        return 0.0 if share >= 1 else float(10 ** (-DECADES * share))

    def yielded(self, flow: float, area: float) -> float:
        """Return how far open a valve is that resists a flow, m^3/s, with `give` at most."""
        drop = self.surface.per_speed * flow / area
        return min(max(log10(max(drop / self.give, 1e-30)) / DECADES, 0.0), 1.0)

    def moved(
        self, share: float, *, its_phase: bool, forward: float, drop: float, time_step: float
    ) -> float:
        """Return how far a valve is open after a step.

        Parameters
        ----------
        share
            Before: 0 shut, 1 open.
        its_phase
            Whether it is the half of the beat in which this valve may open and the other shut.
        forward
            Flow through it, m^3/s.
        drop
            Pressure before it less that behind it, Pa.
        time_step
            s.
        """
        if its_phase:
            opens = share > 0 or drop > 0
            return min(share + time_step / self.ramp, 1.0) if opens else share
        carried = max(-forward, 0.0) / self.closing_volume
        return max(share - time_step * max(carried, 1 / self.ramp), 0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stub:
    """A valve's stub as its leaflet and its flow meter.

    Parameters
    ----------
    root
        Nodes in the lid.
    nodes, beyond
        Of the stub, and how much of what the leaflet carries lies before them: 0 to 1.
    area
        Of its section, m^2.
    cells, held
        Of the stub, and how each resists while the valve is shut, kg/(m^3 s).
    meter
        Cells between the lid and the stub's first layer, whose flow is read.
    inside
        1 at the meter's corners in the lid, 0 at those beyond.
    """

    root: Integer[np.ndarray, " _"]
    nodes: Integer[np.ndarray, " _"]
    beyond: Float[np.ndarray, " _"]
    area: float
    cells: Integer[np.ndarray, " _"]
    held: Float[np.ndarray, " _"]
    meter: Integer[np.ndarray, " _"]
    inside: Float[np.ndarray, "_ 4"]

    def outflow(
        self,
        points: Nodes,
        cells: Integer[np.ndarray, "_ 4"],
        relative: Nodes,
        subscale: Float[np.ndarray, "_ 3"],
    ) -> float:
        """Return the flow out of the cavity, m^3/s.

        -int (u + u' - w) . grad q with q = 1 in the cavity and 0 beyond the meter's cells, u - w
        at the nodes and u' (`Projection.subscale`) by cell: what a field without sources against
        linear functions cannot lose on the way.
        """
        sizes, slopes = linear_functions(points, cells[self.meter])
        mean = relative[cells[self.meter]].mean(axis=1) + subscale[self.meter]
        steep = np.einsum("iac,ca->ci", slopes, self.inside)
        return float(-(sizes * (mean * steep).sum(axis=1)).sum())


def stub_of(cavity: MovingCavity, name: str, surface: ResistiveSurface) -> Stub:
    """Return a valve's stub with its leaflet half way along it.

    Raises
    ------
    InputError
        If the leaflet is thicker than the stub is long, or thinner than the cells resolve.
    """
    layers = cavity.stubs[name]
    points, cells = cavity.region.points, cavity.region.cells
    length = float(
        np.linalg.norm(points[layers[-1]].mean(axis=0) - points[layers[0]].mean(axis=0))
    )
    layer = length / (len(layers) - 1)
    if not FEWEST * layer <= surface.half_thickness <= length / 2 - layer:
        msg = (
            f"The leaflet of the {name} valve needs a half thickness of {FEWEST} layers of its "
            f"stub and less than half its length, found {surface.half_thickness * 1e3:g} mm in "
            f"{len(layers) - 1} layers of {layer * 1e3:.2g} mm. Give the stub more layers."
        )
        raise InputError(msg)
    level = np.full(len(points), np.nan)
    level[layers] = np.arange(len(layers))[:, None]
    levels = level[cells]
    own = np.flatnonzero(np.isfinite(levels).all(axis=1) & (levels.max(axis=1) > 0))
    distance = (levels[own].mean(axis=1) - (len(layers) - 1) / 2) * layer
    meter = own[levels[own].min(axis=1) == 0]
    steps = (np.arange(len(layers)) - (len(layers) - 1) / 2) * layer
    return Stub(
        root=layers[0],
        nodes=layers.ravel(),
        beyond=np.repeat(surface.passed(steps), layers.shape[1]),
        area=float(np.linalg.norm(area_vectors(points, cavity.region.facets[name]).sum(axis=0))),
        cells=own,
        held=surface.density(distance),
        meter=meter,
        inside=(levels[meter] == 0).astype(float),
    )


__all__ = ["Leaflets", "Stub", "stub_of"]
