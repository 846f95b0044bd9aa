"""A twin that answers a posterior: a reduced heart's relaxed and contracted states.

The parameters are those of the wall, each state's cavity volume, and the size of the unloaded
heart; pressures follow. Led by their volumes, the states are smooth in all of them, so that a
polynomial of a few hundred reduced equilibria with their derivatives stands for the reduced heart
(`surrogates.response`): what it misses is measured, and is part of every measurement's error.

A heart s times as large, on springs 1/s times as stiff by area and displacement (those against the
base's warping, which are no parameter, among them), bears the same pressure at s^3 times the
volume: the unloaded size costs no new equilibria. It scales cavity and wall together; an unloaded
cavity of another size in a wall of the same volume is not among the hearts that are considered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.fitting.lines import Lines
from cardiotwin.fitting.problem import Predicted, Slopes
from cardiotwin.mechanics.parametric import HELD
from cardiotwin.surrogates.response import Response

SIZE, VOLUME, TENSION = "unloaded_size", "cavity_volume", "active_tension"
ED, ES = "end_diastolic", "end_systolic"
UNITS = {TENSION: "Pa"}


@dataclass(frozen=True, kw_only=True, eq=False)
class ReducedTwin:
    """States of one heart by its parameters.

    Parameters
    ----------
    surfaces
        Pressure, coefficients of the displacement and lengths of lines, by kind of state.
    states
        Kind of each state by name, e.g. ``end_systolic: contracted``.
    span
        Range of each parameter, SI.
    lines
        What strain is read of.
    n_modes
        Coefficients of the displacement.
    unloaded_volume, wall_volume
        At unloaded size one, m^3.
    """

    surfaces: Mapping[str, Response]
    states: Mapping[str, str]
    span: Mapping[str, tuple[float, float]]
    lines: Lines
    n_modes: int
    unloaded_volume: float
    wall_volume: float

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parameters: the wall's, its size, the states' volumes."""
        return tuple(self.span)

    @property
    def units(self) -> dict[str, str]:
        """Return each parameter's SI unit."""
        volumes = {f"{name}_volume": "m^3" for name in self.states}
        return {name: {**UNITS, **volumes}.get(name, "1") for name in self.names}

    @property
    def bounds(self) -> Mapping[str, tuple[float, float]]:
        """Return in which range each parameter may lie, SI."""
        return self.span

    def part(self, states: tuple[str, ...]) -> "ReducedTwin":
        """Return the twin in some of its states."""
        gone = {f"{name}_volume" for name in self.states if name not in states}
        return replace(
            self,
            states={name: self.states[name] for name in states},
            span={name: ends for name, ends in self.span.items() if name not in gone},
        )

    def predict(self, values: Float[np.ndarray, "batch parameters"]) -> Predicted:
        """Return each observable, SI; NaN where a state lies outside of the reduced heart's."""
        return self.linearised(values)[0]

    def linearised(
        self, values: Float[np.ndarray, "batch parameters"]
    ) -> tuple[Predicted, Slopes]:
        """Return each observable and its derivative by the parameters.

        ``STATE_pressure``, ``STATE_volume``, ``stroke_volume``, ``unloaded_volume``,
        ``unloaded_share`` (of the end-diastolic volume), ``wall_volume``; from the end-diastolic
        state to each other one ``STATE_strain`` (engineering strain of `lines`) and
        ``STATE_displacement`` (coefficients of the modes, m).
        """
        return self.observed({name: self._state(name, values) for name in self.states}, values)

    def observed(
        self,
        found: Mapping[str, tuple[np.ndarray, np.ndarray]],
        values: Float[np.ndarray, "batch parameters"],
    ) -> tuple[Predicted, Slopes]:
        """Return the observables of states, from their answers and derivatives at size one."""
        column = {name: values[:, k, None] for k, name in enumerate(self.names)}
        unit = {name: np.eye(len(self.names))[k] for k, name in enumerate(self.names)}
        told: dict[str, np.ndarray] = {}
        slopes: dict[str, np.ndarray] = {}

        def put(name: str, value: np.ndarray, slope: np.ndarray) -> None:
            told[name] = value
            slopes[name] = np.broadcast_to(slope, (*value.shape, len(self.names)))

        for name, (value, slope) in found.items():
            put(f"{name}_pressure", value[:, :1], slope[:, :1])
            put(f"{name}_volume", column[f"{name}_volume"], unit[f"{name}_volume"])
        cubed = column[SIZE] ** 3
        for name, volume in (("unloaded", self.unloaded_volume), ("wall", self.wall_volume)):
            by_size = 3 * volume * column[SIZE][..., None] ** 2 * unit[SIZE]
            put(f"{name}_volume", volume * cubed, by_size)
        if ED in self.states:
            v = column[f"{ED}_volume"]
            share = told["unloaded_volume"] / v
            by = slopes["unloaded_volume"] - share[..., None] * unit[f"{ED}_volume"]
            put("unloaded_share", share, by / v[..., None])
        n, s = self.n_modes, column[SIZE]
        for name in (name for name in self.states if name != ED and ED in self.states):
            ahead = found[ED][0][:, 1 + n :], found[name][0][:, 1 + n :]
            ratio = ahead[1] / ahead[0]
            change = found[name][1][:, 1 + n :] - ratio[..., None] * found[ED][1][:, 1 + n :]
            put(f"{name}_strain", ratio - 1, change / ahead[0][..., None])
            moved = found[name][0][:, 1 : 1 + n] - found[ED][0][:, 1 : 1 + n]
            by = found[name][1][:, 1 : 1 + n] - found[ED][1][:, 1 : 1 + n]
            by = s[..., None] * by + moved[..., None] * unit[SIZE]
            put(f"{name}_displacement", s * moved, by)
        if ED in self.states and ES in self.states:
            pair = told[f"{ED}_volume"], told[f"{ES}_volume"]
            put("stroke_volume", pair[0] - pair[1], unit[f"{ED}_volume"] - unit[f"{ES}_volume"])
        return told, slopes

    def _state(
        self, name: str, values: Float[np.ndarray, "batch parameters"]
    ) -> tuple[Float[np.ndarray, "batch answers"], Float[np.ndarray, "batch answers parameters"]]:
        """Return a state's answers at unloaded size one and their derivatives."""
        surface = self.surfaces[self.states[name]]
        asked, chain = self.asked(name, values)
        answers, slopes = surface.linearised(asked)
        answers[~surface.inside(asked)] = np.nan
        return answers, slopes @ chain

    def asked(
        self, name: str, values: Float[np.ndarray, "batch parameters"]
    ) -> tuple[Float[np.ndarray, "batch n"], Float[np.ndarray, "batch n parameters"]]:
        """Return what a state's surface is asked, and its derivative by the parameters."""
        surface = self.surfaces[self.states[name]]
        s = values[:, self.names.index(SIZE)]
        asked = np.zeros((len(values), len(surface.names)))
        chain = np.zeros((*asked.shape, len(self.names)))
        for k, wanted in enumerate(surface.names):
            own = f"{name}_volume" if wanted == VOLUME else wanted
            at = self.names.index(own)
            power = -3 if wanted == VOLUME else 1 if wanted in HELD else 0
            asked[:, k] = values[:, at] * s**power
            chain[:, k, at] = s**power
            chain[:, k, self.names.index(SIZE)] = power * values[:, at] * s ** (power - 1)
        return asked, chain

    def error(self, name: str, at: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, "n n"]:
        """Return the covariance of what the surfaces miss of an observable, at a heart."""
        state, _, what = name.rpartition("_")
        if state not in self.states or what == "volume":
            return np.zeros((1, 1))
        n, s = self.n_modes, at[self.names.index(SIZE)]
        part = {
            "pressure": slice(0, 1),
            "displacement": slice(1, n + 1),
            "strain": slice(n + 1, None),
        }
        own, first = (
            self.surfaces[self.states[k]].error[part[what], part[what]] for k in (state, ED)
        )
        if what == "pressure":
            return own
        if what == "displacement":
            return np.asarray(s**2 * (own + first))
        lengths = [self._state(k, at[None])[0][0, part[what]] for k in (state, ED)]
        ratio = np.outer(*(lengths[0] / lengths[1],) * 2)
        return np.asarray((own + ratio * first) / np.outer(lengths[1], lengths[1]))


__all__ = ["ED", "ES", "ReducedTwin"]
