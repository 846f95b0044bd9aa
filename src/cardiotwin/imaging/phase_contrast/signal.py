"""From a velocity field to the complex images of phase contrast, and exactly back again.

S = exp(i b) sum_t w_t A [ m exp(i k.v) ]: each sample of a voxel turns by its own velocity, then
the voxel averages (A), then the frame averages over its temporal window (w), and the phase b that
is no velocity comes on top. The phase of the average is not the average of the phases where the
velocity varies within a voxel.

Pelc et al. (1991), JMRI 1:405-413; Hamilton, Moran & Greenleaf on partial volume are the reason
for averaging the signal (Tang, Blatter & Parker 1993, JMRI 3:377-385).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Inexact

from cardiotwin.errors import InputError
from cardiotwin.operators import LinearOperator

Velocities = Float[np.ndarray, "fine_i fine_j fine_k moments 3"]
Signals = Complex[np.ndarray, "i j k frames encodings"]


@dataclass(frozen=True, kw_only=True, eq=False)
class VelocitySignal:
    """The images of a velocity field.

    Parameters
    ----------
    average
        From samples to voxels: `BoxAverage` or `KSpaceCrop`.
    encoding
        Gradient moments times gamma, rad s/m: pi/venc for half a turn at the encoding velocity.
    brightness
        Signal without encoding of each sample at each moment, with the coil's phase.
    window
        Weights of the moments in each frame.
    background
        Phase of each image that no velocity makes, rad.
    """

    average: LinearOperator
    encoding: Float[np.ndarray, "encodings 3"]
    brightness: Inexact[np.ndarray, "fine_i fine_j fine_k #moments"]
    window: Float[np.ndarray, "frames moments"]
    background: Float[np.ndarray, "#i #j #k #frames encodings"]

    def __post_init__(self) -> None:
        sums = self.window.sum(axis=1)
        if not np.allclose(sums, 1.0, atol=1e-9):
            msg = (
                "The weights of each frame's moments must sum to 1, found sums from "
                f"{sums.min():g} to {sums.max():g}. Divide each row by its sum."
            )
            raise InputError(msg)

    def forward(self, velocity: Velocities) -> Signals:
        """Return the complex images."""
        return self._seen(self._turned(velocity))

    def derivative(self, velocity: Velocities) -> "SignalDerivative":
        """Return the linear map from a change of the velocity to that of the images."""
        return SignalDerivative(signal=self, turned=self._turned(velocity))

    def _turned(
        self, velocity: Velocities
    ) -> Complex[np.ndarray, "fine_i fine_j fine_k moments encodings"]:
        return np.asarray(self.brightness[..., None] * np.exp(1j * (velocity @ self.encoding.T)))

    def _seen(
        self, turned: Complex[np.ndarray, "fine_i fine_j fine_k moments encodings"]
    ) -> Signals:
        voxels = self.average.forward(turned)
        frames = np.einsum("ijkme,fm->ijkfe", voxels, self.window, optimize=True)
        return np.asarray(frames * np.exp(1j * self.background))


@dataclass(frozen=True, kw_only=True, eq=False)
class SignalDerivative:
    """The derivative of the images by the velocity, linear over the reals.

    Parameters
    ----------
    signal
        Whose derivative it is.
    turned
        The samples' signals where it is taken.
    """

    signal: VelocitySignal
    turned: Complex[np.ndarray, "fine_i fine_j fine_k moments encodings"]

    def forward(self, x: Velocities, /) -> Signals:
        """Return the change of the images with the velocity's change, m/s."""
        return self.signal._seen(1j * self.turned * (x @ self.signal.encoding.T))  # noqa: SLF001

    def adjoint(self, y: Signals, /) -> Velocities:
        """Return the gradient of Re <y, images>, where y counts as constant."""
        unseen = y * np.exp(-1j * self.signal.background)
        moments = np.einsum("ijkfe,fm->ijkme", unseen, self.signal.window, optimize=True)
        fine = self.signal.average.adjoint(moments)
        return np.asarray((fine * (1j * self.turned).conj()).real @ self.signal.encoding)


def encodings(
    venc: float | Float[np.ndarray, "3"], pattern: Float[np.ndarray, "encodings 3"]
) -> Float[np.ndarray, "encodings 3"]:
    """Return gradient moments times gamma, rad s/m, from a pattern in units of pi/venc.

    `venc` is one encoding velocity, m/s, or one along each direction.
    """
    each = np.broadcast_to(np.asarray(venc, dtype=float), 3)
    if not (np.isfinite(each).all() and (each > 0).all()):
        msg = (
            f"venc must be positive, found {np.asarray(venc).tolist()} m/s. Give the velocity of "
            "half a turn, in m/s."
        )
        raise InputError(msg)
    return np.asarray(pattern * np.pi / each)


def frame_window(
    n_frames: int, duration: float, per_frame: int
) -> tuple[Float[np.ndarray, " moments"], Float[np.ndarray, "frames moments"]]:
    """Return moments, as shares of the beat, and their weights in evenly spaced frames.

    Parameters
    ----------
    n_frames
        Whose middles are at n / n_frames of the beat.
    duration
        Of a frame's window over the distance of frames.
    per_frame
        Moments in a window, at the middles of its even parts.
    """
    if n_frames < 1 or per_frame < 1 or not 0 <= duration <= 2:
        msg = (
            f"A window takes moments in frames and at most two frames' time, found {per_frame} "
            f"moments in {n_frames} frames over {duration:g} of their distance."
        )
        raise InputError(msg)
    inside = duration * ((np.arange(per_frame) + 0.5) / per_frame - 0.5)
    moments = (np.arange(n_frames)[:, None] + inside).ravel() / n_frames
    weights = np.kron(np.eye(n_frames), np.full((1, per_frame), 1 / per_frame))
    return moments, weights


__all__ = ["SignalDerivative", "VelocitySignal", "encodings", "frame_window"]
