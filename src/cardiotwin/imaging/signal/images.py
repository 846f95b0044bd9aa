"""The images of a whole series by its contrast's name, from tables of tissues in numpy."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from cardiotwin.errors import InputError
from cardiotwin.imaging.signal.chemical_shift import HAMILTON_2011
from cardiotwin.imaging.signal.decay import multi_echo, t2_prepared
from cardiotwin.imaging.signal.diffusion import ivim
from cardiotwin.imaging.signal.recovery import molli_acquisition, saturation_recovery

Tissue = Mapping[str, Tensor]


def _molli(tissue: Tissue, **given: Any) -> Tensor:
    return molli_acquisition(tissue["t1"], tissue["t2"], m0=tissue["proton_density"], **given)


def _sasha(tissue: Tissue, *, saturation_time: Tensor) -> Tensor:
    m0 = _column(tissue, "proton_density")
    return saturation_recovery(_column(tissue, "t1"), saturation_time=saturation_time, m0=m0)


def _t2_prepared(tissue: Tissue, *, preparation_time: Tensor) -> Tensor:
    m0 = _column(tissue, "proton_density")
    return t2_prepared(_column(tissue, "t2"), preparation_time=preparation_time, m0=m0)


def _water_fat(tissue: Tissue, *, echo_time: Tensor, field_strength: float) -> Tensor:
    m0, fat = _column(tissue, "proton_density"), _column(tissue, "fat")
    decayed = multi_echo(_column(tissue, "t2_star"), echo_time=echo_time, m0=m0)
    return decayed * ((1 - fat) + fat * HAMILTON_2011.modulation(echo_time, field_strength))


def _ivim(tissue: Tissue, *, b_values: Tensor) -> Tensor:
    d, d_star, f = (_column(tissue, name) for name in ("d", "d_star", "f"))
    return ivim(d, d_star, f, b_values=b_values, m0=_column(tissue, "proton_density"))


IMAGES: Mapping[str, Callable[..., Tensor]] = {
    "molli": _molli,
    "sasha": _sasha,
    "t2_prepared": _t2_prepared,
    "water_fat": _water_fat,
    "ivim": _ivim,
}


def series_images(
    contrast: str, tissue: Mapping[str, Float[np.ndarray, " tissues"]], **acquisition: Any
) -> Complex[np.ndarray, "tissues images"]:
    """Return what each tissue gives to each image, on resonance.

    Parameters
    ----------
    contrast
        molli, sasha, t2_prepared, water_fat or ivim.
    tissue
        `proton_density`, `t1`, `t2`, `t2_star`, s, `d`, `d_star`, m^2/s, `f`, `fat` (fraction of
        fat), as the contrast needs them.
    acquisition
        As the contrast's signal takes it: arrays with one value per image, or settings.

    Raises
    ------
    InputError
        If there is no such contrast.
    """
    if contrast not in IMAGES:
        msg = f"There is no contrast {contrast!r}. The contrasts are {', '.join(IMAGES)}."
        raise InputError(msg)
    rows = {name: torch.from_numpy(np.asarray(row)) for name, row in tissue.items()}
    given = {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for name, value in acquisition.items()
    }
    return np.asarray(IMAGES[contrast](rows, **given).to(torch.complex128).numpy())


def _column(tissue: Tissue, name: str) -> Tensor:
    return tissue[name][:, None]


__all__ = ["IMAGES", "series_images"]
