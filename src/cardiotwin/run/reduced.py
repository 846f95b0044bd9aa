"""A finished run's left ventricle, walked by the full model and reduced: stage by stage."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.fitting.evidence import Evidence, Measured
from cardiotwin.fitting.klotz import Klotz
from cardiotwin.fitting.motion_likelihood import motion_measurement
from cardiotwin.fitting.observations import Measurement
from cardiotwin.fitting.reduced_twin import ED, ES, ReducedTwin
from cardiotwin.fitting.reducible import Extent, range_about
from cardiotwin.fitting.surfaces import Surfaces, reduced_twin
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.imaging.examination import Phase
from cardiotwin.measurement import motion_of_wall
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.parameter_range import ParameterRange
from cardiotwin.mechanics.parametric import TERRITORIES, ParametricWall
from cardiotwin.mechanics.walks import Walk, walk
from cardiotwin.surrogates.heart import ReducedHeart
from cardiotwin.surrogates.offline import train
from cardiotwin.surrogates.training import Reduction
from cardiotwin.twin import Twin
from cardiotwin.twin.files import sha256_of
from cardiotwin.twin.stages import Stages, fingerprint
from cardiotwin.units import MMHG

WIDE = 4.0  # standard deviations of a measured volume in which its state is sought
SECOND = "second_diastolic"
SECOND_SHARE = (1.03, 1.10)  # of the end-diastolic volume: another preload
CONTOURS = 12  # two on each of six slices: at least as many are drawn
DISCREPANCY = 2e-3  # m: known of no model of this kind, ours


@dataclass(frozen=True, kw_only=True)
class Offline:
    """How a finished run's reduced twin is made.

    Parameters
    ----------
    states
        Of the full model, in a walk.
    chunk
        States that are kept on disk together.
    reach
        How far from the fit it reaches: exponent of the factors of `Extent`.
    reduction
        Its basis and points.
    surfaces
        Polynomials of its states.
    seed
        Of the walk.
    """

    states: int = 64
    chunk: int = 16
    reach: float = 1.0
    reduction: Reduction = field(default_factory=lambda: Reduction(modes=60))
    surfaces: Surfaces = field(default_factory=Surfaces)
    seed: int = 1

    @property
    def extent(self) -> Extent:
        """Return the range about the fit."""
        near = Extent()
        return Extent(
            passive_scale=near.passive_scale**self.reach,
            passive_exponent=near.passive_exponent**self.reach,
            tension=near.tension**self.reach,
            supports=near.supports**self.reach,
        )


def evidence_of(record: Twin) -> Evidence:
    """Return what a finished twin was fitted to.

    Raises
    ------
    InputError
        If it was fitted to no volume of end-diastole.
    """
    measured = {
        name: Measured(value=one.measured, sd=one.sd, source=one.source)
        for name, one in record.fit.items()
    }
    if f"{ED}_volume" not in measured or f"{ED}_pressure" not in measured:
        msg = (
            f"A posterior needs end-diastole, found a twin fitted to {', '.join(measured)}. "
            "Make the twin again with cardiotwin twin ... force=true."
        )
        raise InputError(msg)
    volume, pressure = measured[f"{ED}_volume"], measured[f"{ED}_pressure"]
    stands_in = any("Klotz" in one.source for one in measured.values())
    return Evidence(
        end_diastolic_volume=volume,
        end_diastolic_pressure=pressure,
        end_systolic_volume=measured.get(f"{ES}_volume"),
        end_systolic_pressure=measured.get(f"{ES}_pressure"),
        diastolic_points=tuple(
            (pressure, measured[f"diastolic_volume_at_{pressure / MMHG:.3g}_mmhg"])
            for _, pressure, _ in record.subject.diastolic_points
        ),
        klotz=Klotz(volume=volume.value, pressure=pressure.value) if stands_in else None,
        flags=record.flags,
    )


class ReducedRun:
    """The full model of a finished run, walked and reduced, each walk kept on disk.

    Parameters
    ----------
    folder
        The run folder.
    record, recipe
        What `load_twin` and `kept_recipe` give.
    offline
        How it is made.
    """

    def __init__(self, folder: Path, record: Twin, recipe: Any, offline: Offline) -> None:
        if record.mesh.facets.get("rv_endocardium") is not None:
            msg = (
                f"{folder} holds a twin of both ventricles, and only the left one can be reduced. "
                "Make it with anatomy=lv."
            )
            raise InputError(msg)
        if "contractility" not in record.parameters:
            msg = (
                f"{folder} holds a twin without end-systole, found no contractility. Give it an "
                "image of end-systole."
            )
            raise InputError(msg)
        self.record, self.offline = record, offline
        parameters = record.parameters
        fitted = Loads(
            cavity_pressure=record.states["end_diastole"].cavity_pressure,
            active_tension=parameters["contractility"].value,
            passive_scale=parameters["passive_scale"].value,
            passive_exponent=parameters["passive_exponent"].value,
        )
        wall = recipe.wall(record.mesh)
        unloaded = wall.unload(replace(fitted, active_tension=0.0))
        self.model = ParametricWall(wall, unloaded, TERRITORIES)
        smallest = record.states["end_systole"].cavity_volume
        self.span: ParameterRange = range_about(self.model, fitted, smallest, offline.extent)
        mark = fingerprint(
            self.span, offline.states, offline.seed, sha256_of((folder / "twin.json").read_bytes())
        )
        self.stages = Stages(folder / "reduced", mark)

    def walked(self) -> Walk:
        """Return the walk of the full model, from chunks that are kept."""
        values, volumes = self.span.sample(self.offline.states, self.offline.seed)
        parts = []
        for begin in range(0, self.offline.states, self.offline.chunk):
            some = slice(begin, begin + self.offline.chunk)
            parts.append(
                self.stages.run(
                    f"walk_{begin}",
                    Walk,
                    partial(walk, self.model, self.span, values[some], volumes[some]),
                )
            )
        return joined(*parts)

    def twin(self, walked: Walk, evidence: Evidence) -> tuple[ReducedHeart, ReducedTwin]:
        """Return the reduced heart of a walk, and the twin made from it."""
        heart = train(self.model, self.span, walked, self.offline.reduction)
        volume = evidence.end_diastolic_volume
        volumes = {ED: _about(volume)}
        if evidence.end_systolic_volume is not None:
            volumes[ES] = _about(evidence.end_systolic_volume)
        for number, (pressure, measured) in enumerate(evidence.diastolic_points, start=1):
            if pressure > 0:
                low, high = _about(measured)
                volumes[f"diastolic_{number}"] = (
                    max(low, self.span.unloaded_volume),
                    min(high, self.span.largest_volume),
                )
        low, high = (share * volume.value for share in SECOND_SHARE)
        volumes[SECOND] = low, min(high, self.span.largest_volume)
        return heart, reduced_twin(
            heart,
            self.record.mesh,
            self.unloaded,
            volumes,
            wall_volume=wall_volume(self.record.mesh.points, self.record.mesh),
            options=self.offline.surfaces,
        )

    def motion(self, heart: ReducedHeart, twin: ReducedTwin) -> Measurement:
        """Return the measured displacement of end-systole from end-diastole.

        Raises
        ------
        InputError
            If end-systole was not drawn.
        """
        measured = self.record.measured_points.get(Phase.END_SYSTOLE)
        if measured is None or ES not in twin.states:
            msg = "motion=true needs a drawn end-systole, found none. Leave it out."
            raise InputError(msg)
        mesh = self.record.mesh
        moved = motion_of_wall(mesh, measured - mesh.points, CONTOURS)
        middle = np.array([np.mean(ends) for ends in twin.span.values()])
        return motion_measurement(
            moved,
            0,
            heart.basis.displacement,
            observable=f"{ES}_displacement",
            acquisition="cine",
            discrepancy=DISCREPANCY,
            surrogate=twin.error(f"{ES}_displacement", middle),
        )

    @property
    def unloaded(self) -> Float[np.ndarray, "nodes 3"]:
        """Return the nodes of the unloaded placement, m."""
        return self.model.body.fields.placed(self.model.reference)


def _about(measured: Measured) -> tuple[float, float]:
    return measured.value - WIDE * measured.sd, measured.value + WIDE * measured.sd


def joined(*walks: Walk) -> Walk:
    """Return several walks as one."""
    return Walk(
        placed=tuple(one for each in walks for one in each.placed),
        changes=tuple(one for each in walks for one in each.changes),
        seconds=tuple(one for each in walks for one in each.seconds),
        changes_s=sum(each.changes_s for each in walks),
        failed=tuple(one for each in walks for one in each.failed),
    )


__all__ = ["SECOND", "Offline", "ReducedRun", "evidence_of", "joined"]
