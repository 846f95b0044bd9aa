"""A job as a Hydra application: its configs, its options checked, its function called."""

import difflib
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

import cardiotwin
from cardiotwin.errors import InputError
from cardiotwin.run.mistakes import adds, explain, nearest, option_names
from cardiotwin.run.page import page

Options = Mapping[str, Any]
Job = Callable[[Options], None]

OmegaConf.register_new_resolver("degrees", math.radians, replace=True)

VERBATIM = ("path", "output", "image", "end_systole", "labels", "segment_contractility")
"""Keys whose values are taken as they are, however a folder is called or a label is paired."""

_FLAGS = (
    *("--help", "-h", "--hydra-help", "--version", "--cfg", "-c", "--resolve", "--package", "-p"),
    *("--run", "-r", "--multirun", "-m", "--shell-completion", "-sc", "--config-path", "-cp"),
    *("--config-name", "-cn", "--config-dir", "-cd", "--info", "-i", "--experimental-rerun"),
)

_SHOWING = {*("--help", "-h", "--hydra-help", "--cfg", "-c", "--info", "-i"), "--version"}


def configs() -> Path:
    """Return the folder of the YAML files: inside the package, or a checkout's own."""
    package = Path(cardiotwin.__file__).parent
    places = (package / "configs", package.parents[1] / "configs")
    for place in places:
        if (place / "twin.yaml").is_file():
            return place
    msg = f"No configs, looked in {places[0]} and {places[1]}. Install cardiotwin again."
    raise InputError(msg)


def run_job(name: str, function: Job, words: Sequence[str]) -> int:
    """Return the exit code of a job called with the words of its command line."""
    if {"--help", "-h"} & set(words):
        print(help_page(name, words))  # noqa: T201 - the command's answer
        return 0
    failures: list[Exception] = []

    def task(config: Any) -> None:
        try:
            function(plain(config))
        except Exception as error:  # noqa: BLE001 - raised again outside Hydra, which prints it
            failures.append(error)

    run_hydra(name, task, words)
    for failure in failures:
        raise failure
    return 0


def run_hydra(name: str, task: Callable[[Any], Any], words: Sequence[str]) -> None:
    """Let Hydra read the words and call `task`, once or for each member of a sweep.

    Raises
    ------
    InputError
        For words that Hydra cannot use, in one sentence.
    """
    _check_flags(name, words)
    words = [quoted(word) for word in words] if not is_sweep(words) else list(words)
    overrides = [word for word in words if not word.startswith("-")]
    for word in filter(adds, overrides):
        raise InputError(explain(HydraException(), name, [word], compose))
    application = hydra.main(version_base="1.3", config_path=str(configs()), config_name=name)(
        task
    )
    try:
        with _as_command_line(name, words):
            application()
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(explain(error, name, overrides, compose)) from error


def compose(name: str, overrides: Sequence[str] = ()) -> Any:
    """Return the options of a job without running it."""
    import_module(f"cardiotwin.run.{name}")  # makes its options known
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(configs())):
        return hydra.compose(config_name=name, overrides=list(overrides))


def plain(config: Any) -> Options:
    """Return composed options as plain mappings and lists, all interpolations done."""
    content: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    return dict(content)


def help_page(name: str, words: Sequence[str]) -> str:
    """Return the page of `cardiotwin JOB --help`: every option, its value and what it is."""
    overrides = [quoted(word) for word in words if not word.startswith("-")]
    try:
        return page(name, compose(name, overrides), configs())
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(explain(error, name, overrides, compose)) from error


def is_sweep(words: Sequence[str]) -> bool:
    """Return whether the words ask for a sweep, and not only to show something."""
    return bool({"-m", "--multirun"} & set(words)) and not _SHOWING & set(words)


def quoted(word: str) -> str:
    """Return `key=value` with the value of a verbatim key quoted, so that it is one value."""
    key, equals, value = word.partition("=")
    if not equals or key not in VERBATIM or value in {"", "null"} or value[0] in "'\"":
        return word
    return f"{key}='{value.replace(chr(39), chr(92) + chr(39))}'"


def _check_flags(name: str, words: Sequence[str]) -> None:
    for word in words:
        flag, _, value = word.partition("=")
        if flag.startswith("-") and flag not in _FLAGS:
            msg = f"There is no flag {flag}. {_meant(name, flag, value)}"
            raise InputError(msg)


def _meant(name: str, flag: str, value: str) -> str:
    """Return what to write instead of an unknown flag: an option, or a flag that there is."""
    config = compose(name)
    option, close = nearest(flag.lstrip("-"), option_names(config))
    if close:
        switch = isinstance(OmegaConf.select(config, option), bool)
        return (
            f"Options have no dashes: did you mean {option}={value or switch * 'true' or '...'}?"
        )
    near = difflib.get_close_matches(flag, _FLAGS, n=1)
    return f"Did you mean {near[0]}?" if near else "Options are written key=value."


@contextmanager
def _as_command_line(name: str, words: Sequence[str]) -> Iterator[None]:
    """Give Hydra its arguments, and let its errors reach us instead of its own printing."""
    before, variable = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = [f"cardiotwin {name}", *words]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = before
        if variable is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = variable
