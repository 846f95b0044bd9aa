"""A twin's reduced heart, trained once in a folder that the experiments share."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from command import build_twin

from cardiotwin.errors import InputError
from cardiotwin.fitting.reducible import range_about
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.parameter_range import ParameterRange
from cardiotwin.mechanics.parametric import SEGMENTS, TERRITORIES, ParametricWall
from cardiotwin.mechanics.walks import Walk, walk
from cardiotwin.run.recipe import kept_recipe
from cardiotwin.surrogates.heart import ReducedHeart
from cardiotwin.surrogates.offline import train
from cardiotwin.surrogates.training import Reduction
from cardiotwin.twin import load_twin
from cardiotwin.twin.files import sha256_of
from cardiotwin.twin.stages import Stages, fingerprint

REGIONS: dict[str, dict[str, tuple[int, ...]]] = {"territories": TERRITORIES, "segments": SEGMENTS}


def heart_of(
    path: str, output: str, regions: str = "territories"
) -> tuple[ParametricWall, ParameterRange]:
    """Return a twin's wall over its unloaded placement, and the range about its fit."""
    if regions not in REGIONS:
        msg = f"regions must be {' or '.join(REGIONS)}, found {regions!r}."
        raise InputError(msg)
    folder = Path(output) / "twin"
    if not (folder / "twin.json").exists():
        words = [f"path={path}"] if path else []
        build_twin(folder, *words, "pictures=false", fresh=False)
    twin, recipe = load_twin(folder), kept_recipe(folder)
    full = twin.states["end_diastole"]
    fitted = Loads(
        cavity_pressure=full.cavity_pressure,
        active_tension=twin.parameters["contractility"].value,
        passive_scale=twin.parameters["passive_scale"].value,
        passive_exponent=twin.parameters["passive_exponent"].value,
    )
    wall = recipe.wall(twin.mesh)
    unloaded = wall.unload(replace(fitted, active_tension=0.0))
    model = ParametricWall(wall, unloaded, REGIONS[regions])
    return model, range_about(model, fitted, twin.states["end_systole"].cavity_volume)


def sampled(
    model: ParametricWall, span: ParameterRange, count: int, seed: int, output: str
) -> Walk:
    """Return a walk through a scrambled Sobol sequence, kept in the output folder."""

    def tell(number: int, _: Any, seconds: float) -> None:
        if number % 8 == 0:
            print(f"seed {seed}: {number} of {count}, {seconds:.1f} s", flush=True)

    twin = (Path(output) / "twin" / "twin.json").read_bytes()
    mark = fingerprint(span, count, seed, sha256_of(twin))
    stages = Stages(Path(output) / "walks", mark)
    found: Walk = stages.run(
        f"walk_{seed}_{count}",
        Walk,
        lambda: walk(model, span, *span.sample(count, seed), tell=tell),
    )
    return found


def trained(
    model: ParametricWall,
    span: ParameterRange,
    count: int,
    *,
    seed: int,
    options: Reduction,
    output: str,
) -> tuple[Walk, ReducedHeart, float]:
    """Return the training walk, the reduced heart, and the CPU seconds of both."""
    walked = sampled(model, span, count, seed, output)
    began = time.process_time()
    heart = train(model, span, walked, options)
    return walked, heart, sum(walked.seconds) + walked.changes_s + time.process_time() - began
