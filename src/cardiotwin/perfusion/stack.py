"""Blood flow of a first pass, slice by slice: held still, the mesh laid on it, fitted."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from cardiotwin.errors import Flag, InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.imaging.affine import spacing
from cardiotwin.perfusion.arterial_input import find_arterial_input
from cardiotwin.perfusion.believed_fit import fit_with_prior
from cardiotwin.perfusion.fitting import HAEMATOCRIT
from cardiotwin.perfusion.kinetic_prior import BelievedFit, KineticPrior
from cardiotwin.perfusion.one_muscle import fit_one_muscle
from cardiotwin.perfusion.placing import Placed, place
from cardiotwin.perfusion.quality import check_first_pass
from cardiotwin.perfusion.registration import MOTIONS, carried_back, hold_still
from cardiotwin.perfusion.section import Grid, Section, cut
from cardiotwin.perfusion.series import FirstPassSeries
from cardiotwin.perfusion.stack_result import SliceFlow, StackFlow
from cardiotwin.units import MM

FEWEST = 3  # voxels of a piece
MARGIN = 40e-3  # m round the wall: the right ventricle is in it, and breath
LATE = 4  # of the series, the last part
MIDDLE = 0.25  # of the wall's depth, to either side: muscle for certain
BEYOND = 3.0  # of the middle's scatter, more agent than which with the input is blood
LEAST, SECTORS = 0.7, 12  # of the middle's agent at the end, there: with less, half is not muscle
ROUND = 0.8  # of the sectors round the cavity that a slice must show
UNSTILL, WANDERED = 0.15, 4e-3  # correlation of residuals, and m, from which motion is told
HIGH = 0.7  # of the arterial input's peak: the left ventricle's blood is full then
INPUTS = ("auto", "beside", "images")


@dataclass(frozen=True, kw_only=True)
class How:
    """How a first pass is measured.

    Parameters
    ----------
    prior
        Of what makes a voxel's curve.
    motion
        Correction, one of `MOTIONS`, or ``none``.
    aif
        Where the arterial input comes from: beside the images, or the blood in them; ``auto``
        takes what lies beside where it is.
    haematocrit
        Of the blood.
    grid
        Of the pieces of a slice's wall.
    """

    prior: KineticPrior = field(default_factory=KineticPrior)
    motion: str = "affine"
    aif: str = "auto"
    haematocrit: float = HAEMATOCRIT
    grid: Grid = field(default_factory=Grid)

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        for name, known in (("motion", (*MOTIONS, "none")), ("aif", INPUTS)):
            value = getattr(self, name)
            if value not in known:
                msg = f"{name} must be one of {', '.join(known)}, found {value!r}. Choose one."
                raise InputError(msg)


def measure_stack(
    series: FirstPassSeries,
    mesh: TetMesh,
    how: How | None = None,
    points: Float[np.ndarray, "nodes 3"] | None = None,
) -> StackFlow:
    """Return the blood flow of each slice.

    Parameters
    ----------
    series
        As it was read.
    mesh
        The heart's wall, with its coordinates.
    how
        It is measured.
    points
        Where the mesh's nodes are about when the images are taken, m; None: as in the mesh.

    Raises
    ------
    InputError
        If no slice shows the heart, the input is to be taken from beside and is not there, or
        nothing can come of the series.
    """
    how = how or How()
    if how.aif == "beside" and series.aif is None:
        msg = (
            f"{series.source.name} has no arterial input beside it. Put it there as a table of s "
            "and mM, or take aif=images."
        )
        raise InputError(msg)
    at = mesh.points if points is None else points
    series = series.near(at, MARGIN)
    quiet = series.quiet()
    still = [_held(series, k, how.motion) for k in range(series.signal.shape[2])]
    shown = [_concentration(series, one, k, quiet) for k, one in enumerate(still)]
    flags, scale = list(series.flags), 0.0
    aif = series.aif if how.aif != "images" else None
    if aif is None:
        found = find_arterial_input(series.time, np.stack(shown, axis=2))
        aif, scale = found.concentration, found.scale_error
        flags += found.flags
    check_first_pass(series.time, aif)
    laid: list[_Laid] = []
    for k, (one, concentration) in enumerate(zip(still, shown, strict=True)):
        try:
            placed = _placed(series, mesh, at, (k, concentration), aif)
            ready = _laid(series, one, (k, concentration), placed, grid=how.grid, quiet=quiet)
        except InputError as error:
            sentence = f"Slice {k} of {series.source.name} was left out: {error}"
            flags.append(Flag(name="slice_without_wall", sentence=sentence))
            continue
        laid.append(ready)
    if not laid:
        msg = f"No slice of {series.source.name} shows the heart. {flags[-1].sentence}"
        raise InputError(msg)
    curves = np.concatenate([part.curves for part in laid])
    flags += check_first_pass(series.time, aif, curves)
    given = {"haematocrit": how.haematocrit}
    prior, pieces = fit_one_muscle(series.time, curves, aif, prior=how.prior, **given)
    flags += _motion_flags(laid, pieces)
    slices, first = [], 0
    for part in laid:
        numbers = slice(first, first + len(part.piece))
        first = numbers.stop
        masked = np.where(part.placed.wall[..., None], part.concentration, np.nan)
        voxels = fit_with_prior(series.time, masked, aif, prior=prior, **given)
        slices.append(SliceFlow(**vars(part), voxels=voxels, fit=pieces.some(numbers)))
    return StackFlow(
        series=series,
        aif=aif,
        scale_error=scale,
        prior=prior,
        slices=tuple(slices),
        flags=tuple(flags),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Still:
    """A slice whose frames lie on each other."""

    signal: Float[np.ndarray, "i j frames"]
    unsaturated: Float[np.ndarray, "i j"]
    shifts: Float[np.ndarray, "frames 2"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Laid:
    """A slice with the mesh's section on it, before any fit: as in `SliceFlow`."""

    number: int
    concentration: Float[np.ndarray, "i j frames"]
    shifts: Float[np.ndarray, "frames 2"]
    section: Section
    placed: Placed
    pieces: Int[np.ndarray, "i j"]
    piece: Int[np.ndarray, " pieces"]
    curves: Float[np.ndarray, "pieces frames"]


