"""Beats of many hearts at once, with gradients: the classical Runge-Kutta method in torch.

Backwards, each block of steps is run again from its first state, so that the memory is that of
the recorded states and not of every stage (Griewank & Walther 2008, Evaluating Derivatives,
ch. 12).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch.utils.checkpoint import checkpoint

from cardiotwin.circulation.hearts import ROW, Hearts, from_ring
from cardiotwin.circulation.rates import Loop, across, outflows, pressures, rates

Tensor = torch.Tensor
Blood = tuple[Tensor, Tensor]  # volumes (8, batch), flows of the vessels (2, 2, batch)
Outside = Mapping[str, Callable[[Tensor, Tensor], Tensor]]
STEPS = 400  # per beat
BLOCK = 20  # steps between two states from which the backward pass runs again


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """What the blood did, SI, in rows of time with the batch last.

    Parameters
    ----------
    time
        s.
    volume, pressure, outflow
        Of the eight stores, m^3, Pa and m^3/s; `of` gives one store's.
    end
        State after the last row: volumes of la, lv, ra, rv, pressures of the four vessels
        (systemic arteries and veins, pulmonary arteries and veins), flows out of them.
    finished
        Which hearts ended with finite numbers; the others' are not to be used.
    """

    time: Float[torch.Tensor, "rows batch"]
    volume: Float[torch.Tensor, "rows 8 batch"]
    pressure: Float[torch.Tensor, "rows 8 batch"]
    outflow: Float[torch.Tensor, "rows 8 batch"]
    end: Float[torch.Tensor, "12 batch"]
    finished: Bool[torch.Tensor, " batch"]

    def of(self, store: str, quantity: str = "volume") -> Float[torch.Tensor, "rows batch"]:
        """Return one store's course, e.g. ``of("lv", "pressure")``."""
        return getattr(self, quantity)[:, ROW[store]]  # type: ignore[no-any-return]

    @property
    def stroke_volume(self) -> Float[torch.Tensor, " batch"]:
        """Return the left ventricle's largest less its smallest volume, m^3."""
        volume = self.of("lv")
        return volume.amax(0) - volume.amin(0)

    @property
    def blood(self) -> Float[torch.Tensor, "rows batch"]:
        """Return the whole blood that stresses its stores, m^3."""
        return self.volume.sum(1)


