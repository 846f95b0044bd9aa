"""The ledger of a finished run: what its examination tells of each parameter, and what to add."""

import json
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cardiotwin.errors import InputError
from cardiotwin.fitting.acquisitions import ACQUISITIONS, fisher_of, hypothetical
from cardiotwin.fitting.examined import twin_priors
from cardiotwin.fitting.hamiltonian import Sampling
from cardiotwin.fitting.joint import Posterior
from cardiotwin.fitting.ledger import Ledger, make_ledger, realised_bits
from cardiotwin.fitting.observations import ASSUMED
from cardiotwin.run.examined import AGREED, Examined, examined
from cardiotwin.run.recipe import kept_recipe
from cardiotwin.run.reduced import Offline, ReducedRun
from cardiotwin.twin import load_twin
from cardiotwin.viz.ledger import draw_ledger, ledger_table

HEARTS = 256  # over which what a scan will tell is averaged
_LOG = logging.getLogger(__name__)


def ledger_of_run(run: Path, folder: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page of a finished run's ledger, its table printed and its picture drawn.

    Raises
    ------
    InputError
        If an option has no meaning, or the run's twin cannot be reduced.
    """
    for name, least in (("states", 24), ("confirm", 0), ("reach", 0.5)):
        if options[name] < least:
            msg = f"{name} must be at least {least}, found {options[name]}. Give a larger number."
            raise InputError(msg)
    record, recipe = load_twin(run), kept_recipe(run)
    stage = ReducedRun(
        run, record, recipe, Offline(states=options["states"], reach=options["reach"])
    )
    rng = np.random.default_rng(options["seed"])
    sampling = Sampling(seed=options["seed"])
    done = examined(
        stage,
        recipe.priors,
        sampling,
        draws=options["confirm"],
        rng=rng,
        motion=options["motion"],
    )
    predicted, realised = ledgers(done, recipe.priors, rng)
    print(ledger_table(predicted))  # noqa: T201 - the command's answer
    for flag in done.found.flags:
        _LOG.warning("%s: %s", flag.name, flag.sentence)
    draw_ledger(predicted, realised, folder / "information.png")
    page = ledger_page(predicted, realised, done)
    (folder / "posterior.json").write_text(json.dumps(posterior_page(done), indent=2) + "\n")
    return page


def ledgers(done: Examined, believed: Any, rng: np.random.Generator) -> tuple[Ledger, Ledger]:
    """Return the ledger over hearts that were believed before, and over those that are left."""
    whole = done.whole
    priors = twin_priors(whole, believed)
    made = [each.acquisition for each in done.measurements if each.acquisition != ASSUMED]
    performed = list(dict.fromkeys(made))
    others = {name: each for name, each in ACQUISITIONS.items() if name not in performed}
    left = done.found.x[rng.choice(len(done.found.x), HEARTS)]
    heart = np.array([done.found.mode.get(n, np.mean(e)) for n, e in whole.span.items()])
    would = hypothetical(others, whole.predict(heart[None]), partial(whole.error, at=heart))
    data = [*done.measurements, *would]
    sought = tuple(name for name in whole.names if not name.endswith("_volume"))
    minutes = {name: each.minutes for name, each in ACQUISITIONS.items()}
    found = []
    for draws in (rng.standard_normal((HEARTS, len(whole.names))), _wider(done, left, rng)):
        fisher = fisher_of(whole, priors, data, draws, sought=sought)
        found.append(make_ledger(fisher, {**dict.fromkeys(performed, 1.0), **minutes}, performed))
    return found[0], found[1]


def _wider(done: Examined, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return draws with the states that were not measured, as they were believed."""
    column = {name: x[:, k] for k, name in enumerate(done.twin.names)}
    nothing = {name: rng.standard_normal(len(x)) for name in done.whole.names}
    return np.stack([column.get(name, nothing[name]) for name in done.whole.names], axis=1)


def ledger_page(predicted: Ledger, realised: Ledger, done: Examined) -> dict[str, Any]:
    """Return the ledger for machines: bits by acquisition and parameter."""
    return {
        "joint_bits": predicted.joint,
        "joint_bits_at_this_heart": realised.joint,
        "divergence_bits": realised_bits(done.found.x),
        "assumed_bits": predicted.assumed,
        "best_next": predicted.best_next,
        "bits": {entry.acquisition: dict(entry.parameters) for entry in predicted.entries},
        "parameter_bits": dict(predicted.parameters),
        "parameter_bits_at_this_heart": dict(realised.parameters),
        "acquisitions": {
            entry.acquisition: {
                "performed": entry.performed,
                "minutes": entry.minutes,
                "alone_bits": entry.alone,
                "given_before_bits": entry.given_before,
                "given_all_bits": entry.given_all,
                "given_all_bits_at_this_heart": here.given_all,
                "bits_per_minute": entry.per_minute,
            }
            for entry, here in zip(predicted.entries, realised.entries, strict=True)
        },
        "flags": [vars_of(flag) for flag in done.found.flags],
    }


def vars_of(flag: Any) -> dict[str, str]:
    """Return a flag for machines."""
    return {"name": flag.name, "sentence": flag.sentence}


def posterior_page(done: Examined) -> dict[str, Any]:
    """Return the posterior for machines, with what the full model says of it."""
    found: Posterior = done.found
    page: dict[str, Any] = {
        "parameters": {
            name: {
                "unit": found.units[name],
                "prior": done.priors[name].source,
                "mode": found.mode[name],
                "mean": found.mean[name],
                "sd": found.sd[name],
                "laplace_sd": found.laplace_sd[name],
                "interval_90": found.interval(name),
                "rhat": found.diagnosis[name].rhat,
                "effective": found.diagnosis[name].effective,
                "effective_tail": found.diagnosis[name].effective_tail,
            }
            for name in found.names
        },
        "correlation": found.correlation.tolist(),
        "modes": [{"weight": mode.weight, "starts": mode.starts} for mode in found.modes],
        "measurements": {
            name: {
                "measured": one.measured.tolist(),
                "predicted": one.predicted.tolist(),
                "sd": one.sd.tolist(),
                "conflict_probability": one.probability,
            }
            for name, one in found.fit.items()
        },
        "accepted": found.accepted,
        "posterior_cpu_s": found.cpu_s,
        "rounds": done.rounds,
    }
    if done.confirmation is not None:
        page["confirmed"] = {
            "tolerance_sd": AGREED,
            "worst_sd": done.confirmation.worst,
            "by_measurement_sd": done.confirmation.by_measurement,
            "observables": {
                name: {"reduced": one.reduced.tolist(), "full": one.full.tolist()}
                for name, one in done.confirmation.observables.items()
            },
        }
    return page


__all__ = ["ledger_of_run", "ledgers"]
