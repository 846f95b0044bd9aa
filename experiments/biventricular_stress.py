"""Meshes of both ventricles from hearts of people whose labels were spoilt as labels are.

`python experiments/biventricular_stress.py data=folder_of_data [repeats=2] [seed=0]
[output=folder]`. A case is valid where a mesh came of it that is one closed wall of positive
cells with the drawn volumes (`fit_biventricle` refuses all others by name); the volumes are also
compared with those of the heart before it was spoilt, since a valid mesh may be a wrong heart.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from experiment import run
from jaxtyping import Integer

from cardiotwin.errors import InputError
from cardiotwin.geometry.anatomy import Anatomy
from cardiotwin.geometry.biventricular import BiventricularOptions, fit_biventricle
from cardiotwin.imaging import read_examination, trace_labels
from cardiotwin.imaging.examination import Examination, Phase, Tissue
from cardiotwin.units import MM

STACKS = "cine/autofd/*/seg_sa_ED.nii.gz"
ED = Phase.END_DIASTOLE
NOISY = 0.4  # of the pixels take a neighbour's label
JITTER = 2  # pixels that a slice lies off at most, each way
HOLES = 4  # in each slice
CAVITIES = (Tissue.LV_CAVITY, Tissue.RV_CAVITY)

Labels = Integer[np.ndarray, "i j k"]
Spoil = Callable[[Labels, np.random.Generator], Labels]


@dataclass(frozen=True, kw_only=True)
class Options:
    data: str = os.environ.get("CARDIOTWIN_DATA", "data")
    repeats: int = 2
    seed: int = 0
    output: str = "outputs/biventricular_stress"


def noisy(array: Labels, rng: np.random.Generator) -> Labels:
    """Return the labels with ragged borders: some pixels have a neighbour's value."""
    i, j, k = np.indices(array.shape)
    step = rng.integers(-1, 2, (2, *array.shape)) * (rng.random(array.shape) < NOISY)
    rows, columns = np.clip(i + step[0], 0, i.max()), np.clip(j + step[1], 0, j.max())
    return np.asarray(array[rows, columns, k])


def shifted(array: Labels, rng: np.random.Generator) -> Labels:
    """Return the labels with each slice moved, as breath-holds do."""
    moves = rng.integers(-JITTER, JITTER + 1, (array.shape[2], 2))
    slices = [np.roll(array[:, :, k], tuple(move), (0, 1)) for k, move in enumerate(moves)]
    return np.stack(slices, axis=2)


def holed(array: Labels, rng: np.random.Generator) -> Labels:
    """Return the labels with patches of muscle in both cavities, as papillary muscles leave."""
    result = array.copy()
    for k in range(array.shape[2]):
        inside = np.argwhere(np.isin(array[:, :, k], CAVITIES))
        for i, j in inside[rng.integers(0, len(inside), HOLES)] if len(inside) else ():
            patch = result[i - 1 : i + 2, j - 1 : j + 2, k]
            patch[np.isin(patch, CAVITIES)] = Tissue.MYOCARDIUM
    return result


def gapped(array: Labels, rng: np.random.Generator) -> Labels:
    """Return the labels without two slices that lie between others."""
    drawn = np.flatnonzero((array == Tissue.LV_CAVITY).any(axis=(0, 1)))
    first = int(rng.integers(1, len(drawn) - 4))
    result = array.copy()
    result[:, :, drawn[[first, first + 2]]] = 0
    return result


def everything(array: Labels, rng: np.random.Generator) -> Labels:
    """Return the labels with all of these faults."""
    return shifted(noisy(holed(gapped(array, rng), rng), rng), rng)


def unspoilt(array: Labels, rng: np.random.Generator) -> Labels:  # noqa: ARG001 - one of many
    """Return the labels as they are."""
    return array


KINDS: Mapping[str, tuple[Spoil, float, bool]] = {
    # how the labels are spoilt, RV wall, m, whether another draw is another case
    "thin_wall": (unspoilt, 2 * MM, False),
    "noise": (noisy, 3 * MM, True),
    "jitter": (shifted, 3 * MM, True),
    "holes": (holed, 3 * MM, True),
    "gaps": (gapped, 3 * MM, True),
    "everything": (everything, 2.5 * MM, True),
}


def spoilt(whole: Examination, spoil: Spoil, rng: np.random.Generator) -> Examination:
    """Return an examination of labels with a fault."""
    labels = whole.labels[ED]
    worse = replace(labels, array=spoil(labels.array, rng))
    contours = {ED: trace_labels(worse, ED)}
    return replace(whole, contours=contours, labels={ED: worse})


def cases(options: Options) -> Iterator[tuple[str, Examination, float, Anatomy]]:
    """Yield name, examination, RV wall, m, and the heart before, of each case."""
    stacks = sorted(Path(options.data).glob(STACKS))
    if not stacks:
        msg = (
            f"data must hold label stacks as {STACKS}, found none in {options.data}. "
            "Name the folder that has them."
        )
        raise InputError(msg)
    rng = np.random.default_rng(options.seed)
    for stack in stacks:
        whole = read_examination(stack)
        before = fit_biventricle(whole)
        for kind, (spoil, wall, varies) in KINDS.items():
            for number in range(options.repeats if varies else 1):
                name = f"{stack.parent.name} {kind} {number}"
                yield name, spoilt(whole, spoil, rng), wall, before


def stress(options: Options) -> Mapping[str, Any]:
    """Return how many cases came out, how many were refused and why, and the worst of them."""
    start = time.process_time()
    refused: list[str] = []
    angles, offs, spent, n_inverted, n_cases = [180.0], [(0.0, 0.0)], [0.0], 0, 0
    for name, examination, wall, before in cases(options):
        n_cases += 1
        before_it = time.process_time()
        try:
            anatomy = fit_biventricle(examination, BiventricularOptions(rv_wall=wall))
        except InputError as error:
            refused.append(f"{name}: {error}")
            print(refused[-1])
            continue
        spent.append(time.process_time() - before_it)
        fit = anatomy.fits[ED]
        angles.append(float(np.degrees(fit.dihedral_min)))
        n_inverted += fit.inverted
        offs.append(_off(anatomy, before))
        print(
            f"{name}: {angles[-1]:.1f} deg, LV {offs[-1][0]:+.1f} %, RV {offs[-1][1]:+.1f} %, "
            f"{spent[-1]:.1f} s, {len(anatomy.mesh.cells)} cells"
        )
    worst = np.abs(offs).max(axis=0)
    n_valid = n_cases - len(refused)
    return {
        "cases": n_cases,
        "valid": n_valid,
        "valid_percent": 100 * n_valid / n_cases,
        "refused": refused,
        "inverted": n_inverted,
        "dihedral_min_deg": min(angles),
        "lv_volume_off_unspoilt_max_percent": float(worst[0]),
        "rv_volume_off_unspoilt_max_percent": float(worst[1]),
        "slowest_cpu_s": max(spent),
        "cpu_s": time.process_time() - start,
    }


def _off(anatomy: Anatomy, before: Anatomy) -> tuple[float, float]:
    """Return how far both whole cavities are from those of the unspoilt heart, percent."""
    left, right = anatomy.fits[ED], anatomy.right
    assert right is not None and before.right is not None  # noqa: S101, PT018
    return (
        100 * (left.cavity_volume / before.fits[ED].cavity_volume - 1),
        100 * (right.cavity_volume / before.right.cavity_volume - 1),
    )


if __name__ == "__main__":
    run(Options, stress)
