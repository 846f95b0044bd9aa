"""The rows of a batch's states, and the blood they tell: pressures as volumes and back."""

import torch
from jaxtyping import Float

from cardiotwin.circulation.hearts import Batch, Hearts
from cardiotwin.circulation.loop import Circulation
from cardiotwin.circulation.names import CHAMBERS, VESSELS
from cardiotwin.circulation.state import Stores

Tensor = torch.Tensor


def default_start(circulation: Circulation, hearts: Hearts) -> Float[torch.Tensor, "states batch"]:
    """Return the circulation's first state for each heart: its pressures in its own vessels."""
    state = circulation.start()
    rows = [float(getattr(state.volume, key)) for key in CHAMBERS.values()]
    rows += [float(getattr(state.pressure, key)) for key in VESSELS]
    rows += [float(getattr(state.outflow, key)) for key in VESSELS]
    if circulation.aorta:
        rows += [rows[4]] * hearts.stores + [rows[8]] * hearts.segments
    rows += [0.0] * (hearts.states - len(rows))
    return torch.tensor(rows, dtype=torch.float64)[:, None].expand(-1, len(hearts))


def to_ring(state: Float[torch.Tensor, "states batch"], hearts: Hearts) -> tuple[Tensor, Tensor]:
    """Return volumes (8, batch) and vessel flows (2, 2, batch) of a state."""
    stored = state[4:8] * hearts.stack(VESSELS, "compliance")
    volume = torch.cat((state[0:2], stored[0:2], state[2:4], stored[2:4]))
    return volume, state[8:12].reshape(2, 2, -1)


def to_blood(state: Float[torch.Tensor, "states batch"], hearts: Hearts) -> tuple[Tensor, ...]:
    """Return volumes and vessel flows of a state and, beyond the ring, those of `Tract`."""
    ring = to_ring(state, hearts)
    if hearts.states == len(state) == 12:
        return ring
    n = hearts.stores
    rest = state[12:]
    if n:
        rest = torch.cat((rest[:n] * hearts.soft(), rest[n:]))
    return *ring, rest


def from_blood(blood: tuple[Tensor, ...], hearts: Hearts) -> Float[torch.Tensor, "states batch"]:
    """Return a state: chamber volumes, vessel pressures and flows; of the aorta the same."""
    ring = from_ring(blood[0], blood[1], hearts)
    if len(blood) == 2:
        return ring
    n, rest = hearts.stores, blood[2]
    if n:
        rest = torch.cat((rest[:n] / hearts.soft(), rest[n:]))
    return torch.cat((ring, rest))


def held(blood: tuple[Tensor, ...], hearts: Hearts) -> Batch:
    """Return the whole blood, m^3."""
    whole: Tensor = blood[0].sum(0)
    return whole + blood[2][: hearts.stores].sum(0) if hearts.stores else whole


def from_ring(volume: Float[torch.Tensor, "8 batch"], flow: Tensor, hearts: Hearts) -> Tensor:
    """Return chamber volumes, vessel pressures and vessel flows."""
    stored = torch.cat((volume[2:4], volume[6:8])) / hearts.stack(VESSELS, "compliance")
    return torch.cat((volume[0:2], volume[4:6], stored, flow.reshape(4, -1)))


ROW = {name: row for row, name in enumerate(Stores._fields)}

__all__ = ["ROW", "default_start", "from_blood", "from_ring", "held", "to_blood", "to_ring"]
