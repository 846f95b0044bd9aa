"""Tracer-kinetic models of tissue: what each does to an input, and what its parameters mean.

Sourbron & Buckley (2013), NMR Biomed 26:1004-1027, names and equations; Patlak et al. (1983),
J Cereb Blood Flow Metab 3:1-7; Tofts et al. (1999), JMRI 10:223-232. Every model is a sum of
columns, each an impulse response that is 1 (or a spike) at t = 0, times a coefficient. Flows and
permeability-surface products are per volume of tissue, 1/s (times 60: mL/min/mL), volumes are
fractions of tissue; `mbf` is of blood and per mass, m^3/(s kg).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cardiotwin.errors import InputError
from cardiotwin.imaging.retrieval import Nonlinear
from cardiotwin.perfusion.kinetics.convolution import Response
from cardiotwin.perfusion.kinetics.responses import (
    capillary,
    fermi,
    trapping,
    vascular,
    washout,
)

type Values = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One part of a model's curve: a response with its parameters, by name there and here."""

    response: Response
    parameters: Mapping[str, str]

    @property
    def exponential(self) -> str | None:
        """Return the name of the rate of a well-mixed compartment; None of another response."""
        return self.parameters["rate"] if self.response is washout else None


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A simpler model that a model becomes at an edge of what physics allows.

    Parameters
    ----------
    model
        Its name.
    values
        By our parameter, the limit's parameter that gives it; what is absent is not told there.
    zeros
        Parameters of ours that are 0 there.
    """

    model: str
    values: Mapping[str, str]
    zeros: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Kinetics:
    """A model of tissue.

    Parameters
    ----------
    name
        As the caller writes it.
    nonlinear
        The parameters of its responses, and where they are sought.
    columns
        One per coefficient.
    report
        Takes the nonlinear parameters by name and the coefficients c0, c1, ...; returns the
        physiological parameters.
    prepare
        Takes the physiological parameters; returns nonlinear ones and coefficients, by name.
    units
        Of the physiological parameters, without `mbf`, which follows from `fp`.
    limits
        What it may become where its best values are not physical.
    kept
        Values that are still told where a nonlinear parameter runs to the edge of its box.
    """

    name: str
    nonlinear: tuple[Nonlinear, ...]
    columns: tuple[Column, ...]
    report: Callable[..., Values]
    prepare: Callable[..., Values]
    units: Mapping[str, str]
    limits: tuple[Limit, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def has_flow(self) -> bool:
        """Return whether the model tells flow from permeability."""
        return "fp" in self.units


SLOWEST, FASTEST = 1e-4, 30.0  # 1/s, of a compartment: hours, and a tenth of a heart beat
VASCULAR = Column(response=vascular, parameters={})
TRAPPING = Column(response=trapping, parameters={})


def _rate(name: str) -> Nonlinear:
    return Nonlinear(name=name, lowest=SLOWEST, highest=FASTEST, n_grid=32)


def _washout(name: str) -> Column:
    return Column(response=washout, parameters={"rate": name})


ONE_COMPARTMENT = Kinetics(
    name="one_compartment",
    nonlinear=(_rate("k"),),
    columns=(_washout("k"),),
    report=lambda k, c0: {"fp": c0, "v": c0 / k},
    prepare=lambda fp, v: {"k": fp / v, "c0": fp},
    units={"fp": "1/s", "v": "1"},
)

TOFTS = Kinetics(
    name="tofts",
    nonlinear=(_rate("k"),),
    columns=(_washout("k"),),
    report=lambda k, c0: {"ktrans": c0, "ve": c0 / k},
    prepare=lambda ktrans, ve: {"k": ktrans / ve, "c0": ktrans},
    units={"ktrans": "1/s", "ve": "1"},
)

EXTENDED_TOFTS = Kinetics(
    name="extended_tofts",
    nonlinear=(_rate("k"),),
    columns=(VASCULAR, _washout("k")),
    report=lambda k, c0, c1: {"ktrans": c1, "ve": c1 / k, "vp": c0},
    prepare=lambda ktrans, ve, vp: {"k": ktrans / ve, "c0": vp, "c1": ktrans},
    units={"ktrans": "1/s", "ve": "1", "vp": "1"},
    limits=(
        Limit(model="tofts", values={"ktrans": "ktrans", "ve": "ve"}, zeros=("vp",)),
        Limit(model="patlak", values={"ktrans": "ktrans", "vp": "vp"}),
    ),
)

PATLAK = Kinetics(
    name="patlak",
    nonlinear=(),
    columns=(VASCULAR, TRAPPING),
    report=lambda c0, c1: {"ktrans": c1, "vp": c0},
    prepare=lambda ktrans, vp: {"c0": vp, "c1": ktrans},
    units={"ktrans": "1/s", "vp": "1"},
)


def _uptake(k: Tensor, c0: Tensor, c1: Tensor) -> Values:
    fp = c0 + c1
    return {"fp": fp, "ps": c1 * fp / c0, "vp": fp**2 / (c0 * k)}


def _prepare_uptake(fp: Tensor, ps: Tensor, vp: Tensor) -> Values:
    extraction = ps / (ps + fp)
    return {"k": (fp + ps) / vp, "c0": fp * (1 - extraction), "c1": fp * extraction}


UPTAKE = Kinetics(
    name="2cum",
    nonlinear=(_rate("k"),),
    columns=(_washout("k"), TRAPPING),
    report=_uptake,
    prepare=_prepare_uptake,
    units={"fp": "1/s", "ps": "1/s", "vp": "1"},
    limits=(
        Limit(model="one_compartment", values={"fp": "fp", "vp": "v"}, zeros=("ps",)),
        Limit(model="patlak", values={"ps": "ktrans", "vp": "vp"}),
    ),
)


def _exchange(k_plus: Tensor, k_minus: Tensor, c0: Tensor, c1: Tensor) -> Values:
    """Return what two exponentials mean, the faster one's coefficient first."""
    fp = c0 + c1
    out = k_plus - (c1 / fp) * (k_plus - k_minus)  # 1/Tb
    back = k_plus * k_minus / out  # 1/Te
    ps = fp * ((k_plus + k_minus - back) / out - 1)
    return {"fp": fp, "ps": ps, "vp": fp / out, "ve": ps / back}


