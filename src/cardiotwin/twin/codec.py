"""Results as text and arrays, and back to the last bit: what a stage of a run leaves on disk.

A result is any nesting of mappings, lists, tuples, frozen dataclasses and enumerations of this
package, paths, numbers, strings, None and arrays. Floats travel as hexadecimal text.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


def encode(value: Any, arrays: Arrays) -> Any:
    """Return `value` as JSON's types; its arrays go to `arrays`, a key stands for each.

    Raises
    ------
    TypeError
        For a type that could not be given back as it was.
    """
    if value is None or type(value) in {bool, int, str}:
        return value
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return write(value, arrays)
    if is_dataclass(value) and not isinstance(value, type):
        items = [
            [item.name, encode(getattr(value, item.name), arrays)]
            for item in fields(value)
            if item.init
        ]
        return {"dataclass": _class_name(type(value)), "fields": items}
    msg = f"A stage's result holds a {type(value).__name__}, which cannot be stored exactly."
    raise TypeError(msg)


def decode(tree: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return the value that `encode` was given."""
    if not isinstance(tree, dict):
        return tree
    kind = next(iter(tree))
    return _READERS[kind](tree, arrays)


def _array(value: np.ndarray, arrays: Arrays, kind: str = "array") -> dict[str, str]:
    if value.dtype.hasobject:
        msg = "A stage's result holds an array of objects, which cannot be stored exactly."
        raise TypeError(msg)
    key = f"array_{len(arrays)}"
    arrays[key] = value
    return {kind: key}


def _sequence(value: list[Any] | tuple[Any, ...], arrays: Arrays) -> dict[str, Any]:
    if type(value) not in {list, tuple}:
        msg = f"A stage's result holds a {type(value).__name__}; make it a plain tuple."
        raise TypeError(msg)
    return {type(value).__name__: [encode(item, arrays) for item in value]}


def _mapping(value: Mapping[Any, Any], arrays: Arrays) -> dict[str, Any]:
    items = [[encode(key, arrays), encode(item, arrays)] for key, item in value.items()]
    return {"mapping": items}


def _class_name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _class(name: str) -> Any:
    """Return a class of this package; a stored file may name no other."""
    module, _, qualname = name.partition(":")
    if module.split(".")[0] != "cardiotwin":
        msg = f"A stored result names the class {name}, which is not of this package."
        raise ValueError(msg)
    return getattr(import_module(module), qualname)


# In this order: an Enum may be a str, and a numpy number may be a float.
_WRITERS: dict[type, Callable[[Any, Arrays], Any]] = {
    Enum: lambda value, _: {"enum": _class_name(type(value)), "name": value.name},
    np.ndarray: _array,
    np.generic: lambda value, arrays: _array(np.asarray(value), arrays, "number"),
    float: lambda value, _: {"float": value.hex()},
    list: _sequence,
    tuple: _sequence,
    Mapping: _mapping,
    Path: lambda value, _: {"path": str(value)},
}

_READERS: dict[str, Callable[[Any, Mapping[str, np.ndarray]], Any]] = {
    "enum": lambda tree, _: _class(tree["enum"])[tree["name"]],
    "array": lambda tree, arrays: arrays[tree["array"]],
    "number": lambda tree, arrays: arrays[tree["number"]][()],
    "float": lambda tree, _: float.fromhex(tree["float"]),
    "list": lambda tree, arrays: [decode(item, arrays) for item in tree["list"]],
    "tuple": lambda tree, arrays: tuple(decode(item, arrays) for item in tree["tuple"]),
    "mapping": lambda tree, arrays: {
        decode(key, arrays): decode(item, arrays) for key, item in tree["mapping"]
    },
    "path": lambda tree, _: Path(tree["path"]),
    "dataclass": lambda tree, arrays: _class(tree["dataclass"])(
        **{name: decode(item, arrays) for name, item in tree["fields"]}
    ),
}


__all__ = ["Arrays", "decode", "encode"]
