"""Blood flow of the wall from one slice's first pass: map with uncertainty, curves, film.

`python experiments/first_pass.py [path=perf_data.mat] [models=a,b] [film=yes|no] [output=folder]`.
The file holds `data` (rows x columns x frames, mM), `aif` (whole blood, mM), `deltaT` (s) and
`HCT`, as QPerf's example has them; by default it is that of the published data beside the project.
The wall is found from the curves, each voxel is fitted by each model with a delay of its own, and
Akaike's criterion chooses. Writes maps.png, curves.png, first_pass.mp4 and flow.npz.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from experiment import run
from scipy.io import loadmat

from cardiotwin.errors import InputError
from cardiotwin.perfusion import fit_kinetics
from cardiotwin.perfusion.fitting_comparison import choose_model, permeability_untold
from cardiotwin.perfusion.wall import find_wall
from cardiotwin.viz.first_pass import ML_MIN_G, draw_curves, draw_maps, film_first_pass

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DELAY = (-1.0, 4.0)  # s, from the left ventricle's blood to the wall
SECTORS = 6


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = str(DATA / "perfusion" / "first_pass_rest" / "perf_data.mat")
    models: str = "one_compartment,2cum,2cxm"
    film: str = "yes"
    output: str = "outputs/first_pass"


def read(path: Path) -> tuple[Any, Any, Any, float]:
    """Return times, s, concentrations and input, mM, without their baseline, and haematocrit."""
    if not path.is_file():
        msg = f"No file {path}. Give path=, a MATLAB file with data, aif, deltaT and HCT."
        raise InputError(msg)
    found = loadmat(path)
    missing = {"data", "aif", "deltaT", "HCT"}.difference(found)
    if missing:
        msg = f"{path.name} lacks {', '.join(sorted(missing))}. Give concentrations in mM."
        raise InputError(msg)
    tissue, aif = found["data"].astype(float), found["aif"].ravel().astype(float)
    quiet = max(int(np.argmax(aif > 0.1 * aif.max())) - 1, 1)
    tissue = tissue - tissue[..., :quiet].mean(-1, keepdims=True)
    times = float(found["deltaT"].item()) * np.arange(len(aif))
    return times, tissue, aif - aif[:quiet].mean(), float(found["HCT"].item())


def sectors(wall: Any, pool: Any) -> list[Any]:
    """Return masks of equal angles about the middle of the pool, counter-clockwise from +x."""
    rows, columns = np.indices(wall.shape)
    middle = np.argwhere(pool).mean(0)
    angle = np.arctan2(middle[0] - rows, columns - middle[1]) % (2 * np.pi)
    number = (angle / (2 * np.pi / SECTORS)).astype(int)
    return [wall & (number == i) for i in range(SECTORS)]


def measure(options: Options) -> Mapping[str, Any]:
    """Return the slice's numbers; write its pictures."""
    torch.set_num_threads(1)
    times, tissue, aif, haematocrit = read(Path(options.path))
    begin = time.process_time()
    wall, pool = find_wall(tissue, aif)
    given: dict[str, Any] = {"haematocrit": haematocrit, "delay": DELAY}
    names = options.models.split(",")
    fits = {name: fit_kinetics(name, times, tissue, aif, mask=wall, **given) for name in names}
    choice = choose_model(fits)
    seconds = time.process_time() - begin
    flow, told = choice.mbf[wall] / ML_MIN_G, np.isfinite(choice.mbf[wall])
    error = choice.standard_error[wall] / ML_MIN_G
    numbers: dict[str, Any] = {
        "wall_voxels": int(wall.sum()),
        "not_fitted_percent": 100 * float(1 - told.mean()),
        "mbf_median_ml_min_g": float(np.nanmedian(flow)),
        "mbf_quartiles_ml_min_g": np.nanpercentile(flow, [25, 75]).tolist(),
        "mbf_standard_error_median_ml_min_g": float(np.nanmedian(error)),
        "between_models_median_ml_min_g": float(
            np.nanmedian(choice.between_models[wall]) / ML_MIN_G
        ),
        "cpu_s": seconds,
        "flags": [flag.sentence for flag in fits[names[0]].flags],
    }
    for i, name in enumerate(choice.models):
        numbers[f"{name}_chosen_percent"] = 100 * float((choice.best[wall] == i).mean())
        numbers[f"{name}_mbf_median_ml_min_g"] = float(
            np.nanmedian(fits[name].values["mbf"][wall]) / ML_MIN_G
        )
        numbers[f"{name}_white_residual_percent"] = 100 * float(fits[name].white[wall].mean())
    if "2cxm" in fits:
        untold = permeability_untold(fits["2cxm"])[wall]
        numbers["permeability_not_told_percent"] = 100 * float(untold.mean())
    parts = sectors(wall, pool)
    numbers["sector_mbf_ml_min_g"] = [
        float(np.nanmedian(choice.mbf[part]) / ML_MIN_G) for part in parts if part.any()
    ]
    out = Path(options.output)
    out.mkdir(parents=True, exist_ok=True)
    np.savez(out / "flow.npz", mbf_ml_min_g=choice.mbf / ML_MIN_G, wall=wall, best=choice.best)
    draw_maps(choice, tissue.max(-1), wall, out / "maps.png")
    means = {f"sector {i + 1}": tissue[parts[i]].mean(0) for i in (0, 2, 4) if parts[i].any()}
    means_fits = {
        name: [fit_kinetics(model, times, curve[None], aif, **given) for model in names]
        for name, curve in means.items()
    }
    draw_curves(times, aif, means, means_fits, out / "curves.png")
    if options.film == "yes":
        film_first_pass(times, tissue, aif, out / "first_pass.mp4")
    return numbers


if __name__ == "__main__":
    run(Options, measure)
