"""The page of verification: sections with tables, orders, limits and overlaid curves."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from cardiotwin.viz import theme

PAGE = Path(__file__).resolve().parents[1] / "docs" / "verification.md"
Row = Mapping[str, Any]
SIZE = {"cells": "cells", "dofs": "dofs"}
COST = re.compile(r"^Cost: ([\d.]+) CPU-seconds\.$", re.MULTILINE)
COLOURS = (theme.BLUE, theme.VERMILION, theme.GREEN)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page: its heading, its Markdown, and what it cost."""

    title: str
    body: str
    cpu_s: float

    @property
    def text(self) -> str:
        """Return the Markdown."""
        return f"\n## {self.title}\n\n{self.body}\nCost: {self.cpu_s:.0f} CPU-seconds.\n"


class Solutions:
    """The experiments' numbers, each in a folder of its own; sums up their CPU seconds.

    Parameters
    ----------
    folder
        Where they lie.
    resume
        Whether one that is there is used again.
    """

    def __init__(self, folder: Path, *, resume: bool) -> None:
        self._folder, self._resume = folder, resume
        self.cpu_s = 0.0

    def of(self, experiment: Any, **given: Any) -> Row:
        """Return the numbers of an experiment under some options."""
        words = "_".join(str(value) for value in given.values())
        folder = self._folder / f"{experiment.__name__}_{words}"
        options = experiment.Options(**given, output=str(folder))
        record = folder / "solution.json"
        if self._resume and record.exists():
            kept = json.loads(record.read_text())
            if kept["options"] == asdict(options):
                self.cpu_s += kept["cpu_s"]
                return dict(kept["numbers"])
        start = time.process_time()
        numbers = dict(experiment.solve(options))
        seconds = time.process_time() - start
        self.cpu_s += seconds
        folder.mkdir(parents=True, exist_ok=True)
        page = {"options": asdict(options), "cpu_s": seconds, "numbers": numbers}
        record.write_text(json.dumps(page) + "\n")
        return numbers


def table(columns: Mapping[str, str], rows: Sequence[Row]) -> str:
    """Return a table of some keys under their headings; what a row lacks stays empty."""
    cells = [[_shown(row.get(key)) for key in columns] for row in rows]
    lines = [" | ".join(line) for line in ([*columns.values()], *cells)]
    lines = [f"| {line} |" for line in lines]
    return "\n".join([lines[0], "|" + "---:|" * len(columns), *lines[1:]]) + "\n"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.6g}"


def limit(sizes: Sequence[float], values: Sequence[float]) -> tuple[float, float] | None:
    """Return Richardson's limit of the last three values and their order, if they have one.

    With v = limit + c h^order at three sizes h; none where the differences change sign, or would
    need an order outside 1/4 to 8.
    """
    h, v = np.array(sizes[-3:]), np.array(values[-3:])
    if len(v) < 3 or (v[1] - v[0]) * (v[2] - v[1]) <= 0:
        return None

    def gap(order: float) -> float:
        powers = h**order
        ratio = (powers[0] - powers[1]) / (powers[1] - powers[2])
        return float(ratio - (v[0] - v[1]) / (v[1] - v[2]))

    lowest, highest = 0.25, 8.0
    if gap(lowest) * gap(highest) > 0:
        return None
    order = float(brentq(gap, lowest, highest))
    powers = h**order
    slope = (v[1] - v[2]) / (powers[1] - powers[2])
    return float(v[2] - slope * powers[2]), order


def with_limits(rows: Sequence[Row], sizes: Sequence[float], keys: Sequence[str]) -> list[Row]:
    """Return the rows, and below three or more of them each key's limit with its order."""
    if len(rows) < 3:
        return list(rows)
    found = {key: limit(sizes, [row[key] for row in rows]) for key in keys}
    last = {
        key: "none" if pair is None else f"{pair[0]:.6g} (order {pair[1]:.1f})"
        for key, pair in found.items()
    }
    return [*rows, {next(iter(rows[0])): None, "cells": "limit", **last}]


def splice(page: Path, head: str, titles: Sequence[str], sections: Sequence[Section]) -> str:
    """Return the page with these sections anew and the others as they were, in order of titles."""
    kept = {}
    if page.exists():
        for part in page.read_text().split("\n## ")[1:]:
            kept[part.partition("\n")[0]] = f"\n## {part.rstrip()}\n"
    kept.update({section.title: section.text for section in sections})
    texts = [kept[title] for title in titles if title in kept]
    minutes = sum(float(cost) for text in texts for cost in COST.findall(text)) / 60
    return f"{head}\nAll sections together cost {minutes:.0f} CPU-minutes.\n" + "".join(texts)


def overlay(
    path: Path, rows: Sequence[str], panels: Mapping[str, Sequence[tuple[str, str, Row]]]
) -> None:
    """Draw curves over time: a column per panel, a row per quantity, a line per (label, style).

    A row's name is a curve's key, or a stem with `*` for the axes x, y and z.
    """
    width = max(2.2 * len(panels), 5.0)
    with theme.figure(width, 1.9 * len(rows) + 0.7) as fig:
        axes = fig.subplots(len(rows), len(panels), sharex=True, squeeze=False)
        shown: dict[str, Any] = {}
        for column, (name, lines) in enumerate(panels.items()):
            axes[0, column].set_title(name)
            axes[-1, column].set_xlabel("time, ms")
            for ax, row in zip(axes[:, column], rows, strict=True):
                for label, style, curves in lines:
                    shown |= _draw(ax, row, label, style, curves)
        for ax, row in zip(axes[:, 0], rows, strict=True):
            ax.set_ylabel(_quantity(row))
        fig.tight_layout(rect=(0, 0, 1, 1 - 0.7 / fig.get_figheight()))
        n_columns = max(int(width / 1.6), 1)
        fig.legend([*shown.values()], [*shown], loc="upper center", ncols=n_columns)
        theme.save(fig, path)


def _draw(ax: Any, row: str, label: str, style: str, curves: Row) -> dict[str, Any]:
    """Draw a quantity, and return the lines by their labels (of one without axes, none)."""
    time: Float[np.ndarray, " times"] = 1e3 * np.array(curves["time_s"])
    axes = "xyz" if "*" in row else "x"
    lines = {
        f"{label}, {letter}": ax.plot(
            time, curves[row.replace("*", letter)], style, color=colour, lw=1.2
        )[0]
        for letter, colour in zip(axes, COLOURS, strict=False)
    }
    return lines if "*" in row else {}


def _quantity(row: str) -> str:
    stem, unit = row.rsplit("_", 1)
    shown = {"mm": "mm", "ml": "mL"}[unit]
    return f"{stem.replace('_*', ' displacement').replace('_', ' ')}, {shown}"
