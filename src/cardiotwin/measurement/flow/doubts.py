"""What the reader of a retrieved velocity must doubt: its errors, the venc, the images."""

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import Flag
from cardiotwin.measurement.flow.images import Images

MISFIT = 1.2  # of a measured value over the noise's variance, that is no noise's
Field = Float[np.ndarray, "frames nodes 3"]


def number_of(images: Images, n_frames: int) -> int:
    """Return how many values the images measure, without the voxels' amplitudes."""
    rows = len(images.series.encoding)
    told = rows if images.series.referenced else 2 * (rows - 1)
    return told * sum(int(images.view(t).used.sum()) for t in range(n_frames))


def underrated(misfit: float, number: int, freedom: float) -> float:
    """Return by how much errors are larger than the noise's share in them.

    Stein's estimate of the images' squared error, misfit - number + 2 freedom, is the freedom
    alone where regularity costs nothing; what it is more is a field that is too smooth.
    """
    return float(np.sqrt(max((misfit - number) / freedom + 2, 1.0)))


def doubts(images: Images, field: Field, turned: float, misfit: float) -> tuple[Flag, ...]:
    """Return flags where velocities go beyond half a turn, or images say something else."""
    k = images.series.encoding
    k = k if images.series.referenced else k[1:] - k[:1]
    means = [images.view(t).means for t in range(len(field))]
    seen = [m @ nodal / np.asarray(m.sum(axis=1)) for m, nodal in zip(means, field, strict=True)]
    beyond = np.abs(np.concatenate(seen) @ k.T).max(axis=1) / np.pi
    flags = []
    if misfit > MISFIT:
        sentence = (
            f"The images differ from what the velocity makes by {misfit**0.5:.2f} times their "
            "noise: it is stated too small, the lumen lies elsewhere, or a direction has the "
            "wrong sign."
        )
        flags.append(Flag(name="misfit", sentence=sentence))
    if not (beyond > 1).any():
        return tuple(flags)
    sentence = (
        f"The venc is below the velocities present: phases reach {beyond.max():.2f} half turns "
        f"in {100 * (beyond > 1).mean():.1f} % of the voxels, and those of {100 * turned:.1f} % "
        "were turned back by their neighbours'. A higher venc would not need them."
    )
    return (*flags, Flag(name="venc_exceeded", sentence=sentence))


__all__ = ["doubts", "number_of", "underrated"]
