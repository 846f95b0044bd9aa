"""The bits that a series of images holds: noise, components and entropy, patch by patch."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Shaped

from cardiotwin.errors import InputError
from cardiotwin.imaging.information.entropy import entropy_gain
from cardiotwin.imaging.information.gaussian import rate
from cardiotwin.imaging.information.projection import Components, components

PATCH = 12  # pixels along each side
OBJECT = 5.0  # times the noise that a pixel's mean must reach to belong to the object


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesInformation:
    """What a series of images tells.

    Parameters
    ----------
    name
        Of the series.
    n_images, n_pixels, n_object_pixels
        Images of the series, pixels of one of them, and those of these that show an object.
    noise_sd
        Of one pixel of one image, in the images' unit; stated, or found by the projection.
    noise_correlation
        Between the noise of neighbouring pixels: above 0.1 the images were interpolated, the
        patches hold fewer independent values than pixels, and bits are overestimated.
    quantum
        Step in which values were told apart for the entropy, in the images' unit.
    components
        Median number that stands out of the noise in the patches of the object.
    bits
        That all images hold together.
    bits_per_pixel
        Of one image and one pixel of the object, all images taken together.
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
    patches = _patches(images, patch)
    sd = _noise(patches, name) if noise_sd is None else noise_sd
    found = [components(values, sd) for values in patches]
    again = [components(each.denoised, sd) for each in found]
    inside = [values.mean(axis=0) > OBJECT * sd for values in patches]
    n_object = int(sum(mask.sum() for mask in inside))
    if n_object == 0:
        msg = (
            f"{name} shows nothing above {OBJECT:g} times its noise ({sd:.3g}). "
            "Give images of an object, or state the noise with noise_sd."
        )
        raise InputError(msg)
    n_images = len(images)
    quantum = max(sd / 10, stored_quantum)
    seen = np.concatenate([v[:, mask].ravel() for v, mask in zip(patches, inside, strict=True)])
    taken = [values - each.denoised for values, each in zip(patches, found, strict=True)]
    shown = [each.number for each, mask in zip(found, inside, strict=True) if mask.mean() > 0.5]

    def per_pixel(each: list[Components]) -> float:
        bits = sum(e.bits_per_pixel * mask.sum() for e, mask in zip(each, inside, strict=True))
        return float(bits) / n_object / n_images

    bits = sum(each.bits_per_pixel * patch**2 for each in found)
    return SeriesInformation(
        name=name,
        n_images=n_images,
        n_pixels=images[0].size,
        n_object_pixels=n_object,
        noise_sd=sd,
        noise_correlation=_neighbours(taken, patch),
        quantum=quantum,
        components=float(np.median(shown)) if shown else 0.0,
        bits=float(bits),
        bits_per_pixel=per_pixel(found),
        entropy_bits_per_pixel=entropy_gain(seen, sd, quantum),
        denoised_bits_per_pixel=per_pixel(again),
        denoised_sd=float(np.sqrt(np.mean([np.mean(each**2) for each in taken]))),
        rate_bits_per_pixel=_rate(found, inside, sd) / n_images,
        data_bytes=data_bytes,
    )


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
    if not sd > 0:
        msg = (
            f"{name} shows no noise. Information needs the noise of the measurement: "
            "state it with noise_sd, in the images' unit."
        )
        raise InputError(msg)
    return sd


def _neighbours(taken: list[Float[np.ndarray, "images pixels"]], side: int) -> float:
    """Return the correlation between neighbours of what the projection took away."""
    noise = np.stack(taken).reshape(-1, side, side)
    products = (noise[:, 1:] * noise[:, :-1]).mean() + (noise[:, :, 1:] * noise[:, :, :-1]).mean()
    return float(products / 2 / np.mean(noise**2))


def _rate(found: list[Components], inside: list[Bool[np.ndarray, " pixels"]], sd: float) -> float:
    """Return the bits per pixel of the object that code its components to the noise's variance."""
    bits, weight = 0.0, 0
    for each, mask in zip(found, inside, strict=True):
        if each.number and mask.any():
            bits += rate(each.signal_to_noise * sd**2, each.number * sd**2)[0] * int(mask.sum())
        weight += int(mask.sum())
    return bits / weight


__all__ = ["SeriesInformation", "series_information"]
