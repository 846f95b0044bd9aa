"""What the problems of Arostica et al. (2025), CMAME 435:117485, share: law, supports, cases."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.equations import Axes
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.schemes import GeneralisedAlpha
from cardiotwin.mechanics.springs import Springs
from cardiotwin.units import ML, MM

LAW = HolzapfelOgden(
    a=59.0,
    b=8.023,
    a_f=18472.0,
    b_f=16.026,
    a_s=2481.0,
    b_s=11.12,
    a_fs=216.0,
    b_fs=11.436,
    switch="logistic",
    steepness=100.0,
)
SUPPORTS = Springs(
    pericardium=1e8,
    pericardium_profile="uniform",
    pericardium_damping=5e3,
    base_normal=1e5,
    base_plane=1e5,
    base_damping=5e3,
    base_warp=0.0,
    annulus=0.0,
)
BULK_MODULUS, VISCOSITY, DENSITY = 1e6, 100.0, 1e3  # Pa, Pa s, kg/m^3


@dataclass(frozen=True, kw_only=True)
class Case:
    """A case: its law, its tension's peak, Pa, and whether there is a pressure."""

    law: HolzapfelOgden = LAW
    tension: float = 1.5e5
    pressure: bool = True


def require_steps(step_ms: float, end_ms: float) -> None:
    """Refuse a time that is not reached by steps."""
    if not 0 < step_ms <= end_ms:
        msg = (
            "step_ms must be positive and no more than end_ms, found "
            f"step_ms={step_ms:g} end_ms={end_ms:g}."
        )
        raise InputError(msg)


def _other(a: float, a_f: float, a_s: float, a_fs: float, tension: float) -> Case:
    return Case(law=replace(LAW, a=a, a_f=a_f, a_s=a_s, a_fs=a_fs), tension=tension)


CASES = {
    "0A": Case(pressure=False),
    "0B": Case(tension=0.0),
    "1": Case(),
    "2A": _other(177.0, 55416.0, 7443.0, 648.0, 2e5),
    "2B": _other(295.0, 92360.0, 12405.0, 1080.0, 1e5),
    "2C": _other(19.0, 6157.0, 827.0, 72.0, 2e5),
}


def moving(mesh: TetMesh, axes: Axes, law: HolzapfelOgden, supports: Springs) -> Dynamics:
    """Return a wall of the benchmark, ready to move."""
    body = Body(
        mesh,
        axes,
        material=law,
        springs=supports,
        activation=Activation(cross_fibre=0.0),
        lids=False,
        discretisation=Discretisation(form="penalty", bulk_modulus=BULK_MODULUS),
    )
    scheme = GeneralisedAlpha(alpha_m=0.2, alpha_f=0.4)
    return Dynamics(body, scheme=scheme, density=DENSITY, viscosity=VISCOSITY)


def columns(
    points: Iterable[str], times: Any, shifts: Any, volumes: Mapping[str, Any]
) -> dict[str, Float[np.ndarray, " times"]]:
    """Return curves by name and unit: times, s, the points' shifts, m, and volumes, m^3."""
    result = {"time_s": np.array(times)}
    for number, name in enumerate(points):
        for axis, letter in enumerate("xyz"):
            result[f"{name}_{letter}_mm"] = np.array(shifts)[:, number, axis] / MM
    return result | {f"{name}_ml": np.array(values) / ML for name, values in volumes.items()}


def cost(dynamics: Dynamics, steps: int, seconds: float) -> dict[str, Any]:
    """Return the size of a run of some steps, and what it took, CPU-s."""
    return {
        "cells": len(dynamics.body.mesh.cells),
        "dofs": len(dynamics.body.fields.unknown.x.array),
        "steps": steps,
        "factorisations": dynamics.problem.factorisations,
        "cpu_s": seconds,
        "cpu_s_per_step": seconds / steps,
    }


def report(curves: Mapping[str, Float[np.ndarray, " times"]], folder: Path) -> dict[str, Any]:
    """Write the curves as a table, and return them with their extremes."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "curves.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(curves)
        writer.writerows(zip(*curves.values(), strict=True))
    result: dict[str, Any] = {name: values.tolist() for name, values in curves.items()}
    for name, values in curves.items():
        if name != "time_s":
            stem, unit = name.rsplit("_", 1)
            result[f"{stem}_min_{unit}"] = float(values.min())
            result[f"{stem}_max_{unit}"] = float(values.max())
    return result
