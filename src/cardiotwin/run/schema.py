"""The models' own fields as Hydra schemas, and models from what Hydra composed.

A frozen dataclass would be a read-only config, which the command line could not override.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields, is_dataclass, make_dataclass
from functools import lru_cache
from importlib import import_module
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

_CHECKED = (int, float, bool, str)  # what OmegaConf checks by itself
_REQUIRED = "???"  # OmegaConf's mark of a value that must be given


@lru_cache(maxsize=64)
def schema(model: type) -> type:
    """Return a mutable dataclass with the fields, types, defaults and docstring of `model`."""
    hints = get_type_hints(model)
    items: list[Any] = [("_target_", str, field(default=f"{model.__module__}.{model.__name__}"))]
    for item in fields(model):
        if item.init:
            kind = hints[item.name]
            option = Any if is_dataclass(kind) else _option_type(kind)
            items.append((item.name, option, field(default_factory=_default(item))))
    options = make_dataclass(f"{model.__name__}Options", items, module=__name__)
    options.__doc__ = model.__doc__
    return options


def build(options: Mapping[str, Any]) -> Any:
    """Return the model of a composed node, a plain mapping with the `_target_` of its schema."""
    module, _, name = options["_target_"].rpartition(".")
    model = getattr(import_module(module), name)
    hints = get_type_hints(model)
    values = {
        key: _value(value, hints[key]) for key, value in options.items() if key != "_target_"
    }
    return model(**values)


def described(model: type) -> dict[str, str]:
    """Return what a class docstring says of each of its parameters, one line each."""
    _, _, section = inspect.cleandoc(model.__doc__ or "").partition("Parameters\n----------\n")
    section = re.split(r"\n\n\w+\n-+\n", section)[0]
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if line and not line.startswith(" "):
            names = [name.strip() for name in line.split(",")]
        for name in names:
            found[name] = f"{found.get(name, '')} {line.strip()}" if line.startswith(" ") else ""
    return {name: text.strip() for name, text in found.items()}


def _default(item: Any) -> Callable[[], Any]:
    """Return what makes a field's default as OmegaConf takes it."""
    if item.default is MISSING and item.default_factory is MISSING:
        return lambda: _REQUIRED
    value = item.default_factory() if item.default is MISSING else item.default
    return lambda: _as_option(value)


def _as_option(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        values = {
            item.name: _as_option(getattr(value, item.name)) for item in fields(value) if item.init
        }
        return schema(type(value))(**values)
    if isinstance(value, tuple):
        return [_as_option(item) for item in value]
    return value


def _option_type(kind: Any) -> Any:
    """Return the type that OmegaConf shall check: a plain one, perhaps None, or anything."""
    members = set(get_args(kind)) if get_origin(kind) in {Union, UnionType} else {kind}
    plain = members - {NoneType}
    return kind if len(plain) == 1 and plain <= set(_CHECKED) else Any


def _value(value: Any, kind: Any) -> Any:
    """Return an option as the model's annotation has it: lists as tuples, nodes as models."""
    if isinstance(value, Mapping):
        return build(value) if "_target_" in value else dict(value)
    if isinstance(value, list | tuple):
        inner = next(iter(get_args(kind)), Any)
        return tuple(_value(item, inner) for item in value)
    return value