def _motion_flags(laid: Sequence[_Laid], pieces: BelievedFit) -> list[Flag]:
    """Return what is left of motion, or was never in the plane."""
    flags = []
    farthest = max(float(np.ptp(part.shifts, axis=0).max()) for part in laid)
    if farthest > WANDERED:
        sentence = (
            f"The heart moved by {farthest / MM:.1f} mm in the plane. What moved through it is "
            "another part of the heart in each frame, and is not corrected: flow is biased."
        )
        flags.append(Flag(name="breathing", sentence=sentence))
    correlation = float(np.nanmedian(pieces.correlation))
    if correlation > UNSTILL:
        sentence = (
            f"Residuals of neighbouring frames correlate by {correlation:.2f}: motion is left, or "
            "the input is not the wall's. Errors are widened for that, a bias is not in them."
        )
        flags.append(Flag(name="residuals_correlate", sentence=sentence))
    return flags


def _held(series: FirstPassSeries, k: int, motion: str) -> _Still:
    signal, unsaturated = series.signal[:, :, k], series.unsaturated[:, :, k]
    if motion == "none":
        nought = np.zeros((len(series.time), 2))
        return _Still(signal=signal, unsaturated=unsaturated, shifts=nought)
    found = hold_still(signal, motion=motion)
    # The image without saturation is the first frame's neighbour: it lies where that one does.
    first = carried_back(unsaturated[..., None], found.displacements[:1])[..., 0]
    shifts = found.shifts * spacing(series.affine)[:2]
    return _Still(signal=found.images, unsaturated=first, shifts=shifts)


