"""Which value of a segmentation means which tissue: by a convention's name, by mapping, by shape.

Conventions: ACDC (Bernard et al. 2018, IEEE TMI 37:2514), M&Ms (Campello et al. 2021, IEEE TMI
40:3543), UK Biobank as AutoFD and Bai's early release write it (Bai et al. 2018, JCMR 20:65),
EMIDEC (Lalande et al. 2020, Data 5:89), MS-CMRSeg and MM-WHS (Zhuang 2019, IEEE TPAMI 41:2933).
"""

import re
from collections.abc import Mapping

import numpy as np
from jaxtyping import Integer
from scipy.ndimage import uniform_filter

from cardiotwin.errors import InputError
from cardiotwin.imaging.examination import Tissue

RV, WALL, LV, NOTHING = Tissue.RV_CAVITY, Tissue.MYOCARDIUM, Tissue.LV_CAVITY, Tissue.BACKGROUND
CONVENTIONS: dict[str, dict[int, Tissue]] = {
    "acdc": {1: RV, 2: WALL, 3: LV},
    "mnms": {1: LV, 2: WALL, 3: RV},
    "ukbb": {1: LV, 2: WALL, 4: RV},
    "emidec": {1: LV, 2: WALL, 3: WALL, 4: WALL},  # 3 infarct, 4 no reflow
    "mscmr": {200: WALL, 500: LV, 600: RV},
    "mmwhs": {
        205: WALL,
        500: LV,
        600: RV,
        420: NOTHING,  # left atrium
        550: NOTHING,  # right atrium
        820: NOTHING,  # aorta
        850: NOTHING,  # pulmonary artery
    },
}
INFER = "infer"
TISSUE_NAMES = {
    "background": NOTHING,
    "lv_cavity": LV,
    "lv": LV,
    "myocardium": WALL,
    "myo": WALL,
    "rv_cavity": RV,
    "rv": RV,
}
EXAMPLE = "labels=1:lv_cavity/2:myocardium/4:rv_cavity/5:background"
ENCLOSED = 0.6  # of the LV cavity's edge touches wall (less only where most slices are open)


def convention_mapping(labels: str) -> dict[int, Tissue]:
    """Return the tissue of each value that a convention's name, or ``1:lv/2:myo/...``, gives.

    A pair may be written either way round, with ``=`` for ``:`` and ``,`` for ``/``.
    """
    if labels in CONVENTIONS:
        return CONVENTIONS[labels]
    if not re.search("[:=]", labels):
        known = ", ".join([INFER, *CONVENTIONS])
        msg = (
            f"labels must be a known convention, found {labels!r}. Give one of {known}, or each "
            f"value's tissue: {EXAMPLE}."
        )
        raise InputError(msg)
    mapping: dict[int, Tissue] = {}
    for item in re.split("[,/]", labels):
        pair = {word.strip().lower() for word in re.split("[:=]", item)}
        values = [int(word) for word in pair if word.isdecimal()]
        tissues = [TISSUE_NAMES[word] for word in pair if word in TISSUE_NAMES]
        if len(pair) != 2 or len(values) != 1 or len(tissues) != 1:
            msg = (
                f"labels must pair whole numbers with tissues, found {item.strip()!r}. "
                f"Write VALUE:TISSUE with TISSUE one of {', '.join(TISSUE_NAMES)}."
            )
            raise InputError(msg)
        if values[0] in mapping:
            msg = f"labels gives the value {values[0]} twice, found {labels!r}. Keep one."
            raise InputError(msg)
        mapping[values[0]] = tissues[0]
    return mapping


def resolve(
    values: Integer[np.ndarray, "i j k"], labels: str, source: str
) -> tuple[dict[int, Tissue], str]:
    """Return the tissue of each value and how it was found, in words.

    `values` has its slices on the third axis. Raises `InputError` where a convention does not
    know a value that is present, or where the shapes do not tell.
    """
    present = [int(value) for value in np.unique(values) if value != 0]
    if not present:
        msg = f"{source} is empty: every voxel is 0. Give a segmentation of the left ventricle."
        raise InputError(msg)
    if labels == INFER:
        mapping = inferred(values, present, source)
        return mapping, f"inferred: {in_words(mapping)}{_named(mapping)}"
    mapping = convention_mapping(labels)
    check_known(present, mapping, labels, source)
    return mapping, labels


def check_known(
    present: list[int], mapping: Mapping[int, Tissue], labels: str, source: str
) -> None:
    """Raise `InputError` where a value has no tissue."""
    unknown = [value for value in present if value not in mapping and value != 0]
    if unknown:
        msg = (
            f"{source} has label values that the convention {labels!r} does not know, found "
            f"{unknown} beside {in_words(mapping)}. Name the convention, or give each value's "
            f"tissue: {EXAMPLE}."
        )
        raise InputError(msg)


