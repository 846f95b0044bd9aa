"""Many hearts at once: a circulation's numbers by name, as tensors with the batch last."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float

from cardiotwin.circulation.elements import Elastance, activation
from cardiotwin.circulation.loop import Circulation
from cardiotwin.circulation.names import (
    CHAMBERS,
    OF_AORTA,
    OF_ARM,
    OF_HILL,
    OF_INERTIAL,
    OF_TWITCH,
    OF_VALVE,
    VALVES,
    VESSELS,
    one_row,
    parameter_values,
    refuse_leaves,
    refuse_long,
    refuse_unphysical,
)
from cardiotwin.circulation.rates import Loop
from cardiotwin.circulation.tract import DENSITY, HELD, SWIFT, Tract
from cardiotwin.circulation.twitches import hill_activation, spline_weights
from cardiotwin.circulation.valves import valve_constants
from cardiotwin.errors import InputError

Tensor = torch.Tensor
Batch = Float[torch.Tensor, " batch"]
STIFF_TANH = 0.25  # of ln(R_closed/R_open): by how much tanh's slope exceeds the open valve's


@dataclass(frozen=True, kw_only=True, eq=False)
class Hearts:
    """A batch of circulations.

    Parameters
    ----------
    values
        Each parameter, SI, one per heart.
    laws
        Of the four valves.
    segments
        Of the aorta.
    shapes
        Knots of each chamber's free factor.
    """

    values: Mapping[str, Batch]
    laws: tuple[str, ...]
    segments: int = 0
    shapes: tuple[int, ...] = (0, 0, 0, 0)

    @classmethod
    def of(
        cls, parameters: Mapping[str, Any], circulation: Circulation, batch: int = 1
    ) -> "Hearts":
        """Return the circulation with some numbers replaced, each by one or by one per heart.

        Raises
        ------
        InputError
            If a name is unknown, or a value is not positive.
        """
        known = parameter_values(circulation)
        unknown = sorted(set(parameters) - set(known))
        if unknown:
            msg = (
                f"Unknown parameter of the circulation: {', '.join(unknown)}. "
                f"It has {', '.join(known)}."
            )
            raise InputError(msg)
        given = {name: one_row(name, value) for name, value in parameters.items()}
        sizes = {len(value) for value in given.values()} - {1}
        if len(sizes | ({batch} - {1})) > 1:
            many = {name: len(value) for name, value in given.items()}
            msg = f"Parameters come one per heart, found {many}. Give the same number, or one."
            raise InputError(msg)
        size = max(sizes | {batch})
        values = {}
        for name, value in known.items():
            one = given.get(name, torch.tensor([value], dtype=torch.float64))
            refuse_unphysical(name, one)
            values[name] = one.expand(size)
        for name in CHAMBERS:
            if f"{name}.contraction" in values:
                twitch = values[f"{name}.contraction"] + values[f"{name}.relaxation"]
                refuse_long(name, twitch.detach(), values["period"].detach())
        laws = tuple(getattr(circulation, name).law for name in VALVES)
        refuse_leaves(values, dict(zip(VALVES, laws, strict=True)))
        segments = circulation.aorta.segments if circulation.aorta else 0
        chambers = [getattr(circulation, name) for name in CHAMBERS]
        shapes = tuple(len(c.shape) if isinstance(c, Elastance) else 0 for c in chambers)
        return cls(values=values, laws=laws, segments=segments, shapes=shapes)

    def __len__(self) -> int:
        return len(self.values["period"])

    def part(self, which: Any) -> "Hearts":
        """Return some of the hearts."""
        return replace(self, values={k: v[which] for k, v in self.values.items()})

    @property
    def states(self) -> int:
        """Return the number of rows of a state: 12, and those of aorta and inertial valves."""
        return 12 + 2 * self.stores + 3 * self.laws.count("inertial")

    @property
    def stores(self) -> int:
        """Return the number of the aorta's volumes: of its segments, then of its arm."""
        return self.segments + ("arm.compliance" in self.values)

    def soft(self) -> Float[torch.Tensor, "stores batch"]:
        """Return the compliances of the aorta's volumes, m^3/Pa."""
        rows = [self.stack(("aorta",), "compliance") / max(self.segments, 1)] * self.segments
        rows += [self.stack(("arm",), "compliance")] * (self.stores - self.segments)
        return torch.cat(rows)

    def tract(self, *, times: bool = False) -> Tract | None:
        """Return aorta and inertial valves, if there are any; `times` as of `loop`."""
        inertial = tuple(row for row, law in enumerate(self.laws) if law == "inertial")
        if not (inertial or self.segments):
            return None
        names = tuple(VALVES[row] for row in inertial)
        valve = [self.stack(names, key) for key in OF_INERTIAL] if inertial else []
        aorta = [self.stack(("aorta",), key) for key in OF_AORTA] if self.segments else []
        aorta[:3] = [whole / self.segments for whole in aorta[:3]]
        arm = [self.stack(("arm",), key) for key in OF_ARM] if self.stores > self.segments else []
        if times:
            valve, aorta, arm = (
                [number.unsqueeze(-2) for number in each] for each in (valve, aorta, arm)
            )
        return Tract(
            inertial=inertial,
            segments=self.segments,
            valve=tuple(valve),
            aorta=tuple(aorta),
            arm=tuple(arm),
        )

    def stack(self, names: tuple[str, ...], key: str) -> Float[torch.Tensor, "rows batch"]:
        """Return one key of several parts; where a part has none (it is given from outside), 1."""
        one = torch.ones_like(self.values["period"])
        return torch.stack([self.values.get(f"{name}.{key}", one) for name in names])

    def loop(self, *, times: bool = False) -> Loop:
        """Return valves and vessels; with `times`, for arrays with an axis before the batch."""
        groups = []
        for law in dict.fromkeys(law for law in self.laws if law != "inertial"):
            which = [row for row, name in enumerate(self.laws) if name == law]
            names = tuple(VALVES[row] for row in which)
            numbers = [self.stack(names, key) for key in OF_VALVE]
            if len(which) == len(VALVES):
                numbers = [number.reshape(2, 2, -1) for number in numbers]
            if times:
                numbers = [number.unsqueeze(-2) for number in numbers]
            low, high, width = numbers
            groups.append((law, which, valve_constants(law, low, high, width, torch)))
        inertance = self.stack(VESSELS, "inertance").reshape(2, 2, -1)
        resistance = self.stack(VESSELS, "resistance").reshape(2, 2, -1)
        return Loop(valves=tuple(groups), drag=resistance / inertance, push=1 / inertance)

    def elastances(self, phase: Float[torch.Tensor, " times"]) -> tuple[Tensor, Tensor]:
        """Return E (times, 8, batch), Pa/m^3, and V0 (8, batch), m^3, at shares of the period."""
        names = tuple(CHAMBERS)
        period = self.values["period"]
        onset, contraction, relaxation = (self.stack(names, key) for key in OF_TWITCH)
        time = phase[:, None, None] * period
        share = activation(time - onset, (contraction, relaxation), period, torch)
        chambers = self.stack(names, "passive") + self.stack(names, "active") * share
        if any(self.shapes) or any(f"{name}.rise_time" in self.values for name in names):
            chambers = torch.stack(
                [self._elastance(row, phase, chambers[:, row]) for row in range(4)], 1
            )
        vessels = (1 / self.stack(VESSELS, "compliance")).expand(len(phase), -1, -1)
        E = torch.cat((chambers[:, :2], vessels[:, :2], chambers[:, 2:], vessels[:, 2:]), 1)
        V0 = self.stack(names, "unstressed_volume")
        none = torch.zeros_like(V0[:2])
        return E, torch.cat((V0[:2], none, V0[2:], none))

    def _elastance(self, chamber: int, phase: Tensor, cosine: Tensor) -> Tensor:
        """Return one chamber's (times, batch) by its own twitch and shape, or by the cosine's."""
        name, period, E = tuple(CHAMBERS)[chamber], self.values["period"], cosine
        if f"{name}.rise_time" in self.values:
            shape = tuple(self.values[f"{name}.{key}"] for key in OF_HILL)
            since = phase[:, None] * period - self.values[f"{name}.onset"]
            share = hill_activation(since, shape, period, torch)
            E = self.values[f"{name}.passive"] + self.values[f"{name}.active"] * share
        if self.shapes[chamber]:
            knots = [self.values[f"{name}.shape_{k}"] for k in range(self.shapes[chamber])]
            E = E * torch.exp(spline_weights(phase, len(knots), torch) @ torch.stack(knots))
        return E

    def fastest(self) -> Batch:
        """Return a bound on the fastest rate of the right-hand side, 1/s.

        Pressures even out across an open valve at (E_1 + E_2)/R, a vessel's flow at R/L.
        """
        stiff = self.stack(tuple(CHAMBERS), "passive") + self.stack(tuple(CHAMBERS), "active")
        if any(self.shapes):
            stiff = stiff * torch.stack([self._stiffer(row) for row in range(4)])
        soft = 1 / self.stack(VESSELS, "compliance")
        low, high = (self.stack(VALVES, key) for key in OF_VALVE[:2])
        tract = self.tract()
        after = soft[:1] if not (tract and tract.segments) else 1 / tract.aorta[0]
        down = torch.stack((stiff[1], after[0], stiff[3], soft[2]))
        steeper = torch.tensor([law == "tanh" for law in self.laws])[:, None]
        extra = torch.where(steeper, (0.5 + STIFF_TANH * torch.log(high / low)).clamp(min=1), 1.0)
        valves = (stiff + down) / low * extra
        vessels = self.stack(VESSELS, "resistance") / self.stack(VESSELS, "inertance")
        if tract is None:
            return torch.cat((valves, vessels)).amax(0)
        kept = [row for row, law in enumerate(self.laws) if law != "inertial"]
        rates = [valves[kept], vessels]
        if tract.inertial:
            area, length, *_, bulge = tract.valve
            stores = (stiff + down)[list(tract.inertial)] + 1 / bulge
            swing = (stores * area / (DENSITY * length)).sqrt()
            drag = area * self.stack(("aorta",), "impedance") / (DENSITY * length)
            rates += [drag] if tract.segments else []
            rates += [swing, torch.full_like(swing, max(HELD, SWIFT))]
        if tract.segments:
            compliance, inertance, resistance, termination, viscosity, _ = tract.aorta
            wave = 2 / (compliance * inertance).sqrt()
            rates += [wave + (resistance + termination + 4 * viscosity / compliance) / inertance]
            if tract.arm:
                held, mass, end = tract.arm
                rates += [(1 / (compliance * mass) + 1 / (held * mass)).sqrt() + 1 / (held * end)]
        return torch.cat(rates).amax(0)

    def _stiffer(self, chamber: int) -> Tensor:
        """Return the largest factor of a chamber's shape: a spline stays within its numbers."""
        name, count = tuple(CHAMBERS)[chamber], self.shapes[chamber]
        if not count:
            return torch.ones_like(self.values["period"])
        knots = torch.stack([self.values[f"{name}.shape_{k}"] for k in range(count)])
        return torch.exp(knots.amax(0))


__all__ = ["Hearts"]
