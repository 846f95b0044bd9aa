"""Coronary beds by rows of time: as arrays for a page of the journal, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cardiotwin.coupling.coronary_step import Perfused
from cardiotwin.perfusion.coronary_bed import BedState

BED = ("distal", "transmural", "inflow")


def to_rows(moments: Sequence[Perfused]) -> dict[str, Any]:
    """Return arrays by moment, by name; none of no moments."""
    if not moments:
        return {}
    page: dict[str, Any] = {"coronary_flows": np.array([at.flows for at in moments])}
    for i in range(len(moments[0].beds)):
        for name in BED:
            page[f"coronary_{i}_{name}"] = np.array([getattr(at.beds[i], name) for at in moments])
        page[f"coronary_{i}_tones"] = np.array([at.tones[i] for at in moments])
        page[f"coronary_{i}_layers"] = np.array([at.layers[i] for at in moments])
    return page


def from_rows(page: Mapping[str, Any]) -> tuple[Perfused, ...]:
    """Return the moments of such arrays."""
    if "coronary_flows" not in page:
        return ()
    flows = page["coronary_flows"]
    arteries = range(flows.shape[1])

    def of_row(row: int) -> Perfused:
        def at(name: str) -> list[Any]:
            return [page[f"coronary_{i}_{name}"][row] for i in arteries]

        states = zip(*(at(name) for name in BED), strict=True)
        return Perfused(
            beds=tuple(BedState(**dict(zip(BED, own, strict=True))) for own in states),
            tones=tuple(at("tones")),
            flows=flows[row],
            layers=tuple(at("layers")),
        )

    return tuple(of_row(row) for row in range(len(flows)))


__all__ = ["from_rows", "to_rows"]
