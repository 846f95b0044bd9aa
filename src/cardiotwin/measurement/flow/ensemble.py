"""What an ensemble of flow models foresees of the images, brought nearer to them.

Each member tells every frame from the ones before (`members`). The members' mean and their
deviations from it span where the flow is sought first: in each frame u = mean + A w with w of a
standard normal prior, by Gauss-Newton on the misfit of the complex images, whose noise is raised
by what the members leave over. The members' deviations, scaled to what is left over then, are
samples of the error of the field foreseen; the images correct it (`retrieval`).

Hunt, Kostelich & Szunyogh (2007), Physica D 230:112-126 (analysis in the ensemble's space);
Desroziers et al. (2005), QJRMS 131:3385-3396 (a spread's size from what observations leave over).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from cardiotwin.errors import InputError
from cardiotwin.measurement.flow.images import Images
from cardiotwin.measurement.flow.middles import over_windows

Field = Float[np.ndarray, "frames nodes 3"]
ROUNDS = 4  # of Gauss-Newton: the images are nearly linear so near to the flow
HALVINGS = 5
FULL = 0.5  # of a voxel that blood must fill to tell what is left over
LEAST = 0.05  # of the members' own spread, that an error is never said to fall below


@runtime_checkable
class Foreknown(Protocol):
    """A member's beat: velocity over the frames' windows and at their middles, m/s."""

    @property
    def means(self) -> Field:
        """Return the means over the windows."""

    @property
    def middles(self) -> Field:
        """Return the velocity at the middles."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Foreseen:
    """A field foreseen by models.

    Parameters
    ----------
    means, middles
        Velocity over the frames' windows and at their middles, m/s.
    samples
        Of the error of the means, m/s.
    sharper
        Of the error of the middles, in the same order, m/s.
    weights
        Of the members' deviations, by frame.
    common
        The weights that are nearest to the images if they are the same in all frames.
    without
        The same, each frame left out in turn.
    spread
        By frame: the scale of the members' own deviations in the samples.
    left
        By frame: misfit over the noise that was assumed, per degree of freedom.
    """

    means: Field
    middles: Field
    samples: Float[np.ndarray, "members frames nodes 3"]
    sharper: Float[np.ndarray, "members frames nodes 3"]
    weights: Float[np.ndarray, "frames members"]
    common: Float[np.ndarray, " members"]
    without: Float[np.ndarray, "frames members"]
    spread: Float[np.ndarray, " frames"]
    left: Float[np.ndarray, " frames"]

    def at_middles(self, field: Field, sharp: Callable[[Field], Field]) -> Field:
        """Return the field at the frames' middles: what differs from the foreseen is sharpened."""
        return np.asarray(self.middles + sharp(field - self.means))

    def error_at_middles(
        self, number: int, error: Field, sharp: Callable[[Field], Field]
    ) -> Field:
        """Return a draw of the error that began with a sample, at the frames' middles."""
        n = number % len(self.samples)
        return np.asarray(self.sharper[n] + sharp(error - self.samples[n]))

    def closer(
        self, parameters: Float[np.ndarray, "members unknowns"]
    ) -> tuple[Float[np.ndarray, " unknowns"], Float[np.ndarray, "unknowns unknowns"]]:
        """Return what the images tell of the parameters that made the members, and its covariance.

        A member has the same parameters in all frames, so it is the common weights that tell them.
        The covariance is the jackknife's over frames (Efron 1982, The Jackknife, the Bootstrap and
        Other Resampling Plans, SIAM), for what models leave over is no noise of single voxels.
        """
        middle = parameters.mean(axis=0)
        modes = (parameters - middle) / np.sqrt(len(parameters) - 1)
        apart = (self.without - self.without.mean(axis=0)) @ modes
        n = len(apart)
        return middle + self.common @ modes, (n - 1) / n * apart.T @ apart


def drawn_about(
    middle: Float[np.ndarray, " unknowns"],
    covariance: Float[np.ndarray, "unknowns unknowns"],
    count: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, "members unknowns"]:
    """Return parameters of members whose mean and, if they are enough, covariance are exact.

    Pham (2001), Monthly Weather Review 129:1194-1207 (second-order exact sampling).
    """
    values, axes = np.linalg.eigh(covariance)
    loose = rng.standard_normal((count, len(middle)))
    loose -= loose.mean(axis=0)
    if count > len(middle):
        loose = np.linalg.qr(loose)[0] * np.sqrt(count - 1)
    return np.asarray(middle + (loose * np.sqrt(np.maximum(values, 0))) @ axes.T)


