"""How a twin is built, from the options that its job was given or that its run folder kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from cardiotwin.errors import InputError
from cardiotwin.geometry.biventricular.doste import Doste
from cardiotwin.geometry.biventricular.options import FOR_MECHANICS
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.run.application import Options
from cardiotwin.run.schema import build
from cardiotwin.units import MMHG

KEPT = ".hydra/config.yaml"


def beliefs(options: Options) -> dict[str, Any]:
    """Return the models that need no solver; raise `InputError` for a number that none takes."""
    from cardiotwin.fitting.evidence import AssumedPressures  # noqa: PLC0415 - not for --help
    from cardiotwin.mechanics.active import segment_factors  # noqa: PLC0415 - not for --help

    pressure, prior = options["fit"]["pressure"], options["fit"]["passive"]["prior"]
    if options["seed"] < 0:
        msg = f"seed must be at least 0, found {options['seed']}. Give a whole number."
        raise InputError(msg)
    if options["path"] is None:
        build(options["volunteer"])
    return {
        **_wall(options),
        "material": build(options["material"]),
        "springs": build(options["springs"]),
        "activation": build(options["activation"]),
        "discretisation": build(options["discretisation"]),
        "priors": {
            "passive_scale": build(prior["scale"]),
            "passive_exponent": build(prior["exponent"]),
            "contractility": build(options["fit"]["contractility"]["prior"]),
        },
        "assumed": AssumedPressures(
            **{name.removesuffix("_mmhg"): value * MMHG for name, value in pressure.items()}
        ),
        "klotz": options["fit"]["klotz"]["use"],
        "segment_contractility": segment_factors(options["segment_contractility"] or ""),
        "seed": options["seed"],
    }


def _wall(options: Options) -> dict[str, Any]:
    """Return which ventricles are meshed, and their fibres' rule."""
    defaults = {
        "lv": {"template": Template(), "fibres": FibreAngles()},
        "biventricular": {"biventricular": FOR_MECHANICS, "biventricular_fibres": Doste()},
    }
    anatomy = options["anatomy"]
    if anatomy not in defaults:
        msg = (
            f"anatomy must be lv or biventricular, found {anatomy!r}. "
            "Biventricular needs the right ventricle's cavity in the labels or contours."
        )
        raise InputError(msg)
    models = {name: build(options[name]) for of in defaults.values() for name in of}
    for other in defaults.keys() - {anatomy}:
        for name, default in defaults[other].items():
            if models[name] != default:
                msg = (
                    f"{name} is of anatomy={other}, found another than its default with "
                    f"anatomy={anatomy}. Leave it out, or give anatomy={other}."
                )
                raise InputError(msg)
    both = anatomy == "biventricular"
    return {
        "template": models["template"],
        "fibres": models["biventricular_fibres" if both else "fibres"],
        "biventricular": models["biventricular"] if both else None,
    }


def recipe(models: Mapping[str, Any]) -> Any:
    """Return the `Recipe` of the models that `beliefs` built."""
    from cardiotwin.fitting.personalise import Priors  # noqa: PLC0415 - brings dolfinx
    from cardiotwin.twin.build import Recipe  # noqa: PLC0415 - brings dolfinx

    return Recipe(**{**models, "priors": Priors(**models["priors"])})


def kept_options(folder: Path) -> Options:
    """Return the options that the twin in a run folder was built with.

    Raises
    ------
    InputError
        If the folder kept none.
    """
    path = folder / KEPT
    try:
        found: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except OSError as error:
        raise _unusable(path, error) from error
    return dict(found)


def kept_recipe(folder: Path) -> Any:
    """Return the `Recipe` of the twin in a run folder.

    Raises
    ------
    InputError
        If the folder kept no options, or other ones than today's.
    """
    try:
        return recipe(beliefs(kept_options(folder)))
    except (KeyError, TypeError) as error:
        raise _unusable(folder / KEPT, error) from error


def _unusable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"The options of a twin are read from {path}, found {type(error).__name__}: {error}. "
        "Make the twin again with cardiotwin twin ... force=true."
    )
