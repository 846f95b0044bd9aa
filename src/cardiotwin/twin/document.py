"""Results and records as one JSON document and named arrays, to the last bit.

The document names no class, since a record outlives the code that wrote it. It holds the fields of
dataclasses by name, decoding follows the annotations, and an array stands in it as
``{"array": "states/end_systole/displacement"}``, so that a person finds it in the file too.
Floats are written in their shortest exact form, those that JSON lacks as words.
"""

import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints
from urllib.parse import quote

import numpy as np
from jaxtyping import Shaped

NamedArrays = dict[str, Shaped[np.ndarray, "..."]]


def to_document(value: Any, name: str = "") -> tuple[Any, NamedArrays]:
    """Return the document and the arrays by name of a value; the names start with `name`."""
    arrays: NamedArrays = {}
    return _take(value, name, arrays), arrays


def from_document(
    kind: Any, document: Any, arrays: Mapping[str, Shaped[np.ndarray, "..."]]
) -> Any:
    """Return the value of annotation `kind` that `to_document` took apart.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the document is not one of such a value.
    """
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        return _optional(kind, document, arrays)
    if is_dataclass(kind):
        return _dataclass(kind, document, arrays)
    if origin is tuple:
        kinds = get_args(kind)
        kinds = kinds[:1] * len(document) if kinds[1:] == (Ellipsis,) else kinds
        pairs = zip(kinds, document, strict=True)
        return tuple(from_document(one, part, arrays) for one, part in pairs)
    if origin is not None and issubclass(origin, Mapping):
        of_key, of_value = get_args(kind)
        return {
            of_key(key): from_document(of_value, part, arrays) for key, part in document.items()
        }
    return arrays[document["array"]] if isinstance(document, Mapping) else kind(document)


def _dataclass(kind: Any, document: Any, arrays: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    values = {name: from_document(hints[name], part, arrays) for name, part in document.items()}
    return kind(**values)


def _optional(kind: Any, document: Any, arrays: Mapping[str, Any]) -> Any:
    if document is None:
        return None
    (inner,) = (option for option in get_args(kind) if option is not type(None))
    return from_document(inner, document, arrays)


def _take(value: Any, name: str, arrays: NamedArrays) -> Any:
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {"array": name}
    if is_dataclass(value) and not isinstance(value, type):
        items = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {key: _take(part, _below(name, key), arrays) for key, part in items}
    if isinstance(value, Mapping):
        return {
            str(key): _take(part, _below(name, str(key)), arrays) for key, part in value.items()
        }
    if isinstance(value, tuple | list):
        return [_take(part, _below(name, str(k)), arrays) for k, part in enumerate(value)]
    return _leaf(value)


def _leaf(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    if isinstance(value, Path):
        return value.as_posix()
    return value.item() if isinstance(value, np.generic) else value


def _below(name: str, key: str) -> str:
    """Return an array's name under a key: readable, and one step of a path in HDF5."""
    step = quote(key, safe="", errors="surrogatepass").replace(".", "%2E") or "%"
    return f"{name}/{step}" if name else step


__all__ = ["NamedArrays", "from_document", "to_document"]
