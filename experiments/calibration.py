"""Whether a posterior's intervals hold what they say: simulation-based calibration.

`python experiments/calibration.py twin=run_folder [hearts=200] [states=64] [reach=1]
[truth=reduced|full] [acquisitions=cine,cuff,echo,tagging] [output=folder]`: hearts are drawn from
the priors, their states are solved by the reduced heart (or by the finite elements) and measured
with each acquisition's noise; each heart's posterior is sampled by the twin's polynomials.
`coverage_percent_NAME` is the share of hearts whose parameter lies in its central 90 % interval,
`laplace_coverage_percent_NAME` that by Laplace, `rank_p_NAME` the chance of as uneven ranks
(chi-square of ten bins; Talts et al. 2018, arXiv:1804.06788). `predicted_bits` and `realised_bits`
are what the acquisitions were expected to tell and what they did, on average over the hearts.
Finished hearts are kept in the folder. With truth=full the reduced heart's error against the
finite elements is taken from `CHECKED` hearts more, which are not counted.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from calibration_numbers import bits, coverage, middle, told
from experiment import run

from cardiotwin.errors import InputError
from cardiotwin.fitting import Measurement, posterior
from cardiotwin.fitting.acquisitions import ACQUISITIONS, Acquisition, hypothetical
from cardiotwin.fitting.confirm import full_observables
from cardiotwin.fitting.examined import twin_priors
from cardiotwin.fitting.hamiltonian import Sampling
from cardiotwin.fitting.priors import Prior, values_at
from cardiotwin.fitting.reduced_twin import ReducedTwin
from cardiotwin.fitting.surfaces import solved
from cardiotwin.run.recipe import kept_recipe
from cardiotwin.run.reduced import SECOND, Offline, ReducedRun, evidence_of
from cardiotwin.twin import load_twin

CHECKED = 6
TRIES = 50  # hearts drawn for each that the reduced heart knows


@dataclass(frozen=True, kw_only=True)
class Options:
    twin: str = ""
    hearts: int = 200
    states: int = 64
    reach: float = 1.0
    truth: str = "reduced"
    acquisitions: str = "cine,cuff,echo,tagging"
    chains: int = 8
    draws: int = 60
    seed: int = 1
    output: str = "outputs/calibration"

    def __post_init__(self) -> None:
        """Refuse what is no run, no truth and no acquisition."""
        if not (Path(self.twin) / "twin.json").is_file():
            msg = f"twin must be a finished run folder, found {self.twin!r}. Run cardiotwin twin."
            raise InputError(msg)
        if self.truth not in {"reduced", "full"}:
            msg = f"truth must be reduced or full, found {self.truth!r}."
            raise InputError(msg)
        strange = sorted(set(self.acquisitions.split(",")) - set(ACQUISITIONS))
        if strange:
            msg = f"acquisitions are {', '.join(ACQUISITIONS)}, found {', '.join(strange)}."
            raise InputError(msg)

    @property
    def chosen(self) -> dict[str, Acquisition]:
        """Return the acquisitions."""
        return {name: ACQUISITIONS[name] for name in self.acquisitions.split(",")}


def calibrate(options: Options) -> Mapping[str, Any]:
    """Draw, measure and fit the hearts, and return how often their intervals hold them."""
    chosen = options.chosen
    folder = Path(options.twin)
    recipe, offline = kept_recipe(folder), Offline(states=options.states, reach=options.reach)
    stage = ReducedRun(folder, load_twin(folder), recipe, offline)
    walked = stage.walked()
    heart, whole = stage.twin(walked, evidence_of(stage.record))
    twin = whole.part(tuple(name for name in whole.states if name != SECOND))
    priors = twin_priors(twin, recipe.priors)
    template = hypothetical(chosen, middle(twin))
    kept = Path(options.output) / "hearts.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    known = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    rngs = [np.random.default_rng([options.seed, k]) for k in range(options.hearts + CHECKED)]
    hearts = [drawn(twin, priors, rng) for rng in rngs]
    every = np.concatenate([values for _, values in hearts])
    truths, error = dict(solved(heart, twin, stage.unloaded, every)), {}
    if options.truth == "full":
        full, _ = full_observables(stage.model, stage.span, twin, walked, every)
        error = missed(twin.predict(every[-CHECKED:]), full)
        truths |= full
    done = {each["number"] for each in known}
    for number in sorted(set(range(options.hearts)) - done):
        (x, values), rng = hearts[number], rngs[number]
        truth = {name: one[[number]] for name, one in truths.items()}
        if not all(np.isfinite(one).all() for one in truth.values()):
            continue  # the full model was not reached
        own = {name: twin.error(name, values[0]) + error.get(name, 0.0) for name in truth}
        data = measured(template, truth, own, rng)
        sampling = Sampling(
            chains=options.chains, warm_up=40, draws=options.draws, starts=4, seed=number
        )
        found = posterior(twin, data, priors, sampling=sampling)
        known.append({"number": number, **told(found, x)})
        with kept.open("a") as file:
            file.write(json.dumps(known[-1]) + "\n")
        if (number + 1) % 10 == 0:
            print(f"{number + 1} of {options.hearts}", flush=True)
    return {**coverage(twin, known), **bits(twin, priors, known, chosen)}


def missed(
    reduced: Mapping[str, np.ndarray], full: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the covariance of what the reduced twin misses of the full model."""
    found = {}
    for name, one in full.items():
        apart = (reduced[name] - one[-CHECKED:])[np.isfinite(one[-CHECKED:]).all(axis=1)]
        found[name] = apart.T @ apart / max(len(apart), 1)
    return found


def drawn(
    twin: ReducedTwin, priors: Mapping[str, Prior], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard numbers and the parameters of a heart that the twin knows."""
    laws = {name: priors[name] for name in twin.names}
    for _ in range(TRIES):
        x = rng.standard_normal((1, len(laws)))
        values = values_at(laws, x)
        if all(np.isfinite(each).all() for each in twin.predict(values).values()):
            return x[0], values
    msg = f"The twin knows none of {TRIES} hearts of its priors. Train it in a larger range."
    raise InputError(msg)


def measured(
    template: list[Measurement],
    truth: Mapping[str, np.ndarray],
    error: Mapping[str, np.ndarray],
    rng: np.random.Generator,
) -> list[Measurement]:
    """Return a heart's measurements with their noise, and the model's error."""
    found = []
    for each in template:
        value = rng.multivariate_normal(truth[each.observable][0], each.covariance)
        fields = {item.name: getattr(each, item.name) for item in dataclasses.fields(each)}
        found.append(
            Measurement(**{**fields, "value": value, "model_error": error[each.observable]})
        )
    return found


if __name__ == "__main__":
    run(Options, calibrate)