def in_words(mapping: Mapping[int, Tissue]) -> str:
    """Return the mapping as ``1 RV_CAVITY, 2 MYOCARDIUM, ...``."""
    return ", ".join(f"{value} {tissue.name}" for value, tissue in sorted(mapping.items()))


def _named(mapping: Mapping[int, Tissue]) -> str:
    """Return ``(as NAME)`` where a convention says the same of these values."""
    same = [
        name
        for name, known in CONVENTIONS.items()
        if all(known.get(value) == tissue for value, tissue in mapping.items())
    ]
    return f" (as {', '.join(same)})" if same else ""


def as_tissue(
    values: Integer[np.ndarray, "*shape"], mapping: Mapping[int, Tissue]
) -> Integer[np.ndarray, "*shape"]:
    """Return the segmentation with `Tissue`'s values."""
    table = np.zeros(int(max(values.max(), *mapping)) + 1, dtype=np.uint8)
    for value, tissue in mapping.items():
        table[value] = tissue
    return np.asarray(table[values])


def inferred(
    values: Integer[np.ndarray, "i j k"], present: list[int], source: str
) -> dict[int, Tissue]:
    """Return the tissues by topology: the ring, what it encloses, what touches it from outside."""
    if len(present) > 3:
        msg = (
            f"{source} has {len(present)} label values, found {present}, and only a ring, what it "
            "encloses and what touches it can be told by shape. Name the convention or each "
            f"value's tissue: {EXAMPLE}."
        )
        raise InputError(msg)
    if len(present) == 1:
        msg = (
            f"{source} has a single label, found {int(np.sum(values != 0))} voxels of value "
            f"{present[0]}: a cavity without its wall, or a wall without its cavity, makes no "
            "ventricle. Segment both the cavity and the myocardium."
        )
        raise InputError(msg)
    edges = contacts(values, present)
    share, cavity, wall = _best_ring(edges, present)
    if share < ENCLOSED:  # specks have edges too
        edges = contacts(majority(values, present), present)
        share, cavity, wall = _best_ring(edges, present)
    if share < ENCLOSED:
        msg = (
            f"{source} has no ring of myocardium round a cavity: of the values {present}, {wall} "
            f"surrounds most of {cavity}, found {100 * share:.0f} % of its edge (at least "
            f"{100 * ENCLOSED:.0f} % is a ventricle). Segment cavity and wall, or name the "
            "convention with labels=..."
        )
        raise InputError(msg)
    mapping = {cavity: LV, wall: WALL}
    for value in present:
        if value not in mapping:
            if edges[value, wall] + edges[value, cavity] == 0:
                msg = (
                    f"{source}: value {value} touches neither the cavity ({cavity}) nor the wall "
                    f"({wall}), found them apart in every slice. Say what it is with labels=..."
                )
                raise InputError(msg)
            mapping[value] = RV
    return mapping


def _best_ring(
    edges: Mapping[tuple[int, int], float], present: list[int]
) -> tuple[float, int, int]:
    """Return the largest share of a value's edge that another one makes, with both values."""
    return max(
        (edges[inner, ring], inner, ring) for inner in present for ring in present if inner != ring
    )


def majority(
    values: Integer[np.ndarray, "i j k"], present: list[int]
) -> Integer[np.ndarray, "i j k"]:
    """Return the commonest value of each pixel's neighbourhood (3 x 3 in the slice)."""
    known = np.array([0, *present])
    shares = [
        uniform_filter((values == value).astype(np.float32), size=(3, 3, 1)) for value in known
    ]
    return np.asarray(known[np.argmax(shares, axis=0)])


def contacts(
    values: Integer[np.ndarray, "i j k"], present: list[int]
) -> dict[tuple[int, int], float]:
    """Return which share of each value's edge in the slices touches each other value."""
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    pairs = [(padded[:-1], padded[1:]), (padded[:, :-1], padded[:, 1:])]
    counts = {(a, b): 0 for a in present for b in [0, *present]}
    for before, after in pairs:
        differ = before != after
        left, right = before[differ], after[differ]
        for a, b in counts:
            counts[a, b] += int(np.sum((left == a) & (right == b)))
            counts[a, b] += int(np.sum((left == b) & (right == a)))
    total = {a: sum(counts[a, b] for b in [0, *present] if b != a) for a in present}
    return {(a, b): counts[a, b] / max(total[a], 1) for a, b in counts}
