"""The fit in the record's words: estimates, agreement with each measurement, further checks."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.errors import Flag
from cardiotwin.fitting.evidence import Evidence, Measured
from cardiotwin.fitting.personalise import KLOTZ_PRESSURE, RANGES, Fit, Priors
from cardiotwin.fitting.summary import CONTRACTILITY, UNITS, UNLOADED, Uncertainty
from cardiotwin.geometry.anatomy import Anatomy
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.imaging.examination import Phase
from cardiotwin.mechanics.state import WallState
from cardiotwin.twin.clinical import clinical_unit
from cardiotwin.twin.twin import Agreement, Estimate
from cardiotwin.units import MM, MMHG

MISSED = 0.75  # of the measured displacement: an error as large is told


def estimates(found: Uncertainty, priors: Priors, evidence: Evidence) -> dict[str, Estimate]:
    """Return every parameter with its uncertainty and what was believed before."""
    result = {}
    for name, value in found.values.items():
        scale, unit = clinical_unit(name, UNITS[name])
        unit = "" if unit == "1" else f" {unit}"
        median = log_sd = None
        if name in RANGES or name == CONTRACTILITY:
            prior = priors.of(name)
            middle = f"{prior.median / scale:g}{unit}"
            words = f"log-normal, median {middle}, log sd {prior.sd:g} ({prior.source})"
            median, log_sd = prior.median, prior.sd
        elif name == UNLOADED:
            words = "derived from stiffness, exponent and end-diastolic pressure"
        else:
            measured = getattr(evidence, name)
            value_sd = f"{measured.value / scale:.4g} +- {measured.sd / scale:.2g}{unit}"
            known = measured.source != "assumed"
            words = (
                f"measured: {value_sd} ({measured.source})" if known else f"assumed: {value_sd}"
            )
        result[name] = Estimate(
            value=value,
            sd=found.sd(name),
            unit=UNITS[name],
            prior=words,
            prior_median=median,
            prior_log_sd=log_sd,
        )
    return result


def agreements(
    fit: Fit, evidence: Evidence, states: Mapping[str, WallState]
) -> dict[str, Agreement]:
    """Return what was measured beside what the twin says."""
    result = {}
    for phase, name in (
        (Phase.END_DIASTOLE, "end_diastolic"),
        (Phase.END_SYSTOLE, "end_systolic"),
    ):
        state = states.get(phase.value)
        volume, pressure = (getattr(evidence, f"{name}_{key}") for key in ("volume", "pressure"))
        if state is not None and volume is not None and pressure is not None:
            result[f"{name}_volume"] = _agreement(volume, state.cavity_volume, "m^3")
            result[f"{name}_pressure"] = _agreement(pressure, state.cavity_pressure, "Pa")
    if evidence.klotz is not None:
        at_mode = replace(evidence.klotz, pressure=fit.placements.trial.end_diastolic_pressure)
        said = {
            UNLOADED: (at_mode.unloaded_volume, at_mode.unloaded_volume_sd, "unloaded"),
            f"volume_at_{KLOTZ_PRESSURE / MMHG:.0f}_mmhg": (
                at_mode.volume_at_30_mmhg,
                at_mode.volume_at_30_mmhg_sd,
                "passive_0",
            ),
        }
        for name, (value, sd, key) in said.items():
            target = Measured(value=value, sd=sd, source="Klotz 2006")
            result[name] = _agreement(target, fit.volumes[key], "m^3")
    number = 0
    for pressure, target in evidence.diastolic_points:
        key = f"passive_{number}" if pressure > 0 else "unloaded"
        number += pressure > 0
        name = f"diastolic_volume_at_{pressure / MMHG:.3g}_mmhg"
        result[name] = _agreement(target, fit.volumes[key], "m^3")
    return result


def _agreement(target: Measured, model: float, unit: str) -> Agreement:
    return Agreement(
        measured=target.value, sd=target.sd, model=model, unit=unit, source=target.source
    )


def checks(
    anatomy: Anatomy,
    states: Mapping[str, WallState],
    returned: Float[np.ndarray, "nodes 3"],
) -> dict[str, float]:
    """Return what the fit was not asked for, m.

    How far the unloaded wall, inflated again, ends from the imaged one; and how far the predicted
    end-systolic surfaces are from the measured ones: node by node (``displacement``; along the
    surface the measurement sees no material points, so this counts what it cannot know), and the
    same without the shift that all nodes share.
    """
    mesh = anatomy.mesh
    missed = np.linalg.norm(returned - mesh.points, axis=1)
    found = {"unloading_return_p95": float(np.quantile(missed, 0.95))}
    if "end_systole" in states and Phase.END_SYSTOLE in anatomy.points:
        predicted = mesh.points + states["end_systole"].displacement
        measured = anatomy.points[Phase.END_SYSTOLE]
        nodes = surface_nodes(mesh)
        moved = np.linalg.norm(measured - mesh.points, axis=1)[nodes]
        error = np.linalg.norm(predicted - measured, axis=1)[nodes]
        found["end_systolic_displacement_measured_mean"] = float(moved.mean())
        found["end_systolic_displacement_error_mean"] = float(error.mean())
        found["end_systolic_displacement_error_p95"] = float(np.quantile(error, 0.95))
        shift = (predicted - measured)[nodes].mean(axis=0)
        rest = np.linalg.norm((predicted - measured)[nodes] - shift, axis=1)
        found["end_systolic_displacement_error_without_shift_mean"] = float(rest.mean())
    return found


def motion_flags(checks: Mapping[str, float]) -> tuple[Flag, ...]:
    """Return a flag where the predicted end-systole is hardly nearer than no motion at all."""
    if "end_systolic_displacement_error_mean" not in checks:
        return ()
    error = checks["end_systolic_displacement_error_mean"]
    moved = checks["end_systolic_displacement_measured_mean"]
    if error < MISSED * moved:
        return ()
    sentence = (
        f"The wall moved {moved / MM:.1f} mm on average from end-diastole to end-systole, and the "
        f"twin misses its end-systolic place by {error / MM:.1f} mm. Only volumes and pressures "
        "were fitted: motion, strain and twist are the model's, not this heart's."
    )
    return (Flag(name="end_systolic_motion_missed", sentence=sentence),)


def disease_flags(segment_contractility: Mapping[int, float]) -> tuple[Flag, ...]:
    """Return a flag where the contractility of segments was given: the rest's is then fitted."""
    if not segment_contractility:
        return ()
    pairs = ", ".join(f"{number}: {share:g}" for number, share in segment_contractility.items())
    sentence = (
        f"AHA segments were given a share of the others' contractility ({pairs}), which was "
        "fitted to the volumes that the whole heart has: it is that of the healthy muscle."
    )
    return (Flag(name="segment_contractility_given", sentence=sentence),)


def surface_nodes(mesh: TetMesh) -> Integer[np.ndarray, " nodes"]:
    """Return the nodes of the endocardium and the epicardium."""
    return np.unique(
        np.concatenate([mesh.facets[n].ravel() for n in ("lv_endocardium", "epicardium")])
    )
