"""Blood through the wall: what a first pass of contrast measures, and models that predict it.

Loading this package loads neither torch nor dolfinx; the first use of a name that needs one does.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cardiotwin.perfusion.fitting import fit_kinetics
    from cardiotwin.perfusion.fitting_result import KineticFit

HOMES = {
    "KineticFit": "fitting_result",
    "fit_kinetics": "fitting",
}

__all__ = ["KineticFit", "fit_kinetics"]


def __getattr__(name: str) -> object:
    """Load the module of a name at its first use."""
    if name in HOMES:
        return getattr(import_module(f"cardiotwin.perfusion.{HOMES[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
