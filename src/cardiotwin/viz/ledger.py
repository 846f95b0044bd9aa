"""The picture of a ledger: bits of each parameter by acquisition, and bits of a scan's minutes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cardiotwin.fitting.ledger import Entry, Ledger
from cardiotwin.viz import theme

SHOWN = 0.005  # bits: less is written as nothing


def draw_ledger(predicted: Ledger, realised: Ledger, path: Path) -> Path:
    """Write the picture.

    Parameters
    ----------
    predicted, realised
        Over hearts that were believed before, and over those that are left.
    """
    entries = predicted.entries
    names = list(predicted.parameters)
    with theme.figure(10.2, 1.6 + 0.42 * len(entries) + 0.9) as fig:
        left, right = fig.subplots(1, 2, width_ratios=[1.7, 1])
        bits = np.array([[entry.parameters[name] for name in names] for entry in entries])
        shown = left.imshow(bits, cmap=theme.MAGNITUDE_MAP, aspect="auto", vmin=0)
        for (row, column), value in np.ndenumerate(bits):
            colour = "white" if value < 0.6 * bits.max() else theme.BLACK
            text = f"{value:.2f}" if value >= SHOWN else "0"
            left.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
        left.set_xticks(range(len(names)), [theme.spoken(name) for name in names], rotation=35)
        for label in left.get_xticklabels():
            label.set_ha("right")
        left.set_yticks(range(len(entries)), [_called(entry) for entry in entries])
        left.set_title("Bits of each parameter, given all that was measured")
        fig.colorbar(shown, ax=left, label="bits", fraction=0.04)
        place = np.arange(len(entries))[::-1]
        for shift, ledger, colour, label in (
            (0.2, predicted, theme.SKY, "predicted"),
            (-0.2, realised, theme.BLUE, "at this heart"),
        ):
            values = [entry.given_all for entry in ledger.entries]
            right.barh(place + shift, values, height=0.36, color=colour, label=label)
        for height, entry in zip(place, entries, strict=True):
            rate = f" {entry.per_minute:.2f} bits/min"
            right.text(entry.given_all, height + 0.2, rate, va="center", fontsize=7)
        right.set_yticks(place, [_called(entry) for entry in entries])
        right.set_xlim(0, 1.45 * max(entry.given_all for entry in entries))
        right.set_xlabel("bits of all parameters together")
        right.set_title("What each acquisition adds")
        right.legend(loc="lower right")
        fig.tight_layout()
        return theme.save(fig, path)


def _called(entry: Entry) -> str:
    made = "" if entry.performed else " (not made)"
    return f"{theme.spoken(entry.acquisition)}{made}"


def ledger_table(ledger: Ledger) -> str:
    """Return the ledger as lines of text: acquisitions by row."""
    names = list(ledger.parameters)
    heads = ("acquisition", "minutes", "alone", "given all", "bits/min", *names)
    rows: list[Sequence[str]] = [heads]
    for entry in ledger.entries:
        numbers = (entry.minutes, entry.alone, entry.given_all, entry.per_minute)
        each = (f"{value:.2f}" for value in (*numbers, *(entry.parameters[n] for n in names)))
        rows.append((_called(entry), *each))
    total = {name: f"{value:.2f}" for name, value in ledger.parameters.items()}
    rows.append(("all made", "", "", f"{ledger.joint:.2f}", "", *_of(total, names)))
    widths = [max(len(row[k]) for row in rows) for k in range(len(heads))]
    lines = [
        "  ".join(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows
    ]
    return "\n".join(lines)


def _of(values: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(values[name] for name in names)


__all__ = ["draw_ledger", "ledger_table"]
