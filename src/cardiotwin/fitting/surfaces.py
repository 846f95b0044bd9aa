"""From a reduced heart to a twin that answers a posterior: its states as polynomials."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import qmc

from cardiotwin.fitting.lines import Lines, strain_lines
from cardiotwin.fitting.problem import Predicted
from cardiotwin.fitting.reduced_twin import ES, SIZE, TENSION, VOLUME, ReducedTwin
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.parametric import HELD
from cardiotwin.surrogates.heart import ReducedHeart
from cardiotwin.surrogates.led import led_to
from cardiotwin.surrogates.parameters import PRESSURE
from cardiotwin.surrogates.response import fit_response

KINDS = ("relaxed", "contracted")
LOGARITHMIC = ("passive_scale", "passive_exponent", *HELD)
SIZES = (0.94, 1.06)  # two standard deviations of what is believed of it
LEAST_TENSION = 0.25  # of the largest: below it a state counts as relaxed


@dataclass(frozen=True, kw_only=True)
class Surfaces:
    """How the polynomials of a reduced heart's states are made.

    Parameters
    ----------
    relaxed_runs, contracted_runs
        Reduced equilibria.
    relaxed_degree, contracted_degree
        Of the polynomials.
    seed
        Of the runs.
    """

    relaxed_runs: int = 64
    contracted_runs: int = 128
    relaxed_degree: int = 4
    contracted_degree: int = 3
    seed: int = 1


def reduced_twin(
    heart: ReducedHeart,
    mesh: TetMesh,
    unloaded: Float[np.ndarray, "nodes 3"],
    volumes: Mapping[str, tuple[float, float]],
    *,
    wall_volume: float,
    contracted: tuple[str, ...] = (ES,),
    options: Surfaces | None = None,
) -> ReducedTwin:
    """Return the twin of a reduced heart.

    Parameters
    ----------
    mesh
        The imaged wall.
    unloaded
        Its nodes in the unloaded placement, m.
    volumes
        In which range each state's cavity volume lies, m^3, by the state's name.
    wall_volume
        m^3.
    contracted
        States with active tension; all others are relaxed.
    """
    options = options or Surfaces()
    lines, span = strain_lines(mesh), heart.span
    kinds = {name: KINDS[name in contracted] for name in volumes}
    ends = {
        name: (float(low), float(high))
        for name, low, high in zip(span.names, span.lower, span.upper, strict=True)
        if name != span.names[PRESSURE]
    }
    ends[TENSION] = (LEAST_TENSION * ends[TENSION][1], ends[TENSION][1])
    surfaces = {}
    for kind, runs, degree in (
        ("relaxed", options.relaxed_runs, options.relaxed_degree),
        ("contracted", options.contracted_runs, options.contracted_degree),
    ):
        own = [volumes[name] for name in volumes if kinds[name] == kind]
        if not own:
            continue
        least = span.unloaded_volume if kind == "relaxed" else span.least_volume
        room = (
            max(min(low for low, _ in own) / SIZES[1] ** 3, least),
            min(max(high for _, high in own) / SIZES[0] ** 3, span.largest_volume),
        )
        names = (
            tuple(ends)
            if kind == "contracted"
            else tuple(
                name for name in ends if name != TENSION and not name.endswith("_tension_share")
            )
        )
        box = {**{name: ends[name] for name in names}, VOLUME: room}
        asked = _asked(box, runs, options.seed)
        surfaces[kind] = fit_response(
            tuple(box),
            (np.array([e[0] for e in box.values()]), np.array([e[1] for e in box.values()])),
            LOGARITHMIC,
            (asked, *_answers(heart, lines, unloaded, tuple(box), asked)),
            degree=degree,
        )
    for name in HELD:  # so that a heart of another size has springs within the range
        ends[name] = ends[name][0] / SIZES[0], ends[name][1] / SIZES[1]
    free = {**ends, SIZE: SIZES, **{f"{name}_volume": volumes[name] for name in volumes}}
    return ReducedTwin(
        surfaces=surfaces,
        states=kinds,
        span=free,
        lines=lines,
        n_modes=heart.wall.n_modes,
        unloaded_volume=span.unloaded_volume,
        wall_volume=wall_volume,
    )


def solved(
    heart: ReducedHeart,
    twin: ReducedTwin,
    unloaded: Float[np.ndarray, "nodes 3"],
    values: Float[np.ndarray, "batch parameters"],
) -> Predicted:
    """Return the observables of the reduced heart itself, without polynomials.

    Raises
    ------
    ConvergenceError
        If a state is not found.
    """
    found = {}
    for name, kind in twin.states.items():
        asked, chain = twin.asked(name, values)
        told, slopes = _answers(heart, twin.lines, unloaded, twin.surfaces[kind].names, asked)
        found[name] = told, slopes @ chain
    return twin.observed(found, values)[0]


def _asked(
    box: Mapping[str, tuple[float, float]], runs: int, seed: int
) -> Float[np.ndarray, "runs n"]:
    """Return a scrambled Sobol walk through a box."""
    unit = qmc.Sobol(len(box), seed=seed).random(1 << (runs - 1).bit_length())[:runs]
    asked = np.empty_like(unit)
    for k, (name, (low, high)) in enumerate(box.items()):
        even = low + unit[:, k] * (high - low)
        asked[:, k] = low * (high / low) ** unit[:, k] if name in LOGARITHMIC else even
    return np.asarray(asked)


def _answers(
    heart: ReducedHeart,
    lines: Lines,
    unloaded: Float[np.ndarray, "nodes 3"],
    names: tuple[str, ...],
    asked: Float[np.ndarray, "runs n"],
) -> tuple[np.ndarray, np.ndarray]:
    """Return pressure, coefficients and lengths of runs, and their derivatives."""
    values = np.ones((len(asked), len(heart.span.names)))
    values[:, heart.span.names.index(TENSION)] = 0.0
    where = [PRESSURE if name == VOLUME else heart.span.names.index(name) for name in names]
    values[:, where] = asked
    led = led_to(heart, torch.as_tensor(values), torch.as_tensor(values[:, PRESSURE]))
    modes, n = heart.basis.displacement, heart.wall.n_modes
    state, slopes = led.state[:, :n].numpy(), led.state_slopes[:, :n, where].numpy()
    points = unloaded + np.tensordot(state, modes, 1)
    told = np.concatenate([led.pressure.numpy()[:, None], state, lines.lengths(points)], axis=1)
    by = led.pressure_slopes[:, None, where].numpy()
    return told, np.concatenate([by, slopes, lines.slopes(points, modes) @ slopes], axis=1)


__all__ = ["Surfaces", "reduced_twin", "solved"]
