"""cardiotwin: functional cardiac digital twins from magnetic resonance images."""

__version__ = "0.1.0"

__all__ = ["__version__"]
