"""What can be retrieved: the models by name.

Each basis is the signal of `cardiotwin.imaging.signal` taken apart into its linear parts. Where
they are sought: relaxation times from below the shortest echo to fluids, D and D* on either side
of 5e-3 mm^2/s, which no tissue's diffusion at 37 degrees exceeds (water: 3e-3 mm^2/s).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cardiotwin.imaging.retrieval.separable import TINY, Nonlinear, SeparableModel
from cardiotwin.imaging.signal import GAMMA, HAMILTON_2011, molli_t1, turned

T1 = Nonlinear(name="t1", lowest=0.02, highest=6.0, n_grid=40)
T2 = Nonlinear(name="t2", lowest=2e-3, highest=2.0, n_grid=40)
T2_STAR = Nonlinear(name="t2_star", lowest=2e-4, highest=1.0, n_grid=40)
SPLIT = 5e-9  # m^2/s, between diffusion and pseudo-diffusion
D = Nonlinear(name="d", lowest=0.05e-9, highest=SPLIT, n_grid=16)
D_STAR = Nonlinear(name="d_star", lowest=SPLIT, highest=500e-9, n_grid=16)


def _decay(time: Tensor, constant: Tensor) -> Tensor:
    return torch.exp(-time / constant)


def _one_and(shape: Tensor) -> tuple[Tensor, ...]:
    return torch.ones_like(shape), shape


def _decay_slope(time: Tensor, constant: Tensor, decay: Tensor) -> Tensor:
    """Return the derivative of a decay exp(-time/constant) with respect to the constant."""
    shape: Tensor = time / constant**2 * decay
    return shape.nan_to_num() if torch.isinf(time).any() else shape  # an infinite time: no slope


def _recovery(name: str) -> SeparableModel:
    """Return a + b exp(-time/T1): inversion or saturation of unknown efficiency."""
    return SeparableModel(
        nonlinear=(T1,),
        n_linear=2,
        basis=lambda t1, **times: _one_and(_decay(times[name], t1)),
        derivatives=lambda basis, t1, **times: ((None, _decay_slope(times[name], t1, basis[1])),),
        report=lambda t1, c0, c1: {"t1": t1, "m0": c0, "efficiency": -c1 / c0},
        units={"t1": "s", "m0": "signal", "efficiency": "1"},
        admissible=lambda found: (found["m0"] > 0) & (found["efficiency"] > 0),
        acquisition=(name,),
    )


MOLLI = SeparableModel(
    nonlinear=(T1,),
    n_linear=2,
    basis=lambda t1, inversion_time: _one_and(_decay(inversion_time, t1)),
    derivatives=lambda basis, t1, inversion_time: (
        (None, _decay_slope(inversion_time, t1, basis[1])),
    ),
    report=lambda t1, c0, c1: {
        "t1": molli_t1(c0, -c1, t1),
        "t1_apparent": t1,
        "a": c0,
        "b": -c1,
    },
    units={"t1": "s", "t1_apparent": "s", "a": "signal", "b": "signal"},
    admissible=lambda found: (found["a"] > 0) & (found["b"] > found["a"]),
    acquisition=("inversion_time",),
)

SASHA_2 = SeparableModel(  # saturation is perfect: less variance, a small bias where it is not
    nonlinear=(T1,),
    n_linear=1,
    basis=lambda t1, saturation_time: (-torch.expm1(-saturation_time / t1),),
    derivatives=lambda basis, t1, saturation_time: (
        (-_decay_slope(saturation_time, t1, 1 - basis[0]),),
    ),
    report=lambda t1, c0: {"t1": t1, "m0": c0},
    units={"t1": "s", "m0": "signal"},
    admissible=lambda found: found["m0"] > 0,
    acquisition=("saturation_time",),
)


def _transverse(constant: Nonlinear, time: str, *, offset: bool) -> SeparableModel:
    """Return m0 exp(-time/constant), with an offset where asked."""
    key = constant.name

    def basis(**given: Tensor) -> tuple[Tensor, ...]:
        shape = _decay(given[time], given[key])
        return (shape, torch.ones_like(shape)) if offset else (shape,)

    def derivatives(
        columns: tuple[Tensor, ...], **given: Tensor
    ) -> tuple[tuple[Tensor | None, ...], ...]:
        slope = _decay_slope(given[time], given[key], columns[0])
        return ((slope, None) if offset else (slope,),)

    def report(**found: Tensor) -> dict[str, Tensor]:
        extra = {"offset": found["c1"]} if offset else {}
        return {key: found[key], "m0": found["c0"], **extra}

    return SeparableModel(
        nonlinear=(constant,),
        n_linear=2 if offset else 1,
        basis=basis,
        derivatives=derivatives,
        report=report,
        units={key: "s", "m0": "signal", **({"offset": "signal"} if offset else {})},
        admissible=lambda found: found["m0"] > 0,
        acquisition=(time,),
    )


def _ivim_report(d: Tensor, d_star: Tensor, c0: Tensor, c1: Tensor) -> dict[str, Tensor]:
    return {"d": d, "d_star": d_star, "f": c1 / (c0 + c1), "m0": c0 + c1}


IVIM = SeparableModel(
    nonlinear=(D, D_STAR),
    n_linear=2,
    basis=lambda d, d_star, b_values: (torch.exp(-b_values * d), torch.exp(-b_values * d_star)),
    derivatives=lambda basis, d, d_star, b_values: (  # noqa: ARG005 - the columns tell them
        (-b_values * basis[0], None),
        (None, -b_values * basis[1]),
    ),
    report=_ivim_report,
    units={"d": "m^2/s", "d_star": "m^2/s", "f": "1", "m0": "signal"},
    admissible=lambda found: (found["m0"] > 0) & (found["f"] >= 0) & (found["f"] <= 1),
    acquisition=("b_values",),
)


def _spacing(acquisition: Mapping[str, Any]) -> float:
    """Return the shortest time between two echoes, s; 1 where there are none to take it from."""
    times = np.unique(np.asarray(acquisition.get("echo_time", (0.0, 1.0)), dtype=float))
    return float(np.diff(times).min()) if len(times) > 1 else 1.0


def _off_resonance(acquisition: Mapping[str, Any]) -> Nonlinear:
    """Return the off-resonance within what echoes of this spacing tell apart, |df| < 1/(2 dTE)."""
    reach = 0.5 / _spacing(acquisition)
    return Nonlinear(
        name="off_resonance", lowest=-reach, highest=reach, n_grid=48, logarithmic=False
    )


def _turning(off_resonance: Tensor, t2_star: Tensor, echo_time: Tensor) -> Tensor:
    return turned(off_resonance, echo_time) * _decay(echo_time, t2_star)


def _length(real: Tensor, imaginary: Tensor) -> Tensor:
    return torch.sqrt(real**2 + imaginary**2 + TINY)  # with a slope where it is zero


def _field_map(acquisition: Mapping[str, Any]) -> SeparableModel:
    """Return m0 exp(i (2 pi df TE + phase) - TE/T2*), with a complex m0."""

    def basis(off_resonance: Tensor, t2_star: Tensor, echo_time: Tensor) -> tuple[Tensor, ...]:
        signal = _turning(off_resonance, t2_star, echo_time)
        return signal, 1j * signal

    return SeparableModel(
        nonlinear=(_off_resonance(acquisition), replace(T2_STAR, n_grid=6)),
        n_linear=2,
        basis=basis,
        report=lambda off_resonance, t2_star, c0, c1: {
            "off_resonance": off_resonance,
            "t2_star": t2_star,
            "m0": _length(c0, c1),
            "phase": torch.atan2(c1, c0),
        },
        units={"off_resonance": "Hz", "t2_star": "s", "m0": "signal", "phase": "rad"},
        admissible=lambda found: found["m0"] > 0,
        acquisition=("echo_time",),
        complex_signal=True,
    )


def _water_fat(acquisition: Mapping[str, Any]) -> SeparableModel:
    """Return water and fat of one field and one decay, with the peaks of Hamilton et al. (2011).

    Where water and fat could be exchanged, with a field that differs by their shift, a voxel whose
    residual does not tell is marked as not identified.
    """
    shift = GAMMA / (2 * np.pi) * 3.4e-6 * float(acquisition.get("field_strength", 1.5))
    field = _off_resonance(acquisition)

    def basis(
        off_resonance: Tensor, t2_star: Tensor, echo_time: Tensor, field_strength: float
    ) -> tuple[Tensor, ...]:
        water = _turning(off_resonance, t2_star, echo_time)
        fat = water * HAMILTON_2011.modulation(echo_time, field_strength)
        return water, 1j * water, fat, 1j * fat

    def report(**found: Tensor) -> dict[str, Tensor]:
        water, fat = _length(found["c0"], found["c1"]), _length(found["c2"], found["c3"])
        return {
            "fat_fraction": fat / (water + fat),
            "water": water,
            "fat": fat,
            "off_resonance": found["off_resonance"],
            "t2_star": found["t2_star"],
        }

    return SeparableModel(
        nonlinear=(field, replace(T2_STAR, n_grid=6)),
        n_linear=4,
        basis=basis,
        report=report,
        units={
            "fat_fraction": "1",
            "water": "signal",
            "fat": "signal",
            "off_resonance": "Hz",
            "t2_star": "s",
        },
        admissible=lambda found: found["water"] + found["fat"] > 0,
        acquisition=("echo_time",),
        settings=("field_strength",),
        rival=min(0.4 * shift / (field.highest - field.lowest), 0.3),
        complex_signal=True,
    )


MODELS: Mapping[str, SeparableModel | Callable[[Mapping[str, Any]], SeparableModel]] = {
    "field_map": _field_map,
    "water_fat": _water_fat,
    "inversion_recovery": _recovery("inversion_time"),
    "molli": MOLLI,
    "sasha": _recovery("saturation_time"),
    "sasha_2": SASHA_2,
    "t2": _transverse(T2, "echo_time", offset=False),
    "t2_prepared": _transverse(T2, "preparation_time", offset=False),
    "t2_prepared_offset": _transverse(T2, "preparation_time", offset=True),
    "t2_star": _transverse(T2_STAR, "echo_time", offset=False),
    "t2_star_offset": _transverse(T2_STAR, "echo_time", offset=True),
    "ivim": IVIM,
}

__all__ = ["MODELS"]
