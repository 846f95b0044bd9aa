"""`cardiotwin twin`: the personalised twin of one heart, or of many."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from cardiotwin.errors import InputError
from cardiotwin.exam.known import known_truth
from cardiotwin.exam.volunteer import Volunteer
from cardiotwin.geometry.biventricular.bayer import Bayer
from cardiotwin.geometry.biventricular.doste import Doste
from cardiotwin.geometry.biventricular.options import FOR_MECHANICS, BiventricularOptions
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.imaging.examination import Examination, Subject
from cardiotwin.imaging.subject import subject_of, with_numbers
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.material import Guccione, HolzapfelOgden, NeoHookean, Usyk
from cardiotwin.mechanics.springs import Springs
from cardiotwin.run.application import Options, is_sweep, run_job
from cardiotwin.run.folder import (
    RUNS,
    STAGES,
    folder_name,
    is_finished,
    locked,
    run_mark,
    stage_mark,
)
from cardiotwin.run.launchers import store_launchers
from cardiotwin.run.logs import elapsed, logged
from cardiotwin.run.options import FitOptions, ReadOptions, SubjectOptions, store, store_choice
from cardiotwin.run.reading import place, reading
from cardiotwin.run.recipe import beliefs, recipe
from cardiotwin.run.schema import schema
from cardiotwin.run.volunteer import SUBJECT, volunteer_folder
from cardiotwin.twin.files import write_bytes
from cardiotwin.twin.stages import Stages

_LOG = logging.getLogger(__name__)
_NOT_IN_MARK = (
    "path",
    "output",
    "end_systole",
    "image",
    "pictures",
    "force",
)  # hashes stand for files


@dataclass
class TwinOptions(ReadOptions):
    """The personalised twin of one heart.

    Parameters
    ----------
    output
        Run folder; null: runs/SUBJECT, of a sweep runs/sweep.
    subject
        Numbers that override those of subject.yaml.
    volunteer
        Recipe of the built-in volunteer, which is used where `path` is null.
    anatomy
        lv (the left ventricle alone) or biventricular (both, as one wall).
    template
        How fine the wall of anatomy=lv is cut.
    fibres
        Fibre and sheet angles at the two surfaces, of anatomy=lv.
    biventricular
        How both ventricles are meshed, of anatomy=biventricular.
    biventricular_fibres
        Rule of the fibres of both ventricles, of anatomy=biventricular.
    material
        Passive law.
    springs
        What holds the wall.
    activation
        Active stress across the fibre.
    discretisation
        How incompressibility is met, and when Newton's iteration has arrived.
    segment_contractility
        Of diseased AHA segments as a share of the others', e.g. 7:0/8:0.5 (0: a scar); null: none.
    fit
        What is fitted, with which priors.
    seed
        Of the posterior's draws.
    pictures
        Whether to draw pictures, film and report.
    force
        Whether to replace a finished twin in the run folder.
    """

    output: str | None = None
    subject: SubjectOptions = field(default_factory=SubjectOptions)
    volunteer: Any = field(default_factory=schema(Volunteer))
    anatomy: str = "lv"
    template: Any = field(default_factory=schema(Template))
    fibres: Any = field(default_factory=schema(FibreAngles))
    biventricular: Any = field(
        default_factory=lambda: schema(BiventricularOptions)(edge=FOR_MECHANICS.edge)
    )
    biventricular_fibres: Any = None
    material: Any = None
    springs: Any = field(default_factory=schema(Springs))
    activation: Any = field(default_factory=schema(Activation))
    discretisation: Any = field(default_factory=schema(Discretisation))
    segment_contractility: str | None = None
    fit: FitOptions = field(default_factory=FitOptions)
    seed: int = 1
    pictures: bool = True
    force: bool = False


store_launchers()
store("twin", TwinOptions)
store_choice("subject", "as_read", SubjectOptions)
store_choice("biventricular_fibres", "doste", schema(Doste))
store_choice("biventricular_fibres", "bayer", schema(Bayer))
store_choice("material", "holzapfel_ogden", schema(HolzapfelOgden))
store_choice("material", "guccione", schema(Guccione))
store_choice("material", "usyk", schema(Usyk))
store_choice("material", "neo_hookean", schema(NeoHookean))


def run(words: Sequence[str]) -> int:
    """Return the exit code of the job, of a sweep its worst member's."""
    if is_sweep(words):
        from cardiotwin.run.sweep import run_sweep  # noqa: PLC0415 - brings pandas

        return run_sweep("twin", words)
    return run_job("twin", make_twin, words)