@dataclass(frozen=True, kw_only=True, eq=False)
class March:
    """How a batch is stepped through its beats.

    Parameters
    ----------
    steps
        Recorded per beat.
    finer
        Runge-Kutta steps from one record to the next.
    outside
        Pressure, Pa, of chambers by their volume, m^3, and the time in the beat, s.
    """

    steps: int
    finer: int
    outside: Outside

    def beat(self, state: Blood, rhythm: "Rhythm") -> list[Blood]:
        """Return the blood after each recorded step."""
        rows: list[Blood] = []
        for first in range(0, self.steps, BLOCK):
            last = min(first + BLOCK, self.steps)
            if rhythm.graph or (torch.is_grad_enabled() and state[0].requires_grad):
                block = checkpoint(
                    self._block,
                    *(state, (first, last), rhythm),
                    use_reentrant=False,
                    preserve_rng_state=False,
                )
            else:
                block = self._block(state, (first, last), rhythm)
            rows.extend(block)
            state = rows[-1]
        return rows

    def _block(self, state: Blood, records: tuple[int, int], rhythm: "Rhythm") -> list[Blood]:
        dt, rows = rhythm.dt, []
        half, sixth, third = dt / 2, dt / 6, dt / 3
        first, last = (record * self.finer for record in records)
        E, V0 = rhythm.elastances(first, last)

        def change(blood: Blood, half_step: int) -> Blood:
            volume, flow = blood
            pressure = pressures(volume, E[half_step - 2 * first], V0)
            if self.outside:
                pressure = self.given(pressure, volume, dt * half_step / 2)
            return rates(pressure, flow, rhythm.loop, torch)

        for step in range(first, last):
            k1 = change(state, 2 * step)
            k2 = change(_moved(state, half, k1), 2 * step + 1)
            k3 = change(_moved(state, half, k2), 2 * step + 1)
            k4 = change(_moved(state, dt, k3), 2 * step + 2)
            ends = (k1[0] + k4[0], k1[1] + k4[1])
            middles = (k2[0] + k3[0], k2[1] + k3[1])
            state = _moved(_moved(state, sixth, ends), third, middles)
            if (step + 1) % self.finer == 0:
                rows.append(state)
        return rows

    def given(self, pressure: Tensor, volume: Tensor, time: Tensor) -> Tensor:
        """Return the pressures of the stores with those of the chambers outside, Pa."""
        rows = list(pressure.unbind(0))
        for name, law in self.outside.items():
            rows[ROW[name]] = law(volume[ROW[name]], time)
        return torch.stack(rows)

    def trace(self, rows: list[Blood], hearts: Hearts, first_beat: int = 0) -> Trace:
        """Return the course of recorded blood, whole beats of it."""
        volume = torch.stack([row[0] for row in rows], 1)
        flow = torch.stack([row[1] for row in rows], 2)
        beats = (len(rows) - 1) // self.steps
        phase = torch.linspace(0, 1, self.steps + 1, dtype=torch.float64)
        E, V0 = hearts.elastances(phase)
        E, phase = (torch.cat([part] + [part[1:]] * (beats - 1)) for part in (E, phase))
        pressure = pressures(volume, E.movedim(0, 1), V0[:, None])
        pressure = self.given(pressure, volume, phase[:, None] * hearts.values["period"])
        at_valves, _ = across(pressure, torch)
        out = outflows(hearts.loop(times=True).valve_flows(at_valves, torch), flow, torch)
        share = torch.arange(len(rows), dtype=torch.float64)[:, None] / self.steps + first_beat
        return Trace(
            time=share * hearts.values["period"],
            volume=volume.movedim(1, 0),
            pressure=pressure.movedim(1, 0),
            outflow=out.movedim(1, 0),
            end=from_ring(*rows[-1], hearts),
            finished=torch.isfinite(rows[-1][0]).all(0),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Rhythm:
    """What a beat repeats.

    Parameters
    ----------
    hearts, loop
        The batch, its valves and vessels.
    count
        Steps in a beat.
    dt
        Their lengths, s.
    graph
        Whether a parameter wants its gradient.
    kept
        Elastances of the blocks of a beat, where they need no gradient.
    """

    hearts: Hearts
    loop: Loop
    count: int
    dt: Tensor
    graph: bool
    kept: dict[int, tuple[tuple[Tensor, ...], Tensor]] = field(default_factory=dict)

    @classmethod
    def of(cls, hearts: Hearts, count: int) -> "Rhythm":
        """Return that of beats of `count` steps."""
        graph = torch.is_grad_enabled() and any(v.requires_grad for v in hearts.values.values())
        dt = hearts.values["period"] / count
        return cls(hearts=hearts, loop=hearts.loop(), count=count, dt=dt, graph=graph)

    def elastances(self, first: int, last: int) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return E at each half step between two steps, and V0, of all stores."""
        if first in self.kept:
            return self.kept[first]
        phase = torch.arange(2 * first, 2 * last + 1, dtype=torch.float64) / (2 * self.count)
        E, V0 = self.hearts.elastances(phase)
        if not self.graph:
            self.kept[first] = E.unbind(0), V0
        return E.unbind(0), V0


def _moved(blood: Blood, step: Tensor, change: Blood) -> Blood:
    return torch.addcmul(blood[0], step, change[0]), torch.addcmul(blood[1], step, change[1])


__all__ = ["STEPS", "March", "Outside", "Rhythm", "Trace"]
