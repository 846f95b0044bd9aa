"""A slice seen by the coils round the chest: samples of its images, and the images unfolded again.

Every R-th line of k-space folds R places onto one; with the coils' sensitivities A and the noise's
covariance Psi they are told apart by (A* Psi^-1 A)^-1 A* Psi^-1, whose noise is known in closed
form: Pruessmann et al. (1999), MRM 42:952-962, eqs. 2 to 5.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float, Integer, Num

from cardiotwin.errors import InputError
from cardiotwin.imaging.encoding import to_image, to_kspace
from cardiotwin.imaging.encoding.noise import cholesky

N_CALIBRATION = 24
"""Middle lines that tell the coils' sensitivities."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldedSlice:
    """One slice, its coils, and how many of its lines are sampled.

    Parameters
    ----------
    maps
        Sensitivities.
    covariance
        Of the coils' complex noise in a sample, for images whose noise at the heart is 1.
    acceleration
        One of how many lines is sampled, the middle one among them (R).
    """

    maps: Complex[np.ndarray, "coils i j"]
    covariance: Num[np.ndarray, "coils coils"]
    acceleration: int

    def __post_init__(self) -> None:
        """Refuse lines that fold unevenly."""
        n_lines = self.maps.shape[2]
        if n_lines % self.acceleration:
            msg = (
                f"acceleration must divide the {n_lines} lines of a slice, found "
                f"{self.acceleration}. Take another, or another volunteer.scan.matrix."
            )
            raise InputError(msg)

    @property
    def lines(self) -> Integer[np.ndarray, " lines"]:
        """Return the lines that are sampled."""
        n_lines = self.maps.shape[2]
        first = n_lines // 2 % self.acceleration
        return np.arange(first, n_lines, self.acceleration)

    @property
    def noise_sd(self) -> Float[np.ndarray, "i j"]:
        """Return the noise of the unfolded images' real part, relative to that at the heart."""
        variance = np.einsum("ijrr->ijr", self._inverse).real * self.acceleration
        return np.sqrt(0.5 * self._unfolded(np.moveaxis(variance, 2, 0)))

    def folded(
        self, images: Complex[np.ndarray, "images i j"]
    ) -> Complex[np.ndarray, "images coils i folded"]:
        """Return what each coil sees of the images, places that the lines do not tell apart added.

        Its centred transform are the samples.
        """
        narrow = np.ascontiguousarray(images, dtype=np.complex64)[:, None]
        return np.asarray(self._parts(narrow * self.maps.astype(np.complex64)).sum(axis=-2)) * (
            np.float32(self.acceleration**-0.5)
        )

    def noise(
        self, count: int, scale: float, rng: np.random.Generator
    ) -> Complex[np.ndarray, "images coils i folded"]:
        """Return noise of that many folded images, `scale` times that of `covariance`."""
        coils, n_read, _ = self.maps.shape
        lower = (scale * np.sqrt(0.5) * cholesky(self.covariance)).astype(np.complex64)
        shape = (count, coils, n_read * len(self.lines), 2)
        white = rng.standard_normal(shape, dtype=np.float32).view(np.complex64)[..., 0]
        return np.asarray((lower @ white).reshape(count, coils, n_read, len(self.lines)))

    def unfold(
        self, folded: Complex[np.ndarray, "images coils i folded"]
    ) -> Complex[np.ndarray, "images i j"]:
        """Return the images, coils combined at best."""
        found = np.empty((len(folded), *self.maps.shape[1:]), dtype=np.complex64)
        for number, seen in enumerate(folded):
            found[number] = self._unfolded((self._weights * seen).sum(axis=1))
        return found

    def samples(
        self, folded: Complex[np.ndarray, "images coils i folded"]
    ) -> Complex[np.ndarray, "images coils i lines"]:
        """Return the sampled lines of folded images."""
        return to_kspace(folded)

    def images(
        self, samples: Complex[np.ndarray, "images coils i lines"]
    ) -> Complex[np.ndarray, "images i j"]:
        """Return the images of sampled lines."""
        return self.unfold(to_image(samples))

    def calibration(
        self, image: Float[np.ndarray, "i j"], scale: float, rng: np.random.Generator
    ) -> tuple[Integer[np.ndarray, " lines"], Complex[np.ndarray, "coils i lines"]]:
        """Return the middle lines of an image, all of them, and their samples."""
        coils, n_read, n_lines = self.maps.shape
        whole = to_kspace((self.maps * image).astype(np.complex64))
        count = min(N_CALIBRATION, n_lines)
        lines = n_lines // 2 - count // 2 + np.arange(count)
        lower = scale * np.sqrt(0.5) * cholesky(self.covariance)
        white = rng.standard_normal((2, coils, n_read * count))
        noise = (lower @ (white[0] + 1j * white[1])).reshape(coils, n_read, count)
        return lines, (whole[..., lines] + noise).astype(np.complex64)

    def _parts(self, array: Num[np.ndarray, "*front j"]) -> Num[np.ndarray, "*front R folded"]:
        """Return the last axis by place in the folded field of view; R places share one.

        Both fields of view have their middle at n // 2.
        """
        *front, n_lines = array.shape
        count = n_lines // self.acceleration
        turned = np.roll(array, count // 2 - n_lines // 2, axis=-1)
        return np.asarray(turned.reshape(*front, self.acceleration, count))

    def _unfolded(self, parts: Num[np.ndarray, "R i folded"]) -> Num[np.ndarray, "i j"]:
        """Return the inverse of `_parts`, the R places first."""
        n_lines = self.maps.shape[2]
        flat = np.moveaxis(parts, 0, 1).reshape(parts.shape[1], n_lines)
        return np.roll(flat, n_lines // 2 - len(self.lines) // 2, axis=-1)

    @cached_property
    def _inverse(self) -> Complex[np.ndarray, "i folded R R"]:
        """Return (A* Psi^-1 A)^-1."""
        seen = self._parts(self.maps.astype(np.complex128))  # c i R f
        whitened = np.einsum("dc,cirf->dirf", np.linalg.inv(self.covariance), seen)
        normal = np.einsum("cirf,cisf->ifrs", seen.conj(), whitened, optimize=True)
        return np.asarray(np.linalg.inv(normal))

    @cached_property
    def _weights(self) -> Complex[np.ndarray, "R coils i folded"]:
        """Return sqrt(R) (A* Psi^-1 A)^-1 A* Psi^-1."""
        seen = self._parts(self.maps.astype(np.complex128))
        whitened = np.einsum("dc,cirf->dirf", np.linalg.inv(self.covariance), seen)
        weights = np.einsum("ifrs,cisf->rcif", self._inverse, whitened.conj(), optimize=True)
        return np.asarray(np.sqrt(self.acceleration) * weights, dtype=np.complex64)


__all__ = ["N_CALIBRATION", "FoldedSlice"]
