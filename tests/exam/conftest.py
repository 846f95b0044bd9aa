"""A made-up systole for tests of the scanner (it keeps the wall's volume, nothing more)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from cardiotwin.exam import TrueBeat, Volunteer, end_diastolic_wall, make_volunteer
from cardiotwin.exam.phantom import fractions
from cardiotwin.exam.right_ventricle import right_ventricle
from cardiotwin.exam.stack import plan_stack
from cardiotwin.geometry.closure import cavity_volume

SHORTENING = 0.86  # of the long axis
CORE = 0.028  # m, radius of the tube that is squeezed
TENSION = 50e3  # Pa, of a wall that nobody solved


def contract(volunteer, mesh, ejection_fraction=0.6):
    """Return a beat whose end-systole is a shorter, narrower heart."""
    axes, middle = volunteer.shape.axes, np.array(volunteer.shape.position)
    local = (mesh.points - middle) @ axes
    apex = local[:, 2].min()
    height = (local[:, 2] - apex) / np.ptp(local[:, 2])
    radius = np.hypot(local[:, 0], local[:, 1])
    core = CORE * np.sqrt(height)

    def squeezed(share):
        inner, outer = np.minimum(radius, core), np.maximum(radius, core)
        new = np.sqrt((outer**2 - core**2) / SHORTENING + (share * inner) ** 2)
        points = local.copy()
        points[:, :2] *= (new / np.maximum(radius, 1e-9))[:, None]
        points[:, 2] = apex + SHORTENING * (local[:, 2] - apex)
        return middle + points @ axes.T

    full = cavity_volume(mesh.points, mesh)

    def excess(share):
        return cavity_volume(squeezed(share), mesh) / full - 1 + ejection_fraction

    return TrueBeat(
        unloaded=mesh.points,
        end_diastole=mesh.points,
        end_systole=squeezed(brentq(excess, 0.05, 1.0)),
        contractility=TENSION,
    )


@dataclass(frozen=True, eq=False)
class Heart:
    volunteer: Any
    mesh: Any
    beat: Any
    stack: Any
    right: Any  # the RV at end-diastole and end-systole
    frames: Any  # partial volumes at both, nothing shifted


@pytest.fixture(scope="session")
def heart():
    volunteer = Volunteer()
    mesh = end_diastolic_wall(volunteer)
    beat = contract(volunteer, mesh)
    stack = plan_stack(volunteer, beat.end_diastole, mesh)
    still = np.zeros((volunteer.scan.n_slices, 2))
    phases = (beat.end_diastole, beat.end_systole)
    full = cavity_volume(mesh.points, mesh)
    right = [
        right_ventricle(volunteer, points, mesh, 155e-6 - full + cavity_volume(points, mesh))
        for points in phases
    ]
    frames = [
        fractions(stack, points, mesh, outline, still)
        for points, outline in zip(phases, right, strict=True)
    ]
    return Heart(volunteer, mesh, beat, stack, right, frames)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return make_volunteer(Volunteer(), tmp_path_factory.mktemp("made") / "volunteer", contract)


@pytest.fixture(scope="session")
def systole():
    return contract
