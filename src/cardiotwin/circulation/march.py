"""Beats of many hearts at once, with gradients: the classical Runge-Kutta method in torch.

Backwards, each block of steps is run again from its first state, so that the memory is that of
the recorded states and not of every stage (Griewank & Walther 2008, Evaluating Derivatives,
ch. 12).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch.utils.checkpoint import checkpoint

from cardiotwin.circulation import tract as beside
from cardiotwin.circulation.hearts import Hearts
from cardiotwin.circulation.rates import across, outflows, pressures, rates
from cardiotwin.circulation.rhythm import Blood, Rhythm, as_arrays, moved
from cardiotwin.circulation.rows import ROW, from_blood
from cardiotwin.errors import InputError

Tensor = torch.Tensor
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
    tract
        States of the aorta and of inertial valves, in the order of `Tract.parts`.
    """

    time: Float[torch.Tensor, "rows batch"]
    volume: Float[torch.Tensor, "rows 8 batch"]
    vessel_flow: Float[torch.Tensor, "rows 2 2 batch"]
    hearts: Hearts
    march: "March"
    tract: Float[torch.Tensor, "rows states batch"] | None = None

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
        pressure = self.pressure.movedim(1, 0)
        at_valves, _ = across(pressure, torch)
        loop, tract = self.hearts.loop(times=True), self.hearts.tract(times=True)
        if tract is None or self.tract is None:
            valve = loop.valve_flows(at_valves, torch)
        else:
            state = self.tract.movedim(1, 0)
            _, valve = beside.valves(pressure, at_valves, state, loop, tract, torch)
            valve = valve.reshape(at_valves.shape)
        out: Tensor = outflows(valve, self.vessel_flow.movedim(0, 2), torch)
        return out.movedim(0, 1)

    @cached_property
    def aorta(self) -> tuple[Tensor, Tensor]:
        """Return pressures, Pa, of root and segments, and flows out of these, m^3/s.

        Both (rows, place, batch).
        """
        tract = self.hearts.tract(times=True)
        if tract is None or self.tract is None or not tract.segments:
            msg = "This circulation has no aorta. Give `Circulation` one."
            raise InputError(msg)
        state = self.tract.movedim(1, 0)
        flow = self.of("lv", "outflow")[None]
        pressure = tract.root(state, flow, torch), tract.filled(state, flow, torch)[0]
        along = tract.parts(state)[1][: tract.segments]
        return torch.cat(pressure).movedim(0, 1), along.movedim(0, 1)

    @property
    def end(self) -> Float[torch.Tensor, "states batch"]:
        """Return the state after the last row, from which `simulate` goes on.

        Volumes of la, lv, ra, rv; pressures of systemic arteries and veins, pulmonary arteries
        and veins; flows out of these. Then, of what there is: pressures by volume of the aorta's
        segments and arm, flows out of and into these, flows of inertial valves, their openings.
        """
        last = self.volume[-1], self.vessel_flow[-1]
        return from_blood(last if self.tract is None else (*last, self.tract[-1]), self.hearts)

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
        whole = self.volume.sum(1)
        if self.tract is None:
            return whole
        return whole + self.tract[:, : self.hearts.stores].sum(1)


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

    def beat(self, state: Blood, rhythm: Rhythm) -> list[Blood]:
        """Return the blood after each recorded step, in blocks with their rows first."""
        blocks: list[Blood] = []
        for first in range(0, self.steps, BLOCK):
            records = first, min(first + BLOCK, self.steps)
            if not rhythm.wants_graph(state):
                block = self.block(state, records, rhythm)
            elif self.outside:  # whose own tensors only the graph knows
                block = checkpoint(self.block, state, records, rhythm, use_reentrant=False)
            else:
                values = rhythm.hearts.values.values()
                block = Replayed.apply(self, records, rhythm, *state, *values)
            blocks.append(block)
            state = tuple(part[-1] for part in block)
        return blocks

    def block(self, state: Blood, records: tuple[int, int], rhythm: Rhythm) -> Blood:
        """Return the blood after each of some recorded steps, rows first."""
        first, last = (record * self.finer for record in records)
        E, V0 = rhythm.elastances(first, last)
        dt, loop, tract, rows = rhythm.dt, rhythm.loop, rhythm.tract, []
        xp: Any = torch
        if tract and not (self.outside or rhythm.wants_graph(state)):
            state, E, V0, dt, loop, tract = as_arrays((state, E, V0, dt, loop, tract))
            xp = np  # whose many small slices cost a third of torch's
        half, sixth, third = dt / 2, dt / 6, dt / 3

        def change(blood: Any, half_step: int) -> Any:
            volume, flow = blood[:2]
            pressure = pressures(volume, E[half_step - 2 * first], V0)
            if self.outside:
                pressure = self.given(pressure, volume, dt * half_step / 2)
            if tract is None:
                return rates(pressure, flow, loop, xp)
            return beside.rates(pressure, flow, blood[2], loop, tract, xp)

        with np.errstate(all="ignore"):  # `Trace.finished` tells
            for step in range(first, last):
                k1 = change(state, 2 * step)
                k2 = change(moved(state, half, k1), 2 * step + 1)
                k3 = change(moved(state, half, k2), 2 * step + 1)
                k4 = change(moved(state, dt, k3), 2 * step + 2)
                ends = tuple(a + b for a, b in zip(k1, k4, strict=True))
                middles = tuple(a + b for a, b in zip(k2, k3, strict=True))
                state = moved(moved(state, sixth, ends), third, middles)
                if (step + 1) % self.finer == 0:
                    rows.append(state)
        return tuple(torch.as_tensor(xp.stack(part)) for part in zip(*rows, strict=True))

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
        rhythm: Rhythm,
        *tensors: Tensor,
    ) -> Blood:
        """Return the block's rows from volumes, flows and parameters."""
        ctx.march, ctx.records, ctx.rhythm = march, records, rhythm
        ctx.save_for_backward(*tensors)
        return march.block(tensors[: rhythm.parts], records, rhythm)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients by volumes, flows and parameters."""
        wanted = ctx.needs_input_grad[3:]
        inputs = [
            tensor.detach().requires_grad_(want)
            for tensor, want in zip(ctx.saved_tensors, wanted, strict=True)
        ]
        with torch.enable_grad():
            parts = ctx.rhythm.parts
            values = dict(zip(ctx.rhythm.hearts.values, inputs[parts:], strict=True))
            rhythm = Rhythm.of(replace(ctx.rhythm.hearts, values=values), ctx.rhythm.count)
            ends = ctx.march.block(tuple(inputs[:parts]), ctx.records, rhythm)
        free = [tensor for tensor in inputs if tensor.requires_grad]
        found = iter(torch.autograd.grad(ends, free, slopes, allow_unused=True))
        return None, None, None, *(next(found) if want else None for want in wanted)


__all__ = ["STEPS", "March", "Outside", "Trace"]
