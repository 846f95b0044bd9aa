"""The record of one twin: what went in, what was estimated, what it predicts; saved and loaded."""

from cardiotwin.twin.files import write_atomically
from cardiotwin.twin.store import load_twin, read_record, save_twin
from cardiotwin.twin.twin import Agreement, Estimate, Twin

__all__ = [
    "Agreement",
    "Estimate",
    "Twin",
    "load_twin",
    "read_record",
    "save_twin",
    "write_atomically",
]
