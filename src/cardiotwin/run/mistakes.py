"""What was wrong with a command line, in one sentence instead of a page."""

import difflib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

Compose = Callable[..., Any]
_WANTED = {"Float": "a number", "Integer": "a whole number", "bool": "true or false"}
_CLOSE = 0.7  # of difflib: below this a suggestion would puzzle


def explain(error: Exception, job: str, words: Sequence[str], compose: Compose) -> str:
    """Return what was wrong with the words, what was found, and what to write."""
    try:
        compose(job)
    except (HydraException, OmegaConfBaseException) as own:
        return f"The configs of {job} do not fit the program: {_one_line(own)}"
    chosen = [word for word in words if _is_choice(word, job, compose)]

    def composed(job: str, overrides: Sequence[str] = ()) -> Any:
        return compose(job, [*chosen, *overrides])

    found = (_mistake(word, error, job, composed) for word in words)
    return next(filter(None, found), None) or _missing(error) or _one_line(error)


def _mistake(word: str, error: Exception, job: str, compose: Compose) -> str | None:
    """Return what is wrong with one word, None if nothing is."""
    override = _parsed(word)
    if override is None:
        return _unreadable(word)
    key = override.get_key_element().lstrip("+~")
    choices = _choices(job, key, compose)
    if choices:
        wrong = isinstance(error, MissingConfigException) and override.value() not in choices
        return f"There is no {word}. Choose {' or '.join(choices)}." if wrong else None
    if adds(word) or not _is_option(job, key, compose):
        return _unknown(job, word, key, compose)
    if override.is_sweep_override():
        single = "multirun" in str(error)
        hint = "Add -m for a sweep, or put the value in quotes."
        return f"{word} has several values. {hint}" if single else None
    reason = _refused(job, word, compose)
    return f"{key} {reason}, found {override.get_value_element_as_str()}." if reason else None


def adds(word: str) -> bool:
    """Return whether a word adds or deletes an option, which Hydra allows and no job knows."""
    return word[0] in "+~" and not word.lstrip("+~").startswith("hydra")


def nearest(key: str, known: Sequence[str]) -> tuple[str, bool]:
    """Return the known option nearest to `key`, by whole name or last part, and if it is close."""

    def likeness(option: str) -> float:
        ends = (option, option.rpartition(".")[2])
        starts = (key, key.rpartition(".")[2])
        pairs = zip(starts, ends, strict=True)
        return max(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)

    def rank(option: str) -> tuple[bool, int]:
        return option.startswith("volunteer"), option.count(".")

    best = max(sorted(known, key=rank), key=likeness)
    return best, likeness(best) >= _CLOSE


def option_names(config: Any, prefix: str = "") -> list[str]:
    """Return the dotted names of all options, groups before what they hold."""
    names = []
    for key in config:
        if key == "_target_":
            continue
        names.append(f"{prefix}{key}")
        if not OmegaConf.is_missing(config, key) and isinstance(config[key], DictConfig):
            names += option_names(config[key], f"{prefix}{key}.")
    return names


def _one_line(error: Exception) -> str:
    return " ".join(f"{error}: {error.__cause__ or ''}".split()).rstrip(": ")


def _parsed(word: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException:
        return None


def _unreadable(word: str) -> str:
    if "=" not in word:
        hint = f"path={word}" if Path(word).exists() else "key=value"
        return f"Options are written key=value, found {word!r}. Write {hint}."
    key, _, value = word.partition("=")
    return (
        f"The value of {key} cannot be read, found {value!r}. Put it in quotes: \"{key}='...'\"."
    )


def _is_choice(word: str, job: str, compose: Compose) -> bool:
    """Return whether a word chooses one of a group's configs, which brings its own options."""
    override = None if adds(word) else _parsed(word)
    return override is not None and override.value() in _choices(
        job, override.get_key_element(), compose
    )


def _choices(job: str, key: str, compose: Compose) -> list[str]:
    """Return the choices of a group of configs; none if `key` is no group of this job."""
    from cardiotwin.run.application import configs  # noqa: PLC0415 - application asks us first

    folder = configs() / key
    if "." in key or not folder.is_dir() or key not in compose(job):
        return []
    return sorted(path.stem for path in folder.glob("*.yaml"))


def _is_option(job: str, key: str, compose: Compose) -> bool:
    top = key.split(".", maxsplit=1)[0]
    return top in {"hydra", "hydra/launcher"} or key in option_names(compose(job))


def _unknown(job: str, word: str, key: str, compose: Compose) -> str:
    near, close = nearest(key, option_names(compose(job)))
    hint = f"did you mean {near}?" if close else f"cardiotwin {job} --help lists all."
    return f"{job} has no option {key}, found {word}: {hint}"


def _refused(job: str, word: str, compose: Compose) -> str | None:
    """Return why an option refuses its value, or None if it takes it."""
    try:
        compose(job, [word])
    except (HydraException, OmegaConfBaseException) as error:
        text = str(error.__cause__ or error)
        kind = re.search(r"(?:converted to|not a valid) (\w+)", text)
        if kind:
            return f"must be {_WANTED.get(kind[1], kind[1].lower())}"
        return "must have a value" if "not Optional" in text else "cannot take this value"
    return None


def _missing(error: Exception) -> str | None:
    if isinstance(error, MissingMandatoryValue):
        return f"The option {error.full_key} has no value. Give one: {error.full_key}=..."
    return None