def foresee(
    images: Images,
    members: Sequence[Foreknown],
    wall: Bool[np.ndarray, " nodes"],
    wall_velocity: Field,
) -> Foreseen:
    """Return the field of the members' space that is nearest to the images.

    Parameters
    ----------
    images
        And how their voxels see the nodes.
    members
        At least three.
    wall, wall_velocity
        Nodes whose velocity is known, and which one by frame, m/s.

    Raises
    ------
    InputError
        If there are too few members, or their frames are not the images'.
    """
    n_frames = len(images.series.times)
    if len(members) < 3:
        msg = f"An ensemble needs at least three members, found {len(members)}. Run more."
        raise InputError(msg)
    strange = {len(each.means) for each in members} - {n_frames}
    if strange:
        msg = (
            f"The images have {n_frames} frames, found members of {sorted(strange)}. "
            "Run members over the images' frames."
        )
        raise InputError(msg)
    means, middles = (
        np.stack([getattr(one, name) for one in members]) for name in ("means", "middles")
    )
    given = wall_velocity[:, wall]
    means[:, :, wall], middles[:, :, wall] = over_windows(given, images.series.window), given
    found_means, found_middles = means.mean(axis=0), middles.mean(axis=0)
    apart, sharper = means - found_means, middles - found_middles
    weights = np.zeros((n_frames, len(members)))
    bends, slopes = np.zeros((n_frames, len(members), len(members))), weights.copy()
    spread, left = np.ones(n_frames), np.ones(n_frames)
    root = np.sqrt(len(members) - 1)
    for t in range(n_frames):
        near = _nearest(images, t, found_means[t], apart[:, t] / root)
        weights[t], left[t], bends[t], slopes[t] = near
        found_means[t] += np.tensordot(weights[t], apart[:, t] / root, 1)
        found_middles[t] += np.tensordot(weights[t], sharper[:, t] / root, 1)
        spread[t] = _scale(images, t, found_means[t], apart[:, t])
    scale = spread[:, None, None]
    return Foreseen(
        means=found_means,
        middles=found_middles,
        samples=apart * scale,
        sharper=sharper * scale,
        weights=weights,
        common=_solved(bends.sum(axis=0), slopes.sum(axis=0)),
        without=np.stack(
            [
                _solved(bends.sum(axis=0) - bend, slopes.sum(axis=0) - slope)
                for bend, slope in zip(bends, slopes, strict=True)
            ]
        ),
        spread=spread,
        left=left,
    )


def _solved(
    bend: Float[np.ndarray, "members members"], slope: Float[np.ndarray, " members"]
) -> Float[np.ndarray, " members"]:
    """Return the weights where a parabola and the prior are least."""
    return np.asarray(-np.linalg.solve(bend + np.eye(len(slope)), slope))


def _nearest(
    images: Images,
    frame: int,
    mean: Float[np.ndarray, "nodes 3"],
    apart: Float[np.ndarray, "members nodes 3"],
) -> tuple[
    Float[np.ndarray, " members"],
    float,
    Float[np.ndarray, "members members"],
    Float[np.ndarray, " members"],
]:
    """Return the weights of least misfit, the misfit per degree of freedom, and its parabola.

    The parabola is that at the members' mean: curvature and slope over the noise assumed there.
    """
    seen = images.view(frame)
    stack = apart.transpose(1, 0, 2).reshape(len(mean), -1)
    felt = (seen.means @ stack).reshape(-1, *apart.shape[::2])  # voxels members 3
    w = np.zeros(len(apart))
    n_images = len(images.series.encoding)
    freedom = felt.shape[0] * (n_images if images.series.referenced else 2 * n_images - 2)
    misfit, pull = images.gradient(frame, mean)
    first: tuple[np.ndarray, ...] = ()
    for _ in range(ROUNDS):
        noise = max(2 * misfit / freedom, 1.0)
        field = mean + np.tensordot(w, apart, 1)
        told = images.curvature(frame, field)
        bent = np.einsum("vmi,vij,vnj->mn", felt, told, felt, optimize=True) / noise
        slope = np.einsum("mni,ni->m", apart, pull) / noise
        first = first or (bent, slope)
        step = _solved(bent, slope + w)
        length = 1.0
        for _ in range(HALVINGS):
            tried = w + length * step
            new_misfit, new_pull = images.gradient(frame, mean + np.tensordot(tried, apart, 1))
            if new_misfit / noise + tried @ tried / 2 < misfit / noise + w @ w / 2:
                w, misfit, pull = tried, new_misfit, new_pull
                break
            length /= 2
        else:
            break
        if np.abs(length * step).max() < 1e-2:
            break
    return w, 2 * misfit / freedom, *first


def _scale(
    images: Images,
    frame: int,
    field: Float[np.ndarray, "nodes 3"],
    apart: Float[np.ndarray, "members nodes 3"],
) -> float:
    """Return how much larger than the members' deviations the error is that images leave over.

    What the phases leave over has the noise's variance and the error's.
    """
    seen = images.view(frame)
    share = np.asarray(seen.means.sum(axis=1)).ravel()
    full = share > FULL
    told = images.curvature(frame, field)[full]
    left = (images.decoded(frame, field) * share[:, None])[full]
    size = np.einsum("vi,vij,vj->v", left, told, left)
    stack = apart.transpose(1, 0, 2).reshape(len(field), -1)
    felt = (seen.means[full] @ stack).reshape(-1, *apart.shape[::2])
    own = np.einsum("vmi,vij,vmj->v", felt, told, felt, optimize=True) / (len(apart) - 1)
    beyond = float(size.sum() - 3 * full.sum()) / float(own.sum())
    return float(np.sqrt(max(beyond, LEAST**2)))


__all__ = ["Foreknown", "Foreseen", "drawn_about", "foresee"]