def _prepare_exchange(fp: Tensor, ps: Tensor, vp: Tensor, ve: Tensor) -> Values:
    out, back = fp / vp, ps / ve
    total = (fp + ps) / vp + back
    # The discriminant as a sum of squares: no cancellation where the rates meet.
    root = torch.sqrt((out - back) ** 2 + (ps / vp) * (total + out + back))
    k_plus = (total + root) / 2
    k_minus = out * back / k_plus
    share = (k_plus - out) / root
    return {"k_plus": k_plus, "k_minus": k_minus, "c0": fp * (1 - share), "c1": fp * share}


EXCHANGE = Kinetics(
    name="2cxm",
    nonlinear=(_rate("k_plus"), _rate("k_minus")),
    columns=(_washout("k_plus"), _washout("k_minus")),
    report=_exchange,
    prepare=_prepare_exchange,
    units={"fp": "1/s", "ps": "1/s", "vp": "1", "ve": "1"},
    limits=(
        Limit(model="2cum", values={"fp": "fp", "ps": "ps", "vp": "vp"}),
        Limit(model="extended_tofts", values={"ps": "ktrans", "ve": "ve", "vp": "vp"}),
        # Of one compartment nobody can say whether it is all plasma or in fast exchange.
        Limit(model="one_compartment", values={"fp": "fp"}),
    ),
)

FERMI = Kinetics(
    name="fermi",
    nonlinear=(
        Nonlinear(name="width", lowest=0.0, highest=30.0, n_grid=12, logarithmic=False),
        Nonlinear(name="decay", lowest=0.1, highest=100.0, n_grid=12),
    ),
    columns=(Column(response=fermi, parameters={"width": "width", "decay": "decay"}),),
    report=lambda width, decay, c0: {"fp": c0, "width": width, "decay": decay},
    prepare=lambda fp, width, decay: {"width": width, "decay": decay, "c0": fp},
    units={"fp": "1/s", "width": "s", "decay": "s"},
    kept=("fp", "mbf"),
)


def _distributed(transit: Tensor, leak: Tensor, back: Tensor, c0: Tensor) -> Values:
    return {"fp": c0, "ps": c0 * leak, "vp": c0 * transit, "ve": c0 * leak / back}


def _prepare_distributed(fp: Tensor, ps: Tensor, vp: Tensor, ve: Tensor) -> Values:
    return {"transit": vp / fp, "leak": ps / fp, "back": ps / ve, "c0": fp}


DISTRIBUTED = Kinetics(
    name="btex",
    nonlinear=(
        Nonlinear(name="transit", lowest=0.1, highest=60.0, n_grid=9),
        Nonlinear(name="leak", lowest=0.01, highest=20.0, n_grid=9),
        Nonlinear(name="back", lowest=1e-3, highest=1.0, n_grid=8),
    ),
    columns=(
        Column(
            response=capillary, parameters={"transit": "transit", "leak": "leak", "back": "back"}
        ),
    ),
    report=_distributed,
    prepare=_prepare_distributed,
    units={"fp": "1/s", "ps": "1/s", "vp": "1", "ve": "1"},
    kept=("fp", "mbf"),
)

KINETICS = {
    model.name: model
    for model in (
        ONE_COMPARTMENT, TOFTS, EXTENDED_TOFTS, PATLAK, UPTAKE, EXCHANGE, FERMI, DISTRIBUTED,
    )
}  # fmt: skip


def kinetics(name: str) -> Kinetics:
    """Return a model by its name."""
    if name not in KINETICS:
        msg = f"There is no kinetic model {name!r}. The models are {', '.join(KINETICS)}."
        raise InputError(msg)
    return KINETICS[name]


__all__ = ["KINETICS", "Column", "Kinetics", "Limit", "kinetics"]