def make_twin(options: Options) -> None:
    """Read a heart, build its twin, save it, draw it; go on where an earlier call was killed."""
    start = time.perf_counter()
    models = beliefs(options)  # refused before anything is read or run
    examination = _read(options)
    subject = examination.subject if examination else None
    folder = _run_folder(options, subject)
    inputs = examination.inputs if examination else {}
    hashes = sorted((Path(path).name, digest) for path, digest in inputs.items())
    mark = run_mark(_settings(options), subject, tuple(hashes))
    with locked(folder), logged(folder):
        if is_finished(folder, mark, force=options["force"]):
            _LOG.info("%s is finished: nothing to do (force=true does it again)", folder)
            return
        _keep_settings(folder, options)
        stages = Stages(folder / STAGES, stage_mark(mark))
        if examination is None:
            examination = _volunteer(options, folder, stages)
        _finish(examination, options, folder, stages, recipe=recipe(models), mark=mark)
        shown = " (open report.html)" if options["pictures"] else ""
        _LOG.info("%s: finished in %s%s", folder, elapsed(start), shown)


def _finish(
    examination: Examination,
    options: Options,
    folder: Path,
    stages: Stages,
    *,
    recipe: Any,
    mark: str,
) -> None:
    """Build, draw and save; the record last, since a folder with one is complete."""
    from cardiotwin.run.drawing import draw, keep_drawing  # noqa: PLC0415 - brings viz
    from cardiotwin.twin.build import build_twin  # noqa: PLC0415 - brings dolfinx
    from cardiotwin.twin.store import save_twin  # noqa: PLC0415 - brings pyarrow

    path = options["path"]
    truth = known_truth(folder / SUBJECT if path is None else place("path", path))
    twin, anatomy = build_twin(examination, recipe, stages)
    keep_drawing(examination, anatomy, truth, stages)
    if options["pictures"]:
        draw(twin, folder)
    save_twin(twin, folder, fingerprint=mark)


def _is_built_in(options: Options) -> bool:
    if options["subject"]["built_in"] and options["path"] is not None:
        msg = (
            f"subject=volunteer is the built-in volunteer and takes no path, found "
            f"path={options['path']}. Leave one of them out."
        )
        raise InputError(msg)
    return options["path"] is None


def _read(options: Options) -> Examination | None:
    """Return the user's examination, or None for the volunteer, who is made in the run folder."""
    if _is_built_in(options):
        return None
    from cardiotwin.imaging.read import read_examination  # noqa: PLC0415 - not for --help

    found = read_examination(place("path", options["path"]), reading(options))
    return replace(found, subject=with_options(found.subject, options["subject"]))


def with_options(subject: Subject, options: Options) -> Subject:
    """Return the subject with what the options say instead of what was read."""
    words = {"built_in", "id", "sex"}
    numbers = {k: v for k, v in options.items() if k not in words and v is not None}
    found = with_numbers(subject, numbers)
    if options["id"] is not None:
        found = replace(found, identifier=options["id"])
    if options["sex"] is not None:
        found = replace(found, sex=subject_of("", {}, sex=options["sex"]).sex)
    return found


def _run_folder(options: Options, subject: Subject | None) -> Path:
    if options["output"] is not None:
        return place("output", options["output"])
    name = subject.identifier if subject else options["volunteer"]["identifier"]
    return RUNS / folder_name(name)


def _settings(options: Options) -> dict[str, Any]:
    """Return the options that a twin's numbers depend on."""
    unused = ("volunteer",) if options["path"] is not None else ()
    return {k: v for k, v in options.items() if k not in (*_NOT_IN_MARK, *unused)}


def _keep_settings(folder: Path, options: Options) -> None:
    """Write `.hydra/`: the resolved options, what was said on the command line, Hydra's own."""
    parts: dict[str, Any] = {"config": dict(options)}
    if HydraConfig.initialized():
        parts |= {"overrides": HydraConfig.get().overrides.task, "hydra": HydraConfig.get()}
    for name, part in parts.items():
        content = part if OmegaConf.is_config(part) else OmegaConf.create(part)
        write_bytes(folder / ".hydra" / f"{name}.yaml", OmegaConf.to_yaml(content).encode())


def _volunteer(options: Options, folder: Path, stages: Stages) -> Examination:
    """Return the examination of the volunteer, who is made in the run folder."""
    from cardiotwin.imaging.read import read_examination  # noqa: PLC0415 - not for --help

    made = volunteer_folder(options["volunteer"], folder, stages)
    found = read_examination(made, reading(options))
    return replace(found, subject=with_options(found.subject, options["subject"]))
