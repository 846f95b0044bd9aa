"""What lies in a slice at one moment: how much of each tissue, and which points of the wall."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Integer
from scipy import ndimage

from cardiotwin.exam.body import Surroundings, Texture
from cardiotwin.exam.cine import Frame, frame_picture
from cardiotwin.exam.contrast import TISSUES, Relaxation
from cardiotwin.exam.heart import BeatingHeart
from cardiotwin.exam.make import frame_at
from cardiotwin.exam.stack import Stack
from cardiotwin.measurement.tracers import Tracers, locate

NAMES = tuple(tissue.name for tissue in TISSUES)
WALL = NAMES.index("wall")
_LEAST = 0.02  # share of wall in a voxel whose points are sought
_ACROSS = (-0.3, 0.0, 0.3)  # of the slice's thickness
_WITHIN = (-0.25, 0.25)  # of the pixel
_INSIDE = 1e-6
_STARTS = 5  # of a point's search: one that is missed leaves eleven others in its pixel


@dataclass(frozen=True, kw_only=True, eq=False)
class Slab:
    """One slice at one moment.

    Parameters
    ----------
    shares
        Of each tissue in each pixel, `NAMES` along the last axis; the grain of the tissue is in
        them, so that they do not sum to one.
    pixel
        Rows and columns of the wall's sample points.
    tracers
        Their material points.
    segment
        Their AHA segments, 0 outside the LV.
    """

    shares: Float[np.ndarray, "i j tissues"]
    pixel: Integer[np.ndarray, "samples 2"]
    tracers: Tracers
    segment: Integer[np.ndarray, " samples"]

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return by pixel the mean of what the wall's sample points have; 0 where there is none.

        `values` are samples first; further axes are kept.
        """
        n_i, n_j = self.shares.shape[:2]
        place = self.pixel[:, 0] * n_j + self.pixel[:, 1]
        total = np.zeros((n_i * n_j, *values.shape[1:]), dtype=values.dtype)
        np.add.at(total, place, values)
        count = np.bincount(place, minlength=n_i * n_j).reshape(-1, *(1,) * (values.ndim - 1))
        return np.asarray((total / np.maximum(count, 1)).reshape(n_i, n_j, *values.shape[1:]))

    @property
    def wall(self) -> Float[np.ndarray, "i j"]:
        """Return the wall's share, its grain in it."""
        return np.asarray(self.shares[..., WALL])

    @property
    def purity(self) -> Float[np.ndarray, "i j"]:
        """Return the wall's part of all that is in a pixel."""
        return np.asarray(self.wall / np.maximum(self.shares.sum(axis=2), 1e-9))

    @property
    def segments(self) -> Integer[np.ndarray, "i j"]:
        """Return the AHA segment of each pixel of which the wall fills half or more, else 0."""
        n_i, n_j = self.shares.shape[:2]
        votes = np.zeros((n_i, n_j, 18), dtype=np.int64)
        np.add.at(votes, (*self.pixel.T, self.segment), 1)
        most: Integer[np.ndarray, "i j"] = votes.argmax(axis=2)
        found: Integer[np.ndarray, "i j"] = np.where(self.purity >= 0.5, most, 0)
        return found


def one_hot(tissue: Relaxation) -> Float[np.ndarray, " tissues"]:
    """Return a tissue's own channel."""
    return np.asarray(np.eye(len(NAMES))[NAMES.index(tissue.name)])


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """The heart at one time of the beat.

    Parameters
    ----------
    points
        Its nodes, m.
    frame
        What the scanner meets.
    carried
        Where the breath has carried it, m.
    """

    points: Float[np.ndarray, "nodes 3"]
    frame: Frame
    carried: Float[np.ndarray, "3"]


def moment_of(
    heart: BeatingHeart, stack: Stack, time: float, carried: Float[np.ndarray, "3"] | None = None
) -> Moment:
    """Return the heart at a time, s, carried by the breath, m; None: it is held."""
    carried = np.zeros(3) if carried is None else carried
    points = heart.at(time) + carried
    still = np.zeros((stack.shape[2], 2))
    frame = frame_at(heart, stack, points, shifts=still)
    axes = _in_plane(stack)
    # What rides on the base is carried along the plane with all other organs.
    frame = replace(frame, base=frame.base - axes @ (carried @ axes))
    return Moment(points=points, frame=frame, carried=carried)


def _carried(detail: Texture, pixels: Float[np.ndarray, "2"]) -> Texture:
    """Return a slice's random detail, moved with the heart."""
    fine, coarse = (
        ndimage.shift(one, pixels, mode="wrap") for one in (detail.fine, detail.coarse)
    )
    return Texture(fine=fine, coarse=coarse)


def _in_plane(stack: Stack) -> Float[np.ndarray, "3 2"]:
    """Return the directions of rows and columns."""
    return np.asarray(stack.affine[:3, :2] / np.linalg.norm(stack.affine[:3, :2], axis=0))


def slab(
    heart: BeatingHeart,
    stack: Stack,
    number: int,
    moment: Moment,
    detail: Texture,
) -> Slab:
    """Return a slice of the heart at a moment."""
    shift = moment.carried @ _in_plane(stack)
    if shift.any():
        detail = _carried(detail, shift / np.linalg.norm(stack.affine[:3, :2], axis=0))
    around = Surroundings(heart.patient, stack, number, detail=detail, shift=shift, level=one_hot)
    left, points = heart.left, moment.points
    shares = frame_picture(moment.frame, around)
    pixel = np.argwhere(shares[..., WALL] > _LEAST)
    within = np.stack(np.meshgrid(_WITHIN, _WITHIN, _ACROSS, indexing="ij"), -1).reshape(-1, 3)
    within[:, 2] *= stack.thickness / np.linalg.norm(stack.affine[:3, 2])
    index = np.column_stack([pixel, np.full(len(pixel), number)])[:, None] + within
    positions = index.reshape(-1, 3) @ stack.affine[:3, :3].T + stack.affine[:3, 3]
    located = locate(left, points, positions, starts=_STARTS)
    inside = located.beyond <= _INSIDE
    segments = left.cell_fields["aha_segment"].astype(np.int64)
    return Slab(
        shares=shares,
        pixel=np.repeat(pixel, len(within), axis=0)[inside],
        tracers=Tracers(
            nodes=located.tracers.nodes[inside], weights=located.tracers.weights[inside]
        ),
        segment=segments[located.cell[inside]],
    )


__all__ = ["NAMES", "WALL", "Moment", "Slab", "moment_of", "one_hot", "slab"]
