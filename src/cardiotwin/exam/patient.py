"""Who lies in the scanner: what the pictures need to know of a heart beside its moving wall."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from cardiotwin.exam.scan import Scan
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import rim_nodes
from cardiotwin.units import MM

RIGHT_TO_LEFT = 1.08
"""RV over LV cavity at end-diastole: 154 to 143 mL (Petersen et al. 2017, JCMR 19:18)."""

SEPTUM = np.pi / 3
"""Rad from an RV insertion to the septum's middle: AHA segments 2 and 3 are the septum."""


@runtime_checkable
class Lying(Protocol):
    """How a heart lies in the world, SI, and what stands beside its left ventricle."""

    @property
    def position(self) -> tuple[float, float, float]:
        """Return the LV's middle in RAS+ world coordinates, m."""

    @property
    def axes(self) -> Float[np.ndarray, "3 3"]:
        """Return the heart's axes as columns: towards the RV, anterior, apex to base."""

    @property
    def insertion_angle(self) -> float:
        """Return half the angle between the RV's insertions, rad."""

    @property
    def right_cavity_volume(self) -> float:
        """Return the RV's cavity at end-diastole, m^3."""

    @property
    def right_wall(self) -> float:
        """Return the thickness of the RV's free wall, m."""


@runtime_checkable
class Patient(Protocol):
    """A heart's place and the scan that is planned on it: a `Volunteer`, or a `Scanned`."""

    @property
    def shape(self) -> Lying:
        """Return how the heart lies."""

    @property
    def scan(self) -> Scan:
        """Return the short-axis stack."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """Where a given left ventricle lies: see `Lying`, whose names these are."""

    position: tuple[float, float, float]
    axes: Float[np.ndarray, "3 3"]
    insertion_angle: float
    right_cavity_volume: float
    right_wall: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Scanned:
    """A given heart before the scanner.

    Parameters
    ----------
    shape
        How it lies.
    scan
        The short-axis stack.
    """

    shape: Lying
    scan: Scan


def place_of(mesh: TetMesh, *, right_cavity_volume: float | None = None) -> Place:
    """Return where an LV's end-diastolic mesh lies, read from its own coordinates.

    An RV volume that is not known, m^3, is the LV's times that of healthy adults.
    """
    turn = SEPTUM - mesh.point_fields["rotational"]
    high = mesh.point_fields["apicobasal"] > 0.3
    base = mesh.points[rim_nodes(mesh)].mean(axis=0)
    surface = mesh.points[np.unique(mesh.facets["lv_endocardium"])]
    apex = surface[np.argmax(np.linalg.norm(surface - base, axis=1))]
    along = (base - apex) / np.linalg.norm(base - apex)
    septal = high & (np.cos(turn) > np.cos(SEPTUM / 3))
    towards = mesh.points[septal].mean(axis=0) - mesh.points[high].mean(axis=0)
    towards = towards - (towards @ along) * along
    right = towards / np.linalg.norm(towards)
    usual = RIGHT_TO_LEFT * cavity_volume(mesh.points, mesh)
    middle = 0.5 * (base + apex)
    return Place(
        position=(float(middle[0]), float(middle[1]), float(middle[2])),
        axes=np.column_stack([right, np.cross(along, right), along]),
        insertion_angle=SEPTUM,
        right_cavity_volume=right_cavity_volume or usual,
        right_wall=3 * MM,
    )


__all__ = ["Lying", "Patient", "Place", "Scanned", "place_of"]
