"""A heart that beats in the scanner: its true wall at even steps of the beat."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.exam.course import ejected_share
from cardiotwin.exam.patient import Patient
from cardiotwin.exam.right_ventricle import RightVentricle, own_right_ventricle, right_ventricle
from cardiotwin.exam.volunteer import TrueBeat, Volunteer
from cardiotwin.geometry.biventricular.part import has_right, left_ventricle
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.coordinates import frame_of, with_coordinates
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.imaging.examination import Phase


@dataclass(frozen=True, kw_only=True, eq=False)
class BeatingHeart:
    """A left ventricle, or both, over one beat.

    Parameters
    ----------
    patient
        How it lies, and the stack that is planned on it.
    mesh
        The wall at end-diastole with its material coordinates; the LV's part of it is measured.
    times
        After the R wave, s, at even steps of the period.
    points
        The mesh's nodes at those times, m.
    period, end_systole_time
        s.
    marked
        The wall at end-diastole and at end-systole, m.
    """

    patient: Patient
    mesh: TetMesh
    times: Float[np.ndarray, " t"]
    points: Float[np.ndarray, "t nodes 3"]
    period: float
    end_systole_time: float
    marked: Mapping[Phase, Float[np.ndarray, "nodes 3"]]

    @property
    def left(self) -> TetMesh:
        """Return the LV's part of the mesh, on the mesh's own nodes."""
        return left_ventricle(self.mesh)

    @property
    def volumes(self) -> Float[np.ndarray, " t"]:
        """Return the LV's cavity volume by frame, m^3."""
        return np.array([cavity_volume(points, self.mesh) for points in self.points])

    def at(self, time: float) -> Float[np.ndarray, "nodes 3"]:
        """Return the nodes at a time, m, straight between the frames; the beat repeats."""
        place = np.mod(time / self.period, 1.0) * len(self.points)
        first = int(place) % len(self.points)
        share = place - int(place)
        following = self.points[(first + 1) % len(self.points)]
        return np.asarray((1 - share) * self.points[first] + share * following)

    @cached_property
    def rights(self) -> tuple[RightVentricle, ...]:
        """Return the right ventricle's surfaces in each frame, made once for all images."""
        return tuple(self.right(points) for points in self.points)

    def right(self, points: Float[np.ndarray, "nodes 3"]) -> RightVentricle:
        """Return the right ventricle's surfaces: the mesh's own, or one that ejects as the LV."""
        if has_right(self.mesh):
            return own_right_ventricle(points, self.mesh)
        ejected = cavity_volume(self.points[0], self.mesh) - cavity_volume(points, self.mesh)
        volume = self.patient.shape.right_cavity_volume - ejected
        return right_ventricle(self.patient, points, self.mesh, volume)


def volunteer_heart(
    volunteer: Volunteer, mesh: TetMesh, beat: TrueBeat, n_frames: int
) -> BeatingHeart:
    """Return the volunteer's heart, whose nodes go straight between its two solved states."""
    period = 1 / volunteer.heart_rate
    times = period * np.arange(n_frames) / n_frames
    share = ejected_share(times, period=period, end_systole_time=volunteer.end_systole_time)
    stroke = beat.end_systole - beat.end_diastole
    return BeatingHeart(
        patient=volunteer,
        mesh=with_coordinates(mesh, frame_of(mesh)),
        times=times,
        points=beat.end_diastole + share[:, None, None] * stroke,
        period=period,
        end_systole_time=volunteer.end_systole_time,
        marked={Phase.END_DIASTOLE: beat.end_diastole, Phase.END_SYSTOLE: beat.end_systole},
    )


def frame_arrays(heart: BeatingHeart) -> dict[str, Any]:
    """Return the true mesh: its nodes in every frame, its coordinates, its cells and facets."""
    return {
        "points": heart.points,
        "times": heart.times,
        "cells": heart.mesh.cells,
        **{f"facets_{name}": facets for name, facets in heart.mesh.facets.items()},
        **{
            name: heart.mesh.point_fields[name]
            for name in ("apicobasal", "transmural", "rotational")
        },
    }


__all__ = ["BeatingHeart", "frame_arrays", "volunteer_heart"]
