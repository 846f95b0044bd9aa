"""Parameters of a heart from what was measured of it: beliefs, likelihoods, posteriors, bits."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cardiotwin.fitting.joint import Posterior, posterior
    from cardiotwin.fitting.ledger import Ledger, make_ledger
    from cardiotwin.fitting.observations import Measurement, scalar

HOMES = {
    "Ledger": "ledger",
    "Measurement": "observations",
    "Posterior": "joint",
    "make_ledger": "ledger",
    "posterior": "joint",
    "scalar": "observations",
}

__all__ = ["Ledger", "Measurement", "Posterior", "make_ledger", "posterior", "scalar"]


def __getattr__(name: str) -> Any:
    """Load a public name at its first use: the evidence alone needs no sampler."""
    if name not in HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
