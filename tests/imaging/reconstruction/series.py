"""A beating phantom seen by coils, sampled in part."""

import numpy as np

from cardiotwin.imaging.encoding import (
    CartesianFourier,
    Sensitivity,
    complex_noise,
    receive_sensitivity,
    torso_array,
)
from cardiotwin.operators import Chain

SHAPE = (48, 44)
PIXEL = 4e-3


def coil_maps(coils=6):
    """Return maps of a chest array, unit vectors across coils."""
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    place = PIXEL * (index - np.array(SHAPE) // 2)
    points = np.concatenate([place, 0 * place[..., :1] + 0.01], axis=-1)
    maps = receive_sensitivity(torso_array(coils, np.zeros(3)), points)
    return (maps / np.linalg.norm(maps, axis=0)).astype(np.complex64)


def beating(frames=12):
    """Return a disc with a bright ring that contracts, with a smooth phase."""
    i, j = np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij")
    body = (i / 21) ** 2 + (j / 19) ** 2 < 1
    away = np.hypot(i - 3, j + 2)
    series = []
    for radius in 8 + 2 * np.cos(2 * np.pi * np.arange(frames) / frames):
        ring = np.clip(radius - away + 0.5, 0, 1)
        series.append((0.4 * body + 0.6 * ring) * np.exp(1j * (0.03 * i + 0.02 * j)))
    return np.array(series, dtype=np.complex64)


def samples(truth, mask, *, noise=0.0, seed=0):
    """Return k-space with noise of a standard deviation."""
    encoding = Chain((CartesianFourier(mask=mask[:, None, :]), Sensitivity(coil_maps=coil_maps())))
    clean = encoding.forward(truth)
    added = complex_noise(np.eye(len(clean)), clean.shape[1:], np.random.default_rng(seed))
    return (clean + noise * added * mask[:, None, :]).astype(np.complex64)


def error(found, truth):
    """Return the relative error."""
    return np.linalg.norm(found - truth) / np.linalg.norm(truth)
