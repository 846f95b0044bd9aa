"""`information.png`: data volume against information, of series of images or of a protocol."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes as Plot

from cardiotwin.imaging.information.protocol import ProtocolInformation
from cardiotwin.imaging.information.series import SeriesInformation
from cardiotwin.viz import theme

MEGA = 1e6


def draw_series(found: Sequence[SeriesInformation], path: Path) -> Path:
    """Write the picture: information as data come in, and what a pixel tells in each series."""
    order = sorted(found, key=lambda each: each.bits / each.data_bytes, reverse=True)
    labels = [each.name for each in order]
    with theme.figure(8.6, 1.9 + 0.22 * len(order) + 0.8) as fig:
        left, right = fig.subplots(1, 2)
        _volume(
            left,
            [each.data_bytes for each in order],
            [each.bits / 8 for each in order],
            "information, MB",
        )
        place = np.arange(len(order))[::-1]
        right.barh(place, [each.bits_per_pixel for each in order], color=theme.BLUE, height=0.6)
        right.set_yticks(place, labels)
        right.set_xlabel("information, bits per pixel of one image")
        right.set_title("All images of a series together")
        for height, each in zip(place, order, strict=True):
            right.text(
                each.bits_per_pixel,
                height,
                f" noise {each.noise_sd:.3g}, {each.components:.3g} components",
                va="center",
                fontsize=7,
            )
        right.set_xlim(0, 1.6 * max(each.bits_per_pixel for each in order))
        fig.tight_layout()
        return theme.save(fig, path)


def draw_protocol(found: ProtocolInformation, path: Path) -> Path:
    """Write the picture: bits of a voxel as sequences are added, and each one's own."""
    scans = {each.name: each for each in found.scans}
    names = [each.name for each in found.scans]
    with theme.figure(8.6, 3.6) as fig:
        left, right = fig.subplots(1, 2)
        gains = [scans[name].gain_bits for name in names]
        _volume(left, [scans[name].data_bytes for name in names], gains, "bits per voxel", names)
        place = np.arange(len(names))[::-1]
        for shift, key, colour, label in (
            (0.25, "alone_bits", theme.SKY, "alone"),
            (0.0, "gain_bits", theme.BLUE, "given those before"),
            (-0.25, "last_gain_bits", theme.VERMILION, "given all others"),
        ):
            values = [getattr(scans[name], key) for name in names]
            right.barh(place + shift, values, height=0.22, color=colour, label=label)
        right.set_yticks(place, [theme.spoken(name) for name in names])
        right.set_xlabel("information, bits per voxel")
        right.set_title("What each sequence tells")
        right.legend(loc="lower right")
        fig.tight_layout()
        return theme.save(fig, path)


def _volume(
    plot: Plot,
    data_bytes: Sequence[int],
    information: Sequence[float],
    label: str,
    names: Sequence[str] = (),
) -> None:
    data = np.concatenate([[0.0], np.cumsum(data_bytes)]) / MEGA
    scale = 1.0 if names else MEGA
    held = np.concatenate([[0.0], np.cumsum(information)]) / scale
    plot.plot(data, held, marker="o", markersize=4, color=theme.BLUE)
    for x, y, name in zip(data[1:], held[1:], names, strict=False):
        plot.annotate(theme.spoken(name), (x, y), (4, -9), textcoords="offset points", fontsize=7)
    plot.set_xlabel("data volume, MB")
    plot.set_ylabel(label)
    plot.set_ylim(bottom=0)
    plot.set_xlim(left=0)
    plot.set_title("Data volume against information")


__all__ = ["draw_protocol", "draw_series"]
