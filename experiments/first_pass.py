"""Blood flow of the wall from one slice's first pass: map with uncertainty, curves, film.

`python experiments/first_pass.py [path=perf_data.mat] [models=a,b] [aif=auto] [dose=0.05]
[film=yes|no] [output=folder]`. The file holds `data` (rows x columns x frames, mM), `deltaT` (s),
`HCT` and `aif` (whole blood, mM), as QPerf's example has them; by default it is that of the
published data beside the project. `aif=images` takes the input from the left ventricle's blood, as
`auto` does where none is given; `aif=population` a published one with the dose (mmol/kg) and the
arrival that the images show.
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
from experiment import DATA, run
from scipy.io import loadmat

from cardiotwin.errors import InputError
from cardiotwin.perfusion import fit_kinetics
from cardiotwin.perfusion.arterial_input import find_arterial_input
from cardiotwin.perfusion.fitting_comparison import choose_model, permeability_untold
from cardiotwin.perfusion.kinetics import population_input
from cardiotwin.perfusion.quality import quiet_frames
from cardiotwin.perfusion.wall import find_wall
from cardiotwin.viz.first_pass import ML_MIN_G, draw_curves, draw_maps, film_first_pass

DELAY = (-1.0, 4.0)  # s, from the left ventricle's blood to the wall
SECTORS = 6
INPUTS = ("auto", "given", "images", "population")


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = str(DATA / "perfusion" / "first_pass_rest" / "perf_data.mat")
    models: str = "one_compartment,2cum,2cxm"
    aif: str = "auto"
    dose: float = 0.05  # mmol/kg
    film: str = "yes"
    output: str = "outputs/first_pass"


def read(path: Path, aif: str) -> tuple[Any, Any, Any, float]:
    """Return times, s, concentrations and input, mM, without their baseline, and haematocrit.

    The input is None where it is to come from the images or a population.
    """
    if not path.is_file():
        msg = f"No file {path}. Give path=, a MATLAB file with data, aif, deltaT and HCT."
        raise InputError(msg)
    if aif not in INPUTS:
        msg = f"aif must be one of {', '.join(INPUTS)}, found {aif!r}. Choose one."
        raise InputError(msg)
    found = loadmat(path)
    needed = {"data", "deltaT", "HCT"} | ({"aif"} if aif == "given" else set())
    missing = needed.difference(found)
    if missing:
        msg = f"{path.name} lacks {', '.join(sorted(missing))}. Give concentrations in mM."
        raise InputError(msg)
    tissue, course = found["data"].astype(float), None
    times = float(found["deltaT"].item()) * np.arange(tissue.shape[-1])
    if aif == "given" or (aif == "auto" and "aif" in found):
        course = found["aif"].ravel().astype(float)
    shown = find_arterial_input(times, tissue).concentration if course is None else course
    quiet = quiet_frames(times, shown)
    tissue = tissue - tissue[..., :quiet].mean(-1, keepdims=True)
    course = None if course is None else course - course[:quiet].mean()
    return times, tissue, course, float(found["HCT"].item())


def arterial(options: Options, times: Any, tissue: Any, given: Any) -> tuple[Any, dict[str, Any]]:
    """Return the input to fit with, mM, and what is to be said of it."""
    if given is not None:
        return given, {"aif_source": "given"}
    found = find_arterial_input(times, tissue)
    numbers: dict[str, Any] = {
        "aif_source": "images",
        "aif_voxels": int(found.voxels.sum()),
        "aif_standard_error_mmol_l": float(found.standard_error.max()),
        "aif_scale_error_percent": 100 * found.scale_error,
        "aif_transit_s": found.transit,
        "aif_flags": [flag.sentence for flag in found.flags],
    }
    if options.aif != "population":
        return found.concentration, numbers
    # Its own rise to half the peak lies where that of the blood in the images does.
    fine = np.arange(0.0, 60.0, 0.01)
    own = population_input(torch.from_numpy(fine), arrival=0.0, dose=options.dose).numpy()
    arrival = found.arrival - fine[np.argmax(own >= 0.5 * own.max())]
    course = population_input(torch.from_numpy(times), arrival=arrival, dose=options.dose)
    return course.numpy(), numbers | {"aif_source": "population"}


def sectors(wall: Any, pool: Any) -> list[Any]:
    """Return masks of equal angles about the middle of the pool, counter-clockwise from +x."""
    rows, columns = np.indices(wall.shape)
    middle = np.argwhere(pool).mean(0)
    angle = np.arctan2(middle[0] - rows, columns - middle[1]) % (2 * np.pi)
    number = (angle / (2 * np.pi / SECTORS)).astype(int)
    return [wall & (number == i) for i in range(SECTORS)]


def labelled(
    names: list[str], times: Any, curve: Any, aif: Any, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the curve that each model makes of one, under its name and flow."""
    fits = [fit_kinetics(name, times, curve[None], aif, **given) for name in names]
    flows = [fit.values["mbf"][0] / ML_MIN_G for fit in fits]
    return {
        f"{fit.model}: {flow:.2f} mL/min/g": fit.curves()[0]
        for fit, flow in zip(fits, flows, strict=True)
    }


def measure(options: Options) -> Mapping[str, Any]:
    """Return the slice's numbers; write its pictures."""
    torch.set_num_threads(1)
    times, tissue, told, haematocrit = read(Path(options.path), options.aif)
    begin = time.process_time()
    aif, source = arterial(options, times, tissue, told)
    wall, pool = find_wall(tissue, aif)
    given: dict[str, Any] = {"haematocrit": haematocrit, "delay": DELAY}
    names = options.models.split(",")
    fits = {name: fit_kinetics(name, times, tissue, aif, mask=wall, **given) for name in names}
    choice = choose_model(fits)
    seconds = time.process_time() - begin
    flow, told = choice.mbf[wall] / ML_MIN_G, np.isfinite(choice.mbf[wall])
    error = choice.standard_error[wall] / ML_MIN_G
    numbers: dict[str, Any] = source | {
        "aif_peak_mmol_l": float(aif.max()),
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
    means_fits = {name: labelled(names, times, curve, aif, given) for name, curve in means.items()}
    draw_curves(times, aif, means, means_fits, out / "curves.png")
    if options.film == "yes":
        film_first_pass(times, tissue, aif, out / "first_pass.mp4")
    return numbers


if __name__ == "__main__":
    run(Options, measure)
