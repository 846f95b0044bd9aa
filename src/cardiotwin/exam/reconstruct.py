"""From the raw data of a virtual cine to images as they are stored."""

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.exam.acquisition import slice_sensitivity
from cardiotwin.exam.cine import BRIGHTNESS
from cardiotwin.imaging.examination import Tissue
from cardiotwin.imaging.raw import RawScan, cartesian_spectra
from cardiotwin.imaging.reconstruction import reconstruct

_LARGEST = 4095  # image value: twelve bits


def reconstruct_scan(
    scan: RawScan, heart: Float[np.ndarray, "3"]
) -> tuple[Float[np.ndarray, "i j k t"], Float[np.ndarray, " t"]]:
    """Return the magnitudes of all slices and the phases' times, s.

    The array's shading is taken out, as scanners do with a scan before (by the coils' own
    sensitivity): what is bright near the chest wall is as bright at the heart, noise too.
    """
    slices, times = [], np.zeros(0)
    for number, affine in enumerate(scan.affines):
        spectra = cartesian_spectra(scan, number)
        image = np.abs(reconstruct(spectra.kspace, spectra.mask).image)
        n_coils = scan.readouts.samples.shape[1]
        maps = slice_sensitivity(affine, image.shape[1:], n_coils=n_coils, heart=heart)
        slices.append(image / np.linalg.norm(maps, axis=0))
        times = spectra.phase_times
    return np.stack(slices).transpose(2, 3, 0, 1), times


def stored_values(
    image: Float[np.ndarray, "i j k t"], labels: Integer[np.ndarray, "i j k drawn"]
) -> Integer[np.ndarray, "i j k t"]:
    """Return whole numbers such that the LV's blood at end-diastole is `BRIGHTNESS`."""
    blood = image[..., 0][labels[..., 0] == Tissue.LV_CAVITY].mean()
    whole: Integer[np.ndarray, "i j k t"] = np.rint(image * (BRIGHTNESS / blood)).astype(np.int64)
    return np.asarray(np.clip(whole, 0, _LARGEST), dtype=np.int16)


__all__ = ["reconstruct_scan", "stored_values"]
