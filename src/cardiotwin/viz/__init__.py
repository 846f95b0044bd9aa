"""Pictures, the film and the report page; the only home of PyVista and matplotlib."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cardiotwin.viz.report import write_pictures

__all__ = ["write_pictures"]


def __getattr__(name: str) -> object:
    """Load the drawing libraries at the first use of a public name."""
    if name in __all__:
        return getattr(import_module("cardiotwin.viz.report"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
