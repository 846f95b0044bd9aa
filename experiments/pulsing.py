"""A half spheroid that beats: an endocardium in closed form."""

import numpy as np

from cardiotwin.geometry.cavity import EndocardialFrames

PERIOD = 0.8  # s


def pulsing_spheroid(
    n_frames: int = 20, squeeze: float = 0.3, n_rings: int = 9
) -> EndocardialFrames:
    """Return the frames of a spheroid that shrinks sideways by a share, and by half of it along.

    Its opening faces z; angles run right-handed about it.
    """
    u = np.concatenate([[0.0], np.repeat(np.linspace(0.1, 1, n_rings), 24)])
    angle = np.concatenate([[0.0], np.tile(2 * np.pi * np.arange(24) / 24, n_rings)])
    polar = 1.75 * u
    shape = np.stack(
        [np.sin(polar) * np.cos(angle), np.sin(polar) * np.sin(angle), -np.cos(polar)], axis=1
    )
    frames = []
    for k in range(n_frames):
        part = (1 - np.cos(2 * np.pi * k / n_frames)) / 2
        axes = np.array([1 - squeeze * part, 1 - squeeze * part, 1 - squeeze * part / 2])
        frames.append(shape * axes * [0.028, 0.028, 0.075])
    return EndocardialFrames(u=u, angle=angle, positions=np.stack(frames))


__all__ = ["PERIOD", "pulsing_spheroid"]
