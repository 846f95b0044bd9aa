"""The bits that a series of images holds: noise, components and entropy, patch by patch."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from cardiotwin.errors import InputError
from cardiotwin.imaging.information.entropy import entropy_gain
from cardiotwin.imaging.information.gaussian import rate
from cardiotwin.imaging.information.projection import Components, components

PATCH = 12  # pixels along each side
LARGEST_STRIDE = 4
INDEPENDENT = 0.1  # correlation of neighbours' noise below which they count as independent
NO_NOISE = 1e-6  # of the signal's root mean square: below it, filtering has left no noise to see
OBJECT = 5.0  # times the noise that a pixel's mean must reach to belong to the object


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesInformation:
    """What a series of images tells.

    Parameters
    ----------
    name
        Of the series.
    n_images, n_pixels
        Images of the series, and pixels of one of them.
    pixel_stride
        Every which pixel was taken, along rows and columns: scanners interpolate, and bits of
        pixels that share their noise would be counted more than once.
    n_object_pixels
        Pixels taken that show an object.
    noise_sd
        Of one pixel of one image, in the images' unit; stated, or found by the projection.
    noise_correlation
        Left between the noise of neighbouring pixels that were taken. Noise that is correlated in
        time, by frames that the scanner interpolated, is not seen here: it adds components.
    quantum
        Step in which values were told apart for the entropy, in the images' unit.
    components
        Median number that stands out of the noise in the patches of the object.
    bits
        That all images hold together, in the pixels taken.
    bits_per_pixel
        Of one image and one pixel taken of the object, all images together.
    entropy_bits_per_pixel
        Of one pixel of the object taken alone, and so an upper bound.
    denoised_bits_per_pixel
        As `bits_per_pixel`, of the denoised images at the noise of the measurement: never more.
    denoised_sd
        Standard deviation of what denoising took away, in the images' unit.
    rate_bits_per_pixel
        That code a pixel of the object to the distortion of the noise.
    data_bytes
        As stored.
    """

    name: str
    n_images: int
    n_pixels: int
    pixel_stride: int
    n_object_pixels: int
    noise_sd: float
    noise_correlation: float
    quantum: float
    components: float
    bits: float
    bits_per_pixel: float
    entropy_bits_per_pixel: float
    denoised_bits_per_pixel: float
    denoised_sd: float
    rate_bits_per_pixel: float
    data_bytes: int


def series_information(
    images: Float[np.ndarray, "images rows columns"],
    *,
    name: str,
    data_bytes: int,
    stored_quantum: float = 0.0,
    noise_sd: float | None = None,
    patch: int = PATCH,
) -> SeriesInformation:
    """Return what a series of images of one plane tells.

    Parameters
    ----------
    images
        Of one plane at several times, contrasts or encodings.
    name
        Of the series.
    data_bytes
        As stored.
    stored_quantum
        Step in which the values were stored; 0: none.
    noise_sd
        Of one pixel of one image; None: the median of what the patches show.
    patch
        Side of the square patches that are projected, pixels.

    Raises
    ------
    InputError
        For values that are not finite, or patches that hold no more pixels than there are images.
    """
    _check(images, name, patch)
    seen = _project(images, name, patch, noise_sd)
    again = [components(each.denoised, seen.noise_sd) for each in seen.found]
    inside = [values.mean(axis=0) > OBJECT * seen.noise_sd for values in seen.patches]
    n_object = int(sum(mask.sum() for mask in inside))
    if n_object == 0:
        msg = (
            f"{name} shows nothing above {OBJECT:g} times its noise ({seen.noise_sd:.3g}). "
            "Give images of an object, or state the noise with noise_sd."
        )
        raise InputError(msg)
    quantum = max(seen.noise_sd / 10, stored_quantum)
    values = [v[:, mask].ravel() for v, mask in zip(seen.patches, inside, strict=True)]
    shown = [
        each.number for each, mask in zip(seen.found, inside, strict=True) if mask.mean() > 0.5
    ]

    def per_pixel(bits: list[float]) -> float:
        weighted = sum(b * mask.sum() for b, mask in zip(bits, inside, strict=True))
        return float(weighted) / n_object / len(images)

    held = [each.bits_per_pixel for each in seen.found]
    return SeriesInformation(
        name=name,
        n_images=len(images),
        n_pixels=images[0].size,
        pixel_stride=seen.stride,
        n_object_pixels=n_object,
        noise_sd=seen.noise_sd,
        noise_correlation=seen.correlation,
        quantum=quantum,
        components=float(np.median(shown)) if shown else 0.0,
        bits=float(sum(held)) * patch**2,
        bits_per_pixel=per_pixel(held),
        entropy_bits_per_pixel=entropy_gain(np.concatenate(values), seen.noise_sd, quantum),
        denoised_bits_per_pixel=per_pixel([each.bits_per_pixel for each in again]),
        denoised_sd=float(np.sqrt(np.mean([np.mean(each**2) for each in seen.taken]))),
        rate_bits_per_pixel=per_pixel([_rate(each) for each in seen.found]),
        data_bytes=data_bytes,
    )


@dataclass(frozen=True, eq=False)
class _Projected:
    """A series in patches, and what stands out of the noise in each."""

    stride: int
    noise_sd: float
    patches: list[Float[np.ndarray, "images pixels"]]
    found: list[Components]

    @property
    def taken(self) -> list[Float[np.ndarray, "images pixels"]]:
        """Return what the projection took away."""
        pairs = zip(self.patches, self.found, strict=True)
        return [values - each.denoised for values, each in pairs]

    @property
    def correlation(self) -> float:
        """Return the correlation between neighbours of what the projection took away."""
        side = int(np.sqrt(self.patches[0].shape[1]))
        noise = np.stack(self.taken).reshape(-1, side, side)
        rows, columns = noise[:, 1:] * noise[:, :-1], noise[:, :, 1:] * noise[:, :, :-1]
        power = float(np.mean(noise**2))
        return float(rows.mean() + columns.mean()) / 2 / power if power > 0 else 0.0


def _project(
    images: Float[np.ndarray, "images rows columns"],
    name: str,
    patch: int,
    noise_sd: float | None,
    stride: int = 1,
) -> _Projected:
    """Return a series' components at the first stride at which neighbours' noise is its own."""
    patches = _patches(images[:, ::stride, ::stride], patch)
    sd = _noise(patches, name) if noise_sd is None else noise_sd
    found = _Projected(stride, sd, patches, [components(values, sd) for values in patches])
    room = stride < LARGEST_STRIDE and min(images.shape[1:]) // (stride + 1) >= patch
    if abs(found.correlation) > INDEPENDENT and room:
        return _project(images, name, patch, noise_sd, stride + 1)
    return found


def _check(images: Shaped[np.ndarray, "images rows columns"], name: str, patch: int) -> None:
    unfit = int((~np.isfinite(images)).sum())
    if unfit:
        msg = f"{name} holds {unfit} values that are not finite. Correct or leave out the series."
        raise InputError(msg)
    if min(images.shape[1:]) < patch or len(images) >= patch**2 or len(images) < 2:
        msg = (
            f"{name} has {len(images)} images of {images.shape[1]} x {images.shape[2]} pixels, "
            f"which patches of {patch} x {patch} do not suit: they need 2 or more images, fewer "
            "than a patch has pixels. Give a series, or another patch."
        )
        raise InputError(msg)


def _patches(
    images: Float[np.ndarray, "images rows columns"], side: int
) -> list[Float[np.ndarray, "images pixels"]]:
    """Return square patches beside each other, as many as fit, centred in the image."""
    counts = [size // side for size in images.shape[1:]]
    starts = [(size - side * n) // 2 for size, n in zip(images.shape[1:], counts, strict=True)]
    return [
        images[
            :,
            starts[0] + side * i : starts[0] + side * (i + 1),
            starts[1] + side * j : starts[1] + side * (j + 1),
        ].reshape(len(images), -1)
        for i in range(counts[0])
        for j in range(counts[1])
    ]


def _noise(patches: list[Float[np.ndarray, "images pixels"]], name: str) -> float:
    """Return the median over patches of the noise that the projection finds."""
    found = [components(values).noise_sd for values in patches if np.ptp(values) > 0]
    sd = float(np.median(found)) if found else 0.0
    size = float(np.sqrt(np.mean([np.mean(values**2) for values in patches])))
    if not sd > NO_NOISE * size:
        msg = (
            f"{name} shows no noise, found {sd:.3g} beside a signal of {size:.3g}: it was made, "
            "filtered or interpolated without. Information needs the noise of the measurement: "
            "state it with noise_sd, in the images' unit."
        )
        raise InputError(msg)
    return sd


def _rate(found: Components) -> float:
    """Return the bits that code a pixel's components to a distortion of the noise's variance."""
    return rate(found.signal_to_noise, float(found.number))[0] if found.number else 0.0


__all__ = ["SeriesInformation", "series_information"]
