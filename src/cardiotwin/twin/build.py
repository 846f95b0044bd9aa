"""From an examination to its twin, stage by stage: geometry, diastole, systole, prediction."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import Flag
from cardiotwin.fitting.evidence import AssumedPressures, Evidence, gather_evidence
from cardiotwin.fitting.heart_model import HeartModel, Placements
from cardiotwin.fitting.personalise import Fit, Priors, fit_beat, fit_passive
from cardiotwin.fitting.summary import draws, scale_flags, uncertainty
from cardiotwin.geometry.anatomy import Anatomy
from cardiotwin.geometry.biventricular import BiventricularOptions, fit_biventricle
from cardiotwin.geometry.fibres import FibreRule
from cardiotwin.geometry.fit import fit_anatomy
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import CENTROID
from cardiotwin.geometry.template import Template
from cardiotwin.imaging.examination import Examination, Phase
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.material import Material
from cardiotwin.mechanics.solved import Solved
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.state import WallState
from cardiotwin.mechanics.wall import Wall
from cardiotwin.twin.agreement import (
    agreements,
    checks,
    disease_flags,
    estimates,
    motion_flags,
)
from cardiotwin.twin.reading import with_function
from cardiotwin.twin.stages import Stages
from cardiotwin.twin.twin import Twin

FILLING = np.array([0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0])  # of the passive curve, 1: imaged
BEYOND = np.array([1 / 3, 2 / 3, 1.0])  # the same, from the image to the fullest placement fitted
SOFTWARE = ("cardiotwin", "fenics-ufl", "fenics-ffcx", "numpy", "scipy", "nibabel")
DOLFINX = ("dolfinx-solver-real", "fenics-dolfinx")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a twin is built from an examination.

    Parameters
    ----------
    template
        How fine the wall is cut, where it is the LV's alone.
    biventricular
        How both ventricles are meshed; None for the LV alone.
    fibres
        Fibre rule.
    material, springs, activation, discretisation
        The wall's mechanics.
    priors, assumed
        What is believed before the measurement, and in its absence.
    klotz
        Whether the empirical relation stands in for diastolic points that were not measured.
    segment_contractility
        Of diseased AHA segments, as a share of that of the others, which is fitted.
    n_draws
        Draws of the posterior to keep.
    seed
        Of their generator.
    """

    template: Template
    fibres: FibreRule
    material: Material
    springs: Springs
    activation: Activation
    discretisation: Discretisation
    priors: Priors
    assumed: AssumedPressures
    biventricular: BiventricularOptions | None = None
    klotz: bool = True
    segment_contractility: Mapping[int, float] = field(default_factory=dict)
    n_draws: int = 4000
    seed: int = 1

    def wall(self, mesh: TetMesh, *, pointwise: bool = False) -> Wall:
        """Return the mechanics of an imaged wall, `pointwise` for cross-bridges (see `Body`)."""
        return Wall(
            mesh,
            angles=self.fibres,
            material=self.material,
            springs=self.springs,
            activation=self.activation,
            pointwise=pointwise,
            discretisation=self.discretisation,
            segment_contractility=self.segment_contractility,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """What the fitted wall does, on the mesh's own numbering.

    Parameters
    ----------
    states
        Equilibria by name.
    fields
        Per state, one value per cell.
    passive_curve
        Volume, m^3, and pressure, Pa, of the inflation from the unloaded state.
    returned
        The nodes after inflation from the unloaded state to the end-diastolic pressure, m.
    """

    states: Mapping[str, WallState]
    fields: Mapping[str, Mapping[str, Float[np.ndarray, " cells"]]]
    passive_curve: Float[np.ndarray, "states 2"]
    returned: Float[np.ndarray, "nodes 3"]


class _Bench:
    """The wall of one anatomy, set up when a stage first needs it."""

    def __init__(self, mesh: TetMesh, recipe: Recipe) -> None:
        self._mesh = mesh
        self._recipe = recipe

    @cached_property
    def wall(self) -> Wall:
        return self._recipe.wall(self._mesh)


def build_twin(examination: Examination, recipe: Recipe, stages: Stages) -> tuple[Twin, Anatomy]:
    """Return the twin of an examination and the anatomy that it was built on.

    Raises
    ------
    InputError
        If the examination cannot be used.
    ConvergenceError
        If a stage finds no equilibrium; the finished stages stay in the store.
    """
    anatomy: Anatomy = stages.run("geometry", Anatomy, lambda: _anatomy(examination, recipe))
    evidence = gather_evidence(examination.subject, anatomy, recipe.assumed, klotz=recipe.klotz)
    given = disease_flags(recipe.segment_contractility)
    known = _unique((*examination.flags, *anatomy.flags, *evidence.flags, *given))
    _tell(known)
    bench = _Bench(anatomy.mesh, recipe)
    fit: Fit = stages.run(
        "diastole", Fit, lambda: fit_passive(bench.wall, evidence, recipe.priors)
    )
    if evidence.end_systolic_volume is not None:
        passive = fit
        fit = stages.run(
            "systole", Fit, lambda: fit_beat(bench.wall, evidence, recipe.priors, passive)
        )
    prediction: Prediction = stages.run("prediction", Prediction, lambda: predict(bench.wall, fit))
    twin = _record(examination, anatomy, evidence, fit=fit, prediction=prediction, recipe=recipe)
    late = (*scale_flags(fit), *motion_flags(twin.checks))
    _tell(late)
    twin = replace(twin, flags=(*known, *late), timing=stages.timing)
    read = with_function(twin)
    _tell(read.flags[len(twin.flags) :])
    return read, anatomy


def _anatomy(examination: Examination, recipe: Recipe) -> Anatomy:
    if recipe.biventricular is None:
        return fit_anatomy(examination, recipe.template)
    return fit_biventricle(examination, recipe.biventricular)


def predict(wall: Wall, fit: Fit) -> Prediction:
    """Return the states and fields of a fitted wall; the passive curve starts at rest."""
    placed = fit.placements
    imaged = wall.imaged(placed.unloaded)
    curve = _passive_curve(wall, placed)
    at_image = wall.load(
        curve[len(FILLING)], placed.trial.passive(imaged.loads.cavity_pressure), first_step=1.0
    )
    solved = {"end_diastole": imaged}
    if placed.systole:
        solved["end_systole"] = placed.end_systole
    states = {"unloaded": wall.state(placed.unloaded, unloaded=True)}
    fields = {"unloaded": wall.strains(wall.points(placed.unloaded))}
    for name, one in solved.items():
        states[name] = wall.state(one)
        fields[name] = wall.strains(wall.points(one)) | {"fibre_stress": wall.fibre_stress(one)}
    return Prediction(
        states=states,
        fields=fields,
        passive_curve=np.array([[wall.volume(one), one.loads.cavity_pressure] for one in curve]),
        returned=wall.points(at_image),
    )


def _passive_curve(wall: Wall, placed: Placements) -> tuple[Solved, ...]:
    """Return the inflation to the image's fullness and on to the fullest placement fitted.

    It goes by even steps of the volume, of both ventricles by even steps of the pressure.
    """
    image = wall.imaged(placed.unloaded)
    model = HeartModel(wall, ())
    if wall.has_right:
        full = image.loads.cavity_pressure
        return model.filling(placed, _steps(0.0, full, max(placed.passive, default=full)))
    empty, full = wall.volume(placed.unloaded), wall.volume(image)
    fullest = max((wall.volume(one) for one in placed.passive.values()), default=full)
    return model.inflation(placed, _steps(empty, full, fullest))


def _steps(empty: float, full: float, fullest: float) -> Float[np.ndarray, " steps"]:
    steps = empty + FILLING * (full - empty)
    return np.append(steps, full + BEYOND * (fullest - full)) if fullest > full else steps


def _record(
    examination: Examination,
    anatomy: Anatomy,
    evidence: Evidence,
    *,
    fit: Fit,
    prediction: Prediction,
    recipe: Recipe,
) -> Twin:
    found = uncertainty(fit, evidence)
    times = {Phase(phase).value: time for phase, time in examination.frame_times.items()}
    return Twin(
        subject=examination.subject,
        mesh=_with_fibres(anatomy.mesh, recipe.fibres),
        base_rule=anatomy.base_rule,
        fits=anatomy.fits,
        measured_points=anatomy.points,
        states=prediction.states,
        times={name: times[name] for name in prediction.states if name in times},
        state_fields=prediction.fields,
        passive_curve=prediction.passive_curve,
        parameters=estimates(found, recipe.priors, evidence),
        fit=agreements(fit, evidence, prediction.states),
        checks=checks(anatomy, prediction.states, prediction.returned),
        posterior=draws(found, recipe.n_draws, np.random.default_rng(recipe.seed)),
        inputs=examination.inputs,
        software=_software(),
        seed=recipe.seed,
        right=anatomy.right,
        segment_contractility=dict(recipe.segment_contractility),
    )


def _with_fibres(mesh: TetMesh, fibres: FibreRule) -> TetMesh:
    f0, s0, n0 = (axis[:, 0] for axis in fibres.axes(mesh, CENTROID))
    return replace(mesh, cell_fields={**mesh.cell_fields, "f0": f0, "s0": s0, "n0": n0})


def _tell(flags: tuple[Flag, ...]) -> None:
    for flag in flags:
        _LOG.info("! %s: %s", flag.name, flag.sentence)


def _unique(flags: tuple[Flag, ...]) -> tuple[Flag, ...]:
    return tuple({(flag.name, flag.sentence): flag for flag in flags}.values())


def _software() -> dict[str, str]:
    found = {name: version(name) for name in SOFTWARE}
    for name in DOLFINX:
        try:
            found[name] = version(name)
        except ModuleNotFoundError:
            continue
    return found
