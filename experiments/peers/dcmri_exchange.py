"""dcmri's two-compartment exchange fitted by scipy, voxel by voxel: runs where dcmri is installed.

`python dcmri_exchange.py work.npz result.npz`. Reads `time`, `aif`, `curves` (voxels x samples),
`haematocrit` and `bounded`; writes `parameters` (voxels x fp, ps, vp, ve), `sum_of_squares` and
`cpu_s`. scipy searches scaled parameters from the usual myocardium; `vp` is dcmri's vb (1 - H).
"""

import sys
import time
from typing import Any

import dcmri  # type: ignore[import-not-found,unused-ignore]
import numpy as np
from scipy.optimize import curve_fit

START = np.array([0.02, 0.015, 0.1, 0.2])  # Fb, PS, vb, vi
LOWEST = np.array([0.0, 0.0, 1e-3, 1e-3])
HIGHEST = np.array([5.0, 5.0, 1.0, 1.0])


def main(work_file: str, result_file: str) -> None:
    work = np.load(work_file)
    times, aif, curves = work["time"], work["aif"], work["curves"]
    haematocrit = float(work["haematocrit"])

    def curve(_: Any, *scaled: float) -> Any:
        flow, ps, vb, vi = START * scaled
        return dcmri.conc_tissue(
            aif, t=times, kinetics="2CX", H=haematocrit, Fb=flow, PS=ps, vb=vb, vi=vi
        )

    how: dict[str, Any] = {"method": "lm"}
    if bool(work["bounded"]):
        how = {"method": "trf", "bounds": (LOWEST / START, HIGHEST / START)}
    found = np.full((len(curves), 4), np.nan)
    misfit = np.full(len(curves), np.nan)
    curve(times, 1, 1, 1, 1)
    begin = time.process_time()
    with np.errstate(all="ignore"):
        for voxel, data in enumerate(curves):
            try:
                best = curve_fit(curve, times, data, np.ones(4), **how)[0]
            except (RuntimeError, ValueError):  # scipy's word for no convergence; dcmri's for no
                continue  # physical answer
            found[voxel] = START * best
            misfit[voxel] = np.sum((curve(times, *best) - data) ** 2)
    seconds = time.process_time() - begin
    parameters = found * np.array([1 - haematocrit, 1, 1 - haematocrit, 1])
    np.savez(result_file, parameters=parameters, sum_of_squares=misfit, cpu_s=seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
