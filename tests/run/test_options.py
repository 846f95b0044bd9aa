import math
from dataclasses import dataclass, field

import pytest
from omegaconf import OmegaConf

from cardiotwin.exam.volunteer import Volunteer
from cardiotwin.fitting.priors import LogNormal
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.material import Guccione, HolzapfelOgden, NeoHookean, Usyk
from cardiotwin.mechanics.springs import Springs
from cardiotwin.run.application import compose, configs, help_page, plain
from cardiotwin.run.main import JOBS
from cardiotwin.run.mistakes import option_names
from cardiotwin.run.schema import build, described, schema

BENCHMARK = HolzapfelOgden(switch="logistic", kappa_f=0.1)


@pytest.mark.parametrize(
    ("key", "model"),
    [
        ("volunteer", Volunteer()),
        ("template", Template()),
        ("fibres", FibreAngles()),
        ("material", HolzapfelOgden()),
        ("springs", Springs()),
        ("activation", Activation()),
        ("discretisation", Discretisation()),
    ],
)
def test_untouched_options_are_the_model_s_own_defaults(key, model):
    assert build(plain(compose("twin"))[key]) == model


@pytest.mark.parametrize(
    ("words", "law"),
    [
        (["material=guccione", "material.c=900"], Guccione(c=900.0)),
        (["material=usyk", "material.isochoric=false"], Usyk(isochoric=False)),
        (["material=neo_hookean", "material.mu=3e3"], NeoHookean(mu=3e3)),
        (["material.switch=logistic", "material.kappa_f=0.1"], BENCHMARK),
    ],
)
def test_a_group_exchanges_the_law_and_an_option_its_number(words, law):
    assert build(plain(compose("twin", words))["material"]) == law


def test_a_number_deep_in_a_model_can_be_set_and_keeps_its_neighbours():
    options = plain(compose("twin", ["volunteer.template.rings=6", "volunteer.shape.wall=0.01"]))
    recipe = build(options["volunteer"])
    assert recipe.template == Template(rings=6, layers=Volunteer().template.layers)
    assert recipe.shape.wall == 0.01


def test_angles_may_be_given_in_degrees():
    options = plain(compose("twin", ["fibres.endo=${degrees:70}"]))
    assert build(options["fibres"]).endo == math.radians(70)


def test_priors_are_models_too():
    prior = build(
        plain(compose("twin", ["fit.passive.prior.scale.sd=0.25"]))["fit"]["passive"]["prior"][
            "scale"
        ]
    )
    assert isinstance(prior, LogNormal)
    assert prior.sd == 0.25


@pytest.mark.parametrize("choice", ["as_read", "volunteer"])
def test_subject_is_a_group(choice):
    assert plain(compose("twin", [f"subject={choice}"]))["subject"]["built_in"] == (
        choice == "volunteer"
    )


@pytest.mark.parametrize("job", list(JOBS))
def test_the_page_of_a_job_says_of_every_option_what_it_is(job):
    page = help_page(job, [])
    config = compose(job)
    for name in option_names(config):
        key = name.rpartition(".")[2]
        assert f" {key}:" in page
        if "." not in name:
            kind = OmegaConf.get_type(config)
            known = {k: v for parent in kind.__mro__[:-1] for k, v in described(parent).items()}
            assert known[key], f"{job} does not say what {key} is"


def test_the_page_shows_the_values_that_would_run():
    assert "rings: 5 " in help_page("twin", ["template.rings=5"])


def test_configs_are_found_and_hold_every_job():
    assert {path.stem for path in configs().glob("*.yaml")} >= set(JOBS)


@dataclass(frozen=True, kw_only=True)
class Inner:
    """Inside.

    Parameters
    ----------
    sizes
        Lengths, m,
        on two lines.

    Notes
    -----
    Nothing.
    """

    sizes: tuple[float, ...] = (1.0, 2.0)


@dataclass(frozen=True, kw_only=True)
class Outer:
    """Outside.

    Parameters
    ----------
    inner, count
        Both.
    """

    count: int
    name: str | None = None
    inner: Inner = field(default_factory=lambda: Inner(sizes=(3.0,)))


def test_a_schema_keeps_nested_defaults_and_tuples_and_asks_for_what_has_none():
    config = OmegaConf.structured(schema(Outer))
    assert OmegaConf.is_missing(config, "count")
    config.count = 4
    built = build(OmegaConf.to_container(config))
    assert built == Outer(count=4)
    assert described(Inner) == {"sizes": "Lengths, m, on two lines."}
    assert described(Outer) == {"inner": "Both.", "count": "Both."}
