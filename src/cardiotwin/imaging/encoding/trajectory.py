"""Where in k-space, and when after excitation, samples are taken."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError

GAMMA_HZ = 42.577478518e6  # Hz/T, the proton's gyromagnetic ratio over 2 pi (CODATA 2018)
GOLDEN_ANGLE = np.pi * 2 / (1 + np.sqrt(5))  # 111.25 degrees: Winkelmann 2007, IEEE TMI 26:68-76
_STEPS = 10  # of integration per sample of a spiral


@dataclass(frozen=True, kw_only=True, eq=False)
class Trajectory:
    """Samples of a series of read-outs.

    Parameters
    ----------
    positions
        Along both in-plane axes, cycles / m, by frame, read-out and sample.
    times
        Of the samples of every read-out after excitation, s.
    """

    positions: Float[np.ndarray, "t readouts samples 2"]
    times: Float[np.ndarray, " samples"]

    def gradient(self) -> Float[np.ndarray, "t readouts intervals 2"]:
        """Return the gradient between samples, T/m."""
        step = np.diff(self.times)[:, None]
        return np.asarray(np.diff(self.positions, axis=2) / step / GAMMA_HZ)


def radial(
    *,
    n_spokes: int,
    n_samples: int,
    pixel: float,
    dwell: float,
    n_frames: int = 1,
    echo_time: float = 0.0,
) -> Trajectory:
    """Return full spokes, each turned by the golden angle against the one before, frames too.

    Parameters
    ----------
    n_spokes
        By frame.
    n_samples
        Along a spoke; the middle of k-space is sample n_samples // 2, at `echo_time`.
    pixel
        m; spokes reach to half a cycle per pixel.
    dwell
        Time between samples, s.
    n_frames
        Frames.
    echo_time
        s after excitation.
    """
    _require(n_spokes=n_spokes, n_samples=n_samples, pixel=pixel, dwell=dwell, n_frames=n_frames)
    angle = GOLDEN_ANGLE * np.arange(n_frames * n_spokes).reshape(n_frames, n_spokes, 1)
    count = np.arange(n_samples) - n_samples // 2
    along = count / (n_samples * pixel)
    return Trajectory(
        positions=np.stack([np.cos(angle) * along, np.sin(angle) * along], axis=-1),
        times=echo_time + count * dwell,
    )


def spiral(
    *,
    n_arms: int,
    field_of_view: float,
    pixel: float,
    dwell: float,
    gradient_limit: float = 0.030,
    slew_limit: float = 150.0,
    n_frames: int = 1,
    echo_time: float = 0.0,
) -> Trajectory:
    """Return spirals from the middle outwards, as fast as gradient and slew rate allow.

    The arms together are 1 / field_of_view apart; frames are turned by the golden angle. The
    radius grows with the angle, k = n_arms theta exp(i theta) / (2 pi field_of_view), and theta
    follows from |k''| = slew limit until |k'| meets the gradient limit (Meyer et al. 1992, MRM
    28:202-213).

    Parameters
    ----------
    n_arms, n_frames
        By frame, and frames.
    field_of_view, pixel
        m; arms end at half a cycle per pixel.
    dwell
        Time between samples, s.
    gradient_limit, slew_limit
        T/m and T/m/s, those of a common clinical scanner.
    echo_time
        s after excitation, of the middle of k-space.
    """
    _require(n_arms=n_arms, field_of_view=field_of_view, pixel=pixel, dwell=dwell)
    _require(gradient_limit=gradient_limit, slew_limit=slew_limit, n_frames=n_frames)
    pitch = n_arms / (2 * np.pi * field_of_view)  # cycles / m per rad
    end = 0.5 / pixel / pitch
    theta = _angles(end, GAMMA_HZ * slew_limit / pitch, GAMMA_HZ * gradient_limit / pitch, dwell)
    arm = pitch * theta * np.exp(1j * theta)
    turns = 2 * np.pi * np.arange(n_arms) / n_arms + GOLDEN_ANGLE * np.arange(n_frames)[:, None]
    place = arm * np.exp(1j * turns)[..., None]
    return Trajectory(
        positions=np.stack([place.real, place.imag], axis=-1),
        times=echo_time + dwell * np.arange(len(theta)),
    )


def _angles(end: float, slew: float, speed: float, dwell: float) -> Float[np.ndarray, " samples"]:
    """Return theta by sample; `slew` and `speed` are the limits in units of k's pitch."""
    step = dwell / _STEPS
    theta, rate, found = 0.0, 0.0, [0.0]
    while theta < end:
        for _ in range(_STEPS):
            middle = rate + 0.5 * step * _acceleration(theta, rate, slew, speed)
            at = theta + 0.5 * step * rate
            rate += step * _acceleration(at, middle, slew, speed)
            rate = min(rate, speed / np.sqrt(1 + theta**2))
            theta += step * middle
        found.append(theta)
    return np.array(found)


def _acceleration(theta: float, rate: float, slew: float, speed: float) -> float:
    """Return theta'' where |k''| = slew; along the gradient limit where that is met."""
    square = 1 + theta**2
    if rate >= speed / np.sqrt(square):
        return -theta * rate**2 / square
    inner = theta**2 * rate**4 - square * ((4 + theta**2) * rate**4 - slew**2)
    return float((np.sqrt(max(inner, 0.0)) - theta * rate**2) / square)


def _require(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            msg = f"{name} must be positive, found {value:g}. Give it in SI units."
            raise InputError(msg)


__all__ = ["GAMMA_HZ", "GOLDEN_ANGLE", "Trajectory", "radial", "spiral"]
