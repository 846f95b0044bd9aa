"""Many hearts at once: a circulation's numbers by name, as tensors with the batch last."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float

from cardiotwin.circulation.elements import Elastance, activation
from cardiotwin.circulation.loop import Circulation
from cardiotwin.circulation.rates import Loop
from cardiotwin.circulation.state import Stores
from cardiotwin.circulation.valves import valve_constants
from cardiotwin.errors import InputError

Tensor = torch.Tensor
Batch = Float[torch.Tensor, " batch"]
CHAMBERS = {
    "left_atrium": "la",
    "left_ventricle": "lv",
    "right_atrium": "ra",
    "right_ventricle": "rv",
}
VALVES = ("mitral", "aortic", "tricuspid", "pulmonary")
VESSELS = ("systemic_arteries", "systemic_veins", "pulmonary_arteries", "pulmonary_veins")
OF_CHAMBER = ("active", "passive", "unstressed_volume")
OF_TWITCH = ("onset", "contraction", "relaxation")
OF_VALVE = ("open_resistance", "closed_resistance", "width")
OF_VESSEL = ("resistance", "compliance", "inertance")
SIGNED = ("onset", "unstressed_volume")  # what may be negative or zero
STIFF_TANH = 0.25  # of ln(R_closed/R_open): by how much tanh's slope exceeds the open valve's


def parameter_values(circulation: Circulation) -> dict[str, float]:
    """Return every number of the loop by its dotted name, SI: what can be varied or fixed."""
    values = {"period": circulation.period}
    for name in CHAMBERS:
        chamber = getattr(circulation, name)
        if isinstance(chamber, Elastance):
            values |= {f"{name}.{key}": getattr(chamber, key) for key in OF_CHAMBER}
            values |= {f"{name}.{key}": getattr(chamber.twitch, key) for key in OF_TWITCH}
    for name in VALVES:
        valve = getattr(circulation, name)
        keys = OF_VALVE[:2] if valve.law == "sharp" else OF_VALVE
        values |= {f"{name}.{key}": getattr(valve, key) for key in keys}
    for name in VESSELS:
        values |= {f"{name}.{key}": getattr(getattr(circulation, name), key) for key in OF_VESSEL}
    return values


@dataclass(frozen=True, kw_only=True, eq=False)
class Hearts:
    """A batch of circulations.

    Parameters
    ----------
    values
        Each parameter, SI, one per heart.
    laws
        Of the four valves.
    """

    values: Mapping[str, Batch]
    laws: tuple[str, ...]

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
        given = {
            name: torch.as_tensor(value, dtype=torch.float64).reshape(-1)
            for name, value in parameters.items()
        }
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
                _refuse_long(name, twitch.detach(), values["period"].detach())
        laws = tuple(getattr(circulation, name).law for name in VALVES)
        return cls(values=values, laws=laws)

    def __len__(self) -> int:
        return len(self.values["period"])

    def part(self, which: Any) -> "Hearts":
        """Return some of the hearts."""
        return Hearts(values={k: v[which] for k, v in self.values.items()}, laws=self.laws)

    def stack(self, names: tuple[str, ...], key: str) -> Float[torch.Tensor, "rows batch"]:
        """Return one key of several parts; where a part has none (it is given from outside), 1."""
        one = torch.ones_like(self.values["period"])
        return torch.stack([self.values.get(f"{name}.{key}", one) for name in names])

    def loop(self, *, times: bool = False) -> Loop:
        """Return valves and vessels; with `times`, for arrays with an axis before the batch."""
        groups = []
        for law in dict.fromkeys(self.laws):
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
        vessels = (1 / self.stack(VESSELS, "compliance")).expand(len(phase), -1, -1)
        E = torch.cat((chambers[:, :2], vessels[:, :2], chambers[:, 2:], vessels[:, 2:]), 1)
        V0 = self.stack(names, "unstressed_volume")
        none = torch.zeros_like(V0[:2])
        return E, torch.cat((V0[:2], none, V0[2:], none))

    def fastest(self) -> Batch:
        """Return a bound on the fastest rate of the right-hand side, 1/s.

        Pressures even out across an open valve at (E_1 + E_2)/R, a vessel's flow at R/L.
        """
        stiff = self.stack(tuple(CHAMBERS), "passive") + self.stack(tuple(CHAMBERS), "active")
        soft = 1 / self.stack(VESSELS, "compliance")
        low, high = (self.stack(VALVES, key) for key in OF_VALVE[:2])
        down = torch.stack((stiff[1], soft[0], stiff[3], soft[2]))
        steeper = torch.tensor([law == "tanh" for law in self.laws])[:, None]
        extra = torch.where(steeper, (0.5 + STIFF_TANH * torch.log(high / low)).clamp(min=1), 1.0)
        valves = (stiff + down) / low * extra
        vessels = self.stack(VESSELS, "resistance") / self.stack(VESSELS, "inertance")
        return torch.cat((valves, vessels)).amax(0)


def refuse_unphysical(name: str, values: Tensor) -> None:
    """Refuse a parameter's values that are not finite or, of those that must be, not positive."""
    bad = ~torch.isfinite(values)
    if name.rsplit(".", maxsplit=1)[-1] not in SIGNED:
        bad = bad | ~(values > 0)
    if bool(bad.any()):
        first = int(bad.nonzero()[0, 0])
        msg = (
            f"{name} must be positive and finite, found {float(values[first]):g} in heart {first} "
            f"and {int(bad.sum())} in all. Give it in SI units; cardiotwin.units has MMHG and ML."
        )
        raise InputError(msg)


