"""Pictures of a first pass: maps on the slice, fitted curves with residuals, the film."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes as Plot

from cardiotwin.perfusion.fitting_comparison import Choice
from cardiotwin.perfusion.stack_result import StackFlow
from cardiotwin.viz import theme
from cardiotwin.viz.movie import write_film

ML_MIN_G = 1e-3 / 60  # m^3/(s kg)
COLOURS = (theme.BLUE, theme.GREEN, theme.PURPLE, theme.ORANGE, theme.SKY)
PERMEABLE = 2.0  # mL/min/mL, where the colours of permeability end
MARGIN = 6  # voxels round a wall that is drawn
FILM_RATE = 8  # frames per second


def draw_maps(
    choice: Choice,
    background: Float[np.ndarray, "rows columns"],
    mask: Bool[np.ndarray, "rows columns"],
    path: Path,
) -> Path:
    """Write maps of flow, its standard error, its spread between models, and the model."""
    with theme.figure(12.4, 3.6) as fig:
        plots = fig.subplots(1, 4, width_ratios=(1.25, 1.25, 1.25, 1))
        flow, error = choice.mbf / ML_MIN_G, choice.standard_error / ML_MIN_G
        top = float(np.ceil(2 * 1.3 * np.nanpercentile(flow[mask], 90)) / 2)
        for plot, values, title, label, most in (
            (plots[0], flow, "Myocardial blood flow", "mL/min/g", top),
            (plots[1], error, "Standard error", "mL/min/g", top / 4),
            (plots[2], choice.between_models / ML_MIN_G, "Between models", "mL/min/g", top / 4),
        ):
            _ground(plot, background, mask & ~np.isfinite(values))
            shown = plot.imshow(
                np.where(mask, values, np.nan), cmap=theme.MAGNITUDE_MAP, vmin=0, vmax=most
            )
            fig.colorbar(shown, ax=plot, label=label, shrink=0.85, extend="max")
            plot.set_title(title)
        _ground(plots[3], background, mask & (choice.best < 0))
        for i, name in enumerate(choice.models):
            where = np.argwhere(mask & (choice.best == i))
            plots[3].plot(
                where[:, 1], where[:, 0], "s", ms=3.2, color=COLOURS[i % len(COLOURS)], label=name
            )
        plots[3].set_title("Model by AICc")
        handles, labels = plots[3].get_legend_handles_labels()
        fig.legend(handles, labels, loc="lower right", ncols=len(labels), markerscale=2)
        fig.text(0.01, 0.02, "Red voxels in the wall: not fitted.", color=theme.VERMILION)
        fig.subplots_adjust(0.01, 0.1, 0.99, 0.92, 0.12)
        return theme.save(fig, path)


def draw_stack(measured: StackFlow, path: Path) -> Path:
    """Write maps of all slices, a row each: flow, its error, permeability, what is told of that.

    Slices are drawn as their voxels lie, the first axis to the right and the second one upwards.
    """
    flows = [one.voxels.values["mbf"][one.placed.wall] for one in measured.slices]
    top = float(np.ceil(2.6 * np.nanpercentile(np.concatenate(flows), 90) / ML_MIN_G) / 2)
    with theme.figure(11.0, 2.6 * len(flows)) as fig:
        grid = fig.subplots(len(flows), 4, squeeze=False)
        for row, one in zip(grid, measured.slices, strict=True):
            box = _box(one.placed.wall | one.placed.pool)
            wall, ground = one.placed.wall[box].T, one.concentration.max(axis=-1)[box].T
            found = one.voxels
            for plot, values, title, label, most in (
                (row[0], found.values["mbf"] / ML_MIN_G, "blood flow", "mL/min/g", top),
                (row[1], found.standard_errors["mbf"] / ML_MIN_G, "error", "mL/min/g", top / 2),
                (row[2], 60 * found.values["ps"], "PS", "mL/min/mL", PERMEABLE),
                (row[3], found.narrowed["ps"], "PS, error left", "of the prior's", 1.0),
            ):
                shown = np.where(wall, values[box].T, np.nan)
                _ground(plot, np.nan_to_num(ground), wall & ~np.isfinite(shown))
                image = plot.imshow(shown, cmap=theme.MAGNITUDE_MAP, vmin=0, vmax=most)
                fig.colorbar(image, ax=plot, label=label, shrink=0.85, extend="max")
                plot.set_title(f"Slice {one.number}: {title}")
                plot.invert_yaxis()
        fig.text(0.01, 0.01, "Red voxels in the wall: not fitted.", color=theme.VERMILION)
        fig.subplots_adjust(0.01, 0.05, 0.97, 0.95, 0.15, 0.2)
        return theme.save(fig, path)


def upright(
    images: Float[np.ndarray, "i j frames"],
) -> Float[np.ndarray, "rows columns frames"]:
    """Return frames as they are drawn: the first axis to the right, the second one upwards."""
    return images.transpose(1, 0, 2)[::-1]


def _box(mask: Bool[np.ndarray, "i j"]) -> tuple[slice, slice]:
    """Return rows and columns of a mask with a margin."""
    places = np.argwhere(mask)
    low, high = np.maximum(places.min(axis=0) - MARGIN, 0), places.max(axis=0) + MARGIN + 1
    return slice(low[0], high[0]), slice(low[1], high[1])


def _ground(plot: Plot, background: np.ndarray, missing: np.ndarray) -> None:
    plot.imshow(background, cmap="gray", vmin=0, vmax=float(np.percentile(background, 90)))
    where = np.argwhere(missing)
    plot.plot(where[:, 1], where[:, 0], "s", ms=3, color=theme.VERMILION)
    plot.set_axis_off()


def draw_curves(
    time: Float[np.ndarray, " samples"],
    aif: Float[np.ndarray, " samples"],
    curves: Mapping[str, Float[np.ndarray, " samples"]],
    fits: Mapping[str, Mapping[str, Float[np.ndarray, " samples"]]],
    path: Path,
) -> Path:
    """Write measured curves with those of their fits, by label, and below what the fits leave."""
    with theme.figure(3.6 * (1 + len(curves)), 5.6) as fig:
        plots = fig.subplots(2, 1 + len(curves), height_ratios=(3, 1), squeeze=False)
        plots[0, 0].plot(time, aif, color=theme.VERMILION)
        plots[0, 0].set(title="Arterial input", ylabel="concentration (mM)", xlabel="time (s)")
        plots[1, 0].set_axis_off()
        for column, (name, curve) in enumerate(curves.items(), start=1):
            above, below = plots[:, column]
            above.plot(time, curve, "o", ms=2.6, color=theme.BLACK, label="measured")
            for (label, made), colour in zip(fits[name].items(), COLOURS, strict=False):
                above.plot(time, made, color=colour, label=label)
                below.plot(time, curve - made, color=colour, lw=1.0)
            below.axhline(0, color=theme.GREY, lw=0.6)
            above.set(title=name)
            handles, labels = above.get_legend_handles_labels()
            below.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.45))
            below.set(xlabel="time (s)")
        plots[0, 1].set_ylabel("concentration (mM)")
        plots[1, 1].set_ylabel("residual (mM)")
        fig.tight_layout()
        return theme.save(fig, path)


def film_first_pass(
    time: Float[np.ndarray, " samples"],
    concentration: Float[np.ndarray, "rows columns samples"],
    aif: Float[np.ndarray, " samples"],
    path: Path,
) -> Path:
    """Write the first pass as a film, with the arterial input and where it is."""
    most = float(0.35 * aif.max())
    frames = []
    for i in range(len(time)):
        with theme.figure(6.4, 3.2) as fig:
            left, right = fig.subplots(1, 2, width_ratios=(1, 1))
            shown = left.imshow(concentration[..., i], cmap=theme.MAGNITUDE_MAP, vmin=0, vmax=most)
            fig.colorbar(shown, ax=left, label="mM", extend="max", shrink=0.85)
            left.set_axis_off()
            right.plot(time, aif, color=theme.VERMILION)
            right.axvline(time[i], color=theme.BLACK, lw=0.8)
            right.set(xlabel="time (s)", ylabel="arterial input (mM)")
            fig.tight_layout()
            frames.append(theme.pixels(fig))
    return write_film(frames, path, rate=FILM_RATE)


__all__ = ["ML_MIN_G", "draw_curves", "draw_maps", "draw_stack", "film_first_pass", "upright"]
