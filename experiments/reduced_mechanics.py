"""A heart's reduced mechanics against its full model, on states that it never saw.

`python experiments/reduced_mechanics.py [path=subject] [training=64] [tests=200] [modes=100]
[pressure_modes=12] [regions=territories|segments] [output=folder]`: the twin is built first (a
finished run folder `twin` in `output` is used again); its wall is walked through a range about
the fit (law, volume, tension, shares of it by region, supports), reduced, and compared with an
independent walk of the full model. Displacement errors are means over the nodes of |u - u_full|
by that of |u_full|, both from the unloaded placement, at the same cavity pressure. `offline_s` is
the CPU time of walk and reduction; `speedup` is the median CPU time of the full model's step from
one test state to the next by that of a reduced one. The walks are kept in the folder.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from experiment import run
from reduced_hearts import heart_of, sampled, trained

from cardiotwin.errors import CardiotwinError
from cardiotwin.mechanics.parametric import ParametricWall
from cardiotwin.mechanics.snapshots import Snapshots
from cardiotwin.mechanics.walks import placed_of, snapshots_of
from cardiotwin.surrogates.heart import ReducedHeart
from cardiotwin.surrogates.training import Reduction
from cardiotwin.units import ML

MEASURED = 12  # test states whose error the indicator is compared with


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    training: int = 64
    tests: int = 200
    modes: int = 100
    pressure_modes: int = 12
    regions: str = "territories"
    seed: int = 1
    output: str = "outputs/reduced_mechanics"


def errors(heart: ReducedHeart, truth: Snapshots, volumes: np.ndarray) -> dict[str, Any]:
    """Return displacement and volume errors, which states were reached, and their CPU time."""
    values, found, seconds = torch.as_tensor(truth.values), [], []
    for k in range(len(truth)):
        began = time.process_time()
        try:
            state = heart.equilibria(values[k : k + 1], confined=False).state[0]
        except CardiotwinError:
            state = torch.full_like(heart.states[0], torch.nan)
        seconds.append(time.process_time() - began)
        found.append(state)
    states = torch.stack(found)
    u = heart.displacement(states).numpy()
    miss = np.linalg.norm(u - truth.displacement, axis=2).mean(axis=1)
    size = np.linalg.norm(truth.displacement, axis=2).mean(axis=1)
    volume = np.abs(heart.wall.cavity_volume(states).numpy() - volumes)
    return {"share": miss / size, "volume": volume, "state": states, "seconds": seconds}


def indicated(
    model: ParametricWall, heart: ReducedHeart, truth: Snapshots, found: Mapping[str, Any]
) -> np.ndarray:
    """Return the full model's Newton step from reduced states by their true errors."""
    ratios = []
    for k in range(min(MEASURED, len(truth))):
        state = found["state"][k : k + 1]
        if not bool(torch.isfinite(state).all()):
            continue
        u, p = heart.displacement(state)[0].numpy(), heart.pressure(state)[0].numpy()
        step = model.correction(placed_of(model, truth.values[k], u, p))
        told = model.body.fields.to_arrays(step)["displacement"]
        true = np.linalg.norm(truth.displacement[k] - u, axis=1).mean()
        ratios.append(np.linalg.norm(told, axis=1).mean() / true)
    return np.array(ratios)


def reduced_mechanics(options: Options) -> Mapping[str, Any]:
    """Train, test, and return the errors and costs."""
    model, span = heart_of(options.path, options.output, options.regions)
    reduction = Reduction(modes=options.modes, pressure_modes=options.pressure_modes)
    walked, heart, offline = trained(
        model,
        span,
        options.training,
        seed=options.seed,
        options=reduction,
        output=options.output,
    )
    tested = sampled(model, span, options.tests, options.seed + 1, options.output)
    truth = snapshots_of(model, tested.placed)
    found = errors(heart, truth, np.array([model.volume(one) for one in tested.placed]))
    ratios = indicated(model, heart, truth, found)
    reached = np.isfinite(found["share"])
    full, reduced = np.median(tested.seconds), np.median(found["seconds"])
    return {
        "displacement_error_percent_median": 100 * float(np.median(found["share"][reached])),
        "displacement_error_percent_max": 100 * float(found["share"][reached].max()),
        "volume_error_ml_median": float(np.median(found["volume"][reached])) / ML,
        "volume_error_ml_max": float(found["volume"][reached].max()) / ML,
        "offline_s": offline,
        "speedup": float(full / reduced),
        "full_step_s": float(full),
        "reduced_state_ms": 1e3 * float(reduced),
        "indicator_by_error_least": float(ratios.min()),
        "indicator_by_error_largest": float(ratios.max()),
        "training_states": len(walked.placed),
        "test_states": len(truth),
        "test_states_reached": int(reached.sum()),
        "points": len(heart.wall.points.weights),
        "quadrature_points": heart.n_quadrature,
        "dofs": len(tested.placed[0].unknown),
    }


if __name__ == "__main__":
    run(Options, reduced_mechanics)
