"""What is read of a moving wall: strains by view, slice, layer and segment, rotation, torsion."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Frames = Float[np.ndarray, " frames"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Engineering strains (L - L0) / L0 from end-diastole, over frames.

    Orders are those of `views`: `VIEWS`, `SLICES`, `LAYERS`, segments 1..17. What a way of
    reading cannot know, and a frame whose plane misses a part of the wall, is NaN.

    Parameters
    ----------
    longitudinal
        Of the contour from rim to rim, by long-axis view and layer.
    circumferential
        Of the closed contour, by short-axis slice and layer.
    radial
        Of the wall's mean thickness, by short-axis slice.
    rotation
        About the slice's middle, rad, counter-clockwise seen from the apex, by slice and layer.
    radius
        Mean radius at end-diastole, m, by slice and layer.
    distance
        From the apical to the basal slice at end-diastole, m.
    segment_longitudinal, segment_circumferential
        Of the mid-wall's part in each segment.
    segment_radial
        Of the mean thickness in each segment.

    Notes
    -----
    Engineering (Lagrangian) strain of the whole contour line, and its mean over the views: Voigt
    et al. (2015), Eur Heart J Cardiovasc Imaging 16:1-11. Torsion as the circumferential-
    longitudinal shear angle: Rüssel et al. (2008), JCMR 10:26; Young & Cowan (2012), JCMR 14:49.
    """

    longitudinal: Float[np.ndarray, "frames 3 3"]
    circumferential: Float[np.ndarray, "frames 3 3"]
    radial: Float[np.ndarray, "frames 3"]
    rotation: Float[np.ndarray, "frames 3 3"]
    radius: Float[np.ndarray, "3 3"]
    distance: float
    segment_longitudinal: Float[np.ndarray, "frames 17"]
    segment_circumferential: Float[np.ndarray, "frames 17"]
    segment_radial: Float[np.ndarray, "frames 17"]

    @property
    def global_longitudinal(self) -> Float[np.ndarray, "frames 3"]:
        """Return the mean over the three views (GLS), by layer."""
        return np.asarray(self.longitudinal.mean(axis=1))

    @property
    def global_circumferential(self) -> Float[np.ndarray, "frames 3"]:
        """Return the mean over the three slices (GCS), by layer."""
        return np.asarray(self.circumferential.mean(axis=1))

    @property
    def global_radial(self) -> Frames:
        """Return the mean over the three slices (GRS)."""
        return np.asarray(self.radial.mean(axis=1))

    @property
    def twist(self) -> Float[np.ndarray, "frames 3"]:
        """Return the apical slice's rotation less the basal one's, rad, by layer."""
        return np.asarray(self.rotation[:, 2] - self.rotation[:, 0])

    @property
    def torsion(self) -> Float[np.ndarray, "frames 3"]:
        """Return twist times mean radius over distance, rad, by layer: a shear angle."""
        return np.asarray(self.twist * (self.radius[0] + self.radius[2]) / 2 / self.distance)

    @property
    def twist_per_length(self) -> Float[np.ndarray, "frames 3"]:
        """Return twist over the slices' distance, rad/m, by layer."""
        return np.asarray(self.twist / self.distance)


def path_pieces(points: Float[np.ndarray, "*n points dim"]) -> Float[np.ndarray, "*n pieces"]:
    """Return the lengths of an open curve's pieces, m."""
    return np.asarray(np.linalg.norm(np.diff(points, axis=-2), axis=-1))


def ring_pieces(points: Float[np.ndarray, "*n points dim"]) -> Float[np.ndarray, "*n points"]:
    """Return the lengths of a closed curve's pieces, each from its point to the next, m."""
    return np.asarray(np.linalg.norm(np.roll(points, -1, axis=-2) - points, axis=-1))


def mean_rotation(
    before: Float[np.ndarray, "... points 2"], after: Float[np.ndarray, "... points 2"]
) -> Float[np.ndarray, "..."]:
    """Return the angle that turns one set of points about its mean into another best, rad."""
    old, new = (at - at.mean(axis=-2, keepdims=True) for at in (before, after))
    cross = (old[..., 0] * new[..., 1] - old[..., 1] * new[..., 0]).sum(axis=-1)
    return np.asarray(np.arctan2(cross, (old * new).sum(axis=(-2, -1))))


def relative(lengths: Float[np.ndarray, "frames ..."]) -> Float[np.ndarray, "frames ..."]:
    """Return (L - L0) / L0 with L0 in the first frame."""
    return np.asarray(lengths / lengths[:1] - 1)


__all__ = ["Reading", "mean_rotation", "path_pieces", "relative", "ring_pieces"]
