"""Beats of many hearts at once, with gradients: the classical Runge-Kutta method in torch.

Backwards, each block of steps is run again from its first state, so that the memory is that of
the recorded states and not of every stage (Griewank & Walther 2008, Evaluating Derivatives,
ch. 12).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

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
    volume
        Of the eight stores, m^3; `of` gives one store's.
    vessel_flow
        Out of the vessels, m^3/s, (half, vessel) of the ring.
    hearts, march
        Whose they are, and how they were stepped.
    """

    time: Float[torch.Tensor, "rows batch"]
    volume: Float[torch.Tensor, "rows 8 batch"]
    vessel_flow: Float[torch.Tensor, "rows 2 2 batch"]
    hearts: Hearts
    march: "March"

    @cached_property
    def pressure(self) -> Float[torch.Tensor, "rows 8 batch"]:
        """Return the pressures of the stores, Pa."""
        rows, period = len(self.time), self.hearts.values["period"]
        phase = torch.arange(rows, dtype=torch.float64) / self.march.steps % 1
        E, V0 = self.hearts.elastances(phase)
        pressure = pressures(self.volume, E, V0)
        if not self.march.outside:
            return pressure  # type: ignore[no-any-return]
        time, volume = phase[:, None] * period, self.volume.movedim(1, 0)
        return self.march.given(pressure.movedim(1, 0), volume, time).movedim(0, 1)

    @cached_property
    def outflow(self) -> Float[torch.Tensor, "rows 8 batch"]:
        """Return the flows out of the stores, m^3/s."""
        at_valves, _ = across(self.pressure.movedim(1, 0), torch)
        valve = self.hearts.loop(times=True).valve_flows(at_valves, torch)
        out: Tensor = outflows(valve, self.vessel_flow.movedim(0, 2), torch)
        return out.movedim(0, 1)

    @property
    def end(self) -> Float[torch.Tensor, "12 batch"]:
        """Return the state after the last row, from which `simulate` goes on.

        Volumes of la, lv, ra, rv; pressures of systemic arteries and veins, pulmonary arteries
        and veins; flows out of these.
        """
        return from_ring(self.volume[-1], self.vessel_flow[-1], self.hearts)

    @property
    def finished(self) -> Bool[torch.Tensor, " batch"]:
        """Return which hearts ended with finite numbers; the others' are not to be used."""
        return torch.isfinite(self.volume[-1]).all(0)

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
        """Return the blood after each recorded step, in blocks with their rows first."""
        blocks: list[Blood] = []
        for first in range(0, self.steps, BLOCK):
            records = first, min(first + BLOCK, self.steps)
            if not (rhythm.graph or (torch.is_grad_enabled() and state[0].requires_grad)):
                block = self.block(state, records, rhythm)
            elif self.outside:  # whose own tensors only the graph knows
                block = checkpoint(self.block, state, records, rhythm, use_reentrant=False)
            else:
                values = rhythm.hearts.values.values()
                block = Replayed.apply(self, records, rhythm, *state, *values)
            blocks.append(block)
            state = block[0][-1], block[1][-1]
        return blocks

    def block(self, state: Blood, records: tuple[int, int], rhythm: "Rhythm") -> Blood:
        """Return the blood after each of some recorded steps, rows first."""
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
        return torch.stack([row[0] for row in rows]), torch.stack([row[1] for row in rows])

    def given(self, pressure: Tensor, volume: Tensor, time: Tensor) -> Tensor:
        """Return the pressures of the stores with those of the chambers outside, Pa."""
        rows = list(pressure.unbind(0))
        for name, law in self.outside.items():
            rows[ROW[name]] = law(volume[ROW[name]], time)
        return torch.stack(rows)


class Replayed(torch.autograd.Function):
    """A block of steps whose graph is built when its gradient is asked for."""

    @staticmethod
    def forward(
        ctx: Any,
        march: March,
        records: tuple[int, int],
        rhythm: "Rhythm",
        *tensors: Tensor,
    ) -> Blood:
        """Return the block's rows from volumes, flows and parameters."""
        ctx.march, ctx.records, ctx.rhythm = march, records, rhythm
        ctx.save_for_backward(*tensors)
        return march.block((tensors[0], tensors[1]), records, rhythm)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients by volumes, flows and parameters."""
        wanted = ctx.needs_input_grad[3:]
        inputs = [
            tensor.detach().requires_grad_(want)
            for tensor, want in zip(ctx.saved_tensors, wanted, strict=True)
        ]
        with torch.enable_grad():
            names = ctx.rhythm.hearts.values
            values = dict(zip(names, inputs[2:], strict=True))
            hearts = Hearts(values=values, laws=ctx.rhythm.hearts.laws)
            rhythm = Rhythm.of(hearts, ctx.rhythm.count)
            ends = ctx.march.block((inputs[0], inputs[1]), ctx.records, rhythm)
        free = [tensor for tensor in inputs if tensor.requires_grad]
        found = iter(torch.autograd.grad(ends, free, slopes, allow_unused=True))
        return None, None, None, *(next(found) if want else None for want in wanted)


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
