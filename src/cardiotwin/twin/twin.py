"""The record of one twin: what went in, what was estimated, what it predicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Num

from cardiotwin.errors import Flag
from cardiotwin.geometry.anatomy import PhaseFit, RightFit
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.imaging.examination import Phase, Subject
from cardiotwin.mechanics.state import WallState
from cardiotwin.twin.function import Function


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A parameter with its uncertainty.

    Parameters
    ----------
    value, sd
        Estimate and posterior standard deviation in `unit`.
    unit
        SI unit, ``1`` where there is none.
    prior
        What was believed before, in words with its source.
    prior_median, prior_log_sd
        Median, in `unit`, and standard deviation of the logarithm of a log-normal prior; None
        where the prior is another.
    """

    value: float
    sd: float
    unit: str
    prior: str
    prior_median: float | None = None
    prior_log_sd: float | None = None


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """One measurement and what the twin says of it, SI.

    Parameters
    ----------
    measured, sd
        Value and standard deviation that the fit was given.
    model
        The twin's value.
    unit
        SI unit.
    source
        Where the measured value is from, e.g. ``cuff``, ``Klotz 2006``, ``contours``.
    """

    measured: float
    sd: float
    model: float
    unit: str
    source: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Twin:
    """A personalised left ventricle, or both ventricles.

    Parameters
    ----------
    subject
        The person's numbers.
    mesh
        The imaged wall at end-diastole: coordinates, segments and fibres (``f0``, ``s0``, ``n0``
        as cell fields, at the cell's centroid) among its fields.
    base_rule
        How the base was placed, by phase.
    fits
        How the mesh agrees with the drawing, by phase.
    measured_points
        The measured phases on the mesh's connectivity, m.
    states
        Equilibria by name: ``unloaded``, ``end_diastole`` and, if measured, ``end_systole``.
    times
        Seconds after the R wave of the states in the beat, where known.
    state_fields
        Per state and name, one value per cell: ``fibre_strain``, ``circumferential_strain``,
        ``longitudinal_strain``, ``radial_strain`` (Green-Lagrange, from end-diastole),
        ``fibre_stress`` (Cauchy, Pa), and what was read of the cell's segment (engineering
        strains): ``segment_longitudinal_strain``, ..., ``segment_wall_thickening``.
    passive_curve
        Cavity volume, m^3, and pressure, Pa, of the inflation from the unloaded state.
    parameters
        ``passive_scale``, ``passive_exponent``, ``contractility`` (Pa) where estimated, ...
    fit
        Agreement with each measurement, by name.
    checks
        Lengths, m, that the fit was not asked for: what inflating the unloaded wall misses of the
        imaged one, how far the predicted end-systole is from the measured one.
    posterior
        Draws by parameter name, all of one length.
    function
        What clinicians read, model and images; None for a passive twin.
    flags
        What the reader must know.
    timing
        Seconds by stage.
    inputs
        SHA-256 by path of the files read.
    software
        Version by package name.
    seed
        Of the generator that drew `posterior`.
    right
        The right ventricle's agreement with its drawing, where the mesh has one.
    segment_contractility
        Of AHA segments that were said to be diseased, as a share of ``contractility``.
    """

    subject: Subject
    mesh: TetMesh
    base_rule: Mapping[Phase, str]
    fits: Mapping[Phase, PhaseFit]
    measured_points: Mapping[Phase, Float[np.ndarray, "nodes 3"]]
    states: Mapping[str, WallState]
    times: Mapping[str, float]
    state_fields: Mapping[str, Mapping[str, Num[np.ndarray, "cells ..."]]]
    passive_curve: Float[np.ndarray, "states 2"]
    parameters: Mapping[str, Estimate]
    fit: Mapping[str, Agreement]
    posterior: Mapping[str, Float[np.ndarray, " draws"]]
    checks: Mapping[str, float] = field(default_factory=dict)
    function: Function | None = None
    flags: tuple[Flag, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    right: RightFit | None = None
    segment_contractility: Mapping[int, float] = field(default_factory=dict)