def _refuse_long(name: str, twitch: Tensor, period: Tensor) -> None:
    bad = ~(twitch < period)
    if bool(bad.any()):
        first = int(bad.nonzero()[0, 0])
        msg = (
            f"period must be longer than the twitch of the {name.replace('_', ' ')}, "
            f"{float(twitch[first]):g} s, found {float(period[first]):g} s in heart {first} and "
            f"{int(bad.sum())} in all. Shorten contraction and relaxation with it."
        )
        raise InputError(msg)


def default_start(circulation: Circulation, hearts: Hearts) -> Float[torch.Tensor, "12 batch"]:
    """Return the circulation's first state for each heart: its pressures in its own vessels."""
    state = circulation.start()
    rows = [float(getattr(state.volume, key)) for key in CHAMBERS.values()]
    rows += [float(getattr(state.pressure, key)) for key in VESSELS]
    rows += [float(getattr(state.outflow, key)) for key in VESSELS]
    return torch.tensor(rows, dtype=torch.float64)[:, None].expand(12, len(hearts))


def to_ring(state: Float[torch.Tensor, "12 batch"], hearts: Hearts) -> tuple[Tensor, Tensor]:
    """Return volumes (8, batch) and vessel flows (2, 2, batch) of a state."""
    stored = state[4:8] * hearts.stack(VESSELS, "compliance")
    volume = torch.cat((state[0:2], stored[0:2], state[2:4], stored[2:4]))
    return volume, state[8:12].reshape(2, 2, -1)


def from_ring(volume: Float[torch.Tensor, "8 batch"], flow: Tensor, hearts: Hearts) -> Tensor:
    """Return chamber volumes, vessel pressures and vessel flows."""
    stored = torch.cat((volume[2:4], volume[6:8])) / hearts.stack(VESSELS, "compliance")
    return torch.cat((volume[0:2], volume[4:6], stored, flow.reshape(4, -1)))


ROW = {name: row for row, name in enumerate(Stores._fields)}

__all__ = [
    "ROW",
    "Hearts",
    "default_start",
    "from_ring",
    "parameter_values",
    "refuse_unphysical",
    "to_ring",
]