def _concentration(
    series: FirstPassSeries, one: _Still, k: int, quiet: int
) -> Float[np.ndarray, "i j frames"]:
    body = series.body[:, :, k]
    found = np.zeros_like(one.signal)
    found[body] = series.concentration(one.signal[body], one.unsaturated[body], quiet)
    return found


def _placed(
    series: FirstPassSeries,
    mesh: TetMesh,
    points: Float[np.ndarray, "nodes 3"],
    seen: tuple[int, Float[np.ndarray, "i j frames"]],
    aif: Float[np.ndarray, " frames"],
) -> tuple[Section, Placed]:
    """Return the mesh's section in a slice, and where its blood is full when the input is."""
    number, concentration = seen
    section = cut(mesh, points, affine=series.affine, number=number, thickness=series.thickness)
    top = float(aif.max())
    full = concentration[..., aif > HIGH * top]
    blood = np.clip(np.where(np.isnan(full), top, full).mean(axis=-1), 0.0, top)
    placed = place(section, blood, spacing(series.affine)[:2])
    late = np.nan_to_num(concentration[..., -len(aif) // LATE :]).mean(axis=-1)
    return section, replace(placed, wall=_muscle(placed, blood, late))


def _muscle(
    placed: Placed, blood: Float[np.ndarray, "i j"], late: Float[np.ndarray, "i j"]
) -> Bool[np.ndarray, "i j"]:
    """Return the wall's voxels that fill as its middle there does: not blood, and not air.

    `blood` is concentration when the input is high, `late` that at the end.
    """
    middle = placed.wall & (np.abs(placed.depth - 0.5) < MIDDLE)
    if middle.sum() < FEWEST:
        return placed.wall
    usual = np.median(blood[middle])
    apart = 1.4826 * np.median(np.abs(blood[middle] - usual))
    sector = np.nan_to_num(placed.angle / (2 * np.pi) % 1.0 * SECTORS).astype(np.int64)
    least = np.full(SECTORS, LEAST * np.median(late[middle]))
    for number in range(SECTORS):
        here = middle & (sector == number)
        if here.sum() >= FEWEST:
            least[number] = LEAST * np.median(late[here])
    return np.asarray(placed.wall & (blood < usual + BEYOND * apart) & (late > least[sector]))


def _laid(
    series: FirstPassSeries,
    one: _Still,
    seen: tuple[int, Float[np.ndarray, "i j frames"]],
    lies: tuple[Section, Placed],
    *,
    grid: Grid,
    quiet: int,
) -> _Laid:
    """Return a slice with the curves of its pieces: those of their mean signals."""
    section, placed = lies
    turn = placed.angle[placed.wall] / (2 * np.pi) % 1.0
    filled = np.bincount((turn * SECTORS).astype(np.int64) % SECTORS, minlength=SECTORS) >= FEWEST
    if filled.mean() < ROUND:
        msg = (
            f"What is wall for certain fills {int(filled.sum())} of its {SECTORS} sectors: the "
            "slice cuts the apex or the base askew."
        )
        raise InputError(msg)
    pieces = placed.pieces(grid)
    numbers, counts = np.unique(pieces[placed.wall], return_counts=True)
    numbers = numbers[counts >= FEWEST]
    if not len(numbers):
        msg = (
            f"No piece of it has {FEWEST} voxels, of {int(placed.wall.sum())} in its wall. Take "
            "fewer pieces."
        )
        raise InputError(msg)
    signals = np.stack([one.signal[pieces == n].mean(axis=0) for n in numbers])
    whole = np.stack([one.unsaturated[pieces == n].mean() for n in numbers])
    return _Laid(
        number=seen[0],
        concentration=seen[1],
        shifts=one.shifts,
        section=section,
        placed=placed,
        pieces=pieces,
        piece=numbers,
        curves=series.concentration(signals, whole, quiet),
    )


__all__ = ["How", "measure_stack"]
