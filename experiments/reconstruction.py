"""A real cine scanned again by the encoding, written as raw data, and reconstructed from it.

`python experiments/reconstruction.py path=image [slice=0] [acceleration=3] [calibration=0]
[sampling=regular|random] [coils=8] [snr=60] [output=folder]`: `path` is a NIfTI cine. Its frames
are the truth; the raw data are written as ISMRMRD, read again, and reconstructed with coil maps of
their own: zero-filled, by SENSE, as low-rank and sparse. Errors are relative root mean squares in
the middle of the picture, where the heart is, against what full sampling without noise gives;
`motion` is what differs from the mean over the beat.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from experiment import run

from cardiotwin.errors import InputError
from cardiotwin.exam.acquisition import scan_cine
from cardiotwin.exam.cine_protocol import CineProtocol, MovingAnatomy
from cardiotwin.imaging.encoding import to_image
from cardiotwin.imaging.examination import ImageStack
from cardiotwin.imaging.images import read_images
from cardiotwin.imaging.raw import RawScan, cartesian_spectra, read_raw, write_raw
from cardiotwin.imaging.reconstruction import espirit_maps, low_rank_sparse, sense
from cardiotwin.imaging.reconstruction.sense import LineSense, mean_middle
from cardiotwin.viz.theme import figure, save

SYSTOLE = 0.35  # s
SHOWN = {"truth": "full", "zero_filled": "lines missing", "sense": "SENSE", "low_rank": "L + S"}


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    slice: int = 0
    acceleration: int = 3
    calibration: int = 0
    sampling: str = "regular"
    coils: int = 8
    snr: float = 60.0
    output: str = "outputs/reconstruction"


def anatomy_of(image: ImageStack, number: int) -> MovingAnatomy:
    """Return a cine's slice as what lies in the scanner."""
    frames = np.moveaxis(image.array[:, :, number], -1, 0).astype(np.float64)
    if len(frames) < 4:
        msg = f"path needs a cine of 4 frames or more, found {len(frames)}. Give another image."
        raise InputError(msg)
    affine = image.affine.copy()
    affine[:3, 3] += number * affine[:3, 2]
    times = image.frame_times - image.frame_times[0]
    period = float(times[-1] + np.median(np.diff(times)))
    middle = affine @ np.array([frames.shape[1] / 2, frames.shape[2] / 2, 0, 1])
    return MovingAnatomy(
        frames=frames[None],
        frame_times=times,
        period=period,
        systole=SYSTOLE,
        affines=affine[None],
        heart=middle[:3],
    )


def reconstructions(
    anatomy: MovingAnatomy, protocol: CineProtocol, folder: Path
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return the magnitudes by method, and the CPU seconds of each."""
    scan = scan_cine(anatomy, protocol, np.random.default_rng(1))
    scan, _ = read_raw(write_raw(scan, folder / "raw.h5"))
    spectra = cartesian_spectra(scan, 0)
    began = time.process_time()
    maps = espirit_maps(mean_middle(spectra.kspace, spectra.mask), spectra.kspace.shape[-2:])
    seconds = {"maps": time.process_time() - began}
    mask, lines = spectra.mask, to_image(spectra.kspace, (-2,))
    methods: dict[str, Callable[[], np.ndarray]] = {
        "zero_filled": lambda: LineSense(coil_maps=maps, mask=mask).adjoint(lines),
        "sense": lambda: sense(spectra.kspace, mask, maps),
        "low_rank": lambda: low_rank_sparse(spectra.kspace, mask, maps).image,
    }
    found = {"truth": truth(anatomy, protocol, scan, maps)}
    for name, method in methods.items():
        began = time.process_time()
        found[name] = method()
        seconds[name] = time.process_time() - began
    return {name: np.abs(image) for name, image in found.items()}, seconds


def truth(
    anatomy: MovingAnatomy, protocol: CineProtocol, scan: RawScan, maps: np.ndarray
) -> np.ndarray:
    """Return what full sampling without noise and with even beats gives, as `scan` is whitened."""
    ideal = replace(protocol, acceleration=1, signal_to_noise=1e9, beat_spread=0.0)
    full = scan_cine(anatomy, ideal, np.random.default_rng(1))
    spectra = cartesian_spectra(replace(full, noise=scan.noise), 0)
    whole = LineSense(coil_maps=maps, mask=spectra.mask)
    return whole.adjoint(to_image(spectra.kspace, (-2,)))


def middle(series: np.ndarray) -> np.ndarray:
    """Return the middle half of the picture along both axes."""
    i, j = series.shape[1:]
    return series[:, i // 4 : 3 * i // 4, j // 4 : 3 * j // 4]


def motion(series: np.ndarray) -> np.ndarray:
    """Return what differs from the mean over the beat."""
    return np.asarray(series - series.mean(axis=0))


def relative(found: np.ndarray, true: np.ndarray) -> float:
    """Return the relative root mean square of the difference."""
    return float(np.linalg.norm(found - true) / np.linalg.norm(true))


def draw(found: Mapping[str, np.ndarray], errors: Mapping[str, float], folder: Path) -> Path:
    """Draw each method's first frame, its error and its course in time along one column."""
    true = middle(found["truth"])
    top = float(np.quantile(true, 0.995))
    with figure(10, 7.5) as fig:
        axes = fig.subplots(3, len(SHOWN))
        for number, (name, words) in enumerate(SHOWN.items()):
            series = middle(found[name])
            rows = (
                series[0].T,
                np.abs(series[0] - true[0]).T * 4,
                series[:, series.shape[1] // 2],
            )
            for axis, picture in zip(axes[:, number], rows, strict=True):
                axis.imshow(picture, cmap="gray", vmin=0, vmax=top, aspect="auto")
                axis.set_xticks([])
                axis.set_yticks([])
            told = f"\nerror {100 * errors[name]:.1f} %" if name in errors else ""
            axes[0, number].set_title(words + told)
        for row, label in enumerate(("first frame", "4 x error", "time (down), one column")):
            axes[row, 0].set_ylabel(label)
        fig.colorbar(axes[0, 0].images[0], ax=axes, label="signal, arbitrary units", shrink=0.6)
        return save(fig, folder / "reconstruction.png")


def reconstruction(options: Options) -> Mapping[str, Any]:
    """Scan, reconstruct, draw, and return errors and times."""
    if not options.path:
        msg = "path needs an image, found none. Write path=cine.nii.gz."
        raise InputError(msg)
    image = read_images(Path(options.path))[0]
    anatomy = anatomy_of(image, options.slice)
    protocol = CineProtocol(
        n_phases=image.array.shape[3],
        n_coils=options.coils,
        acceleration=options.acceleration,
        n_calibration=options.calibration,
        sampling=options.sampling,
        signal_to_noise=options.snr,
    )
    folder = Path(options.output)
    found, seconds = reconstructions(anatomy, protocol, folder)
    true = middle(found["truth"])
    errors, moving = {}, {}
    for name, series in found.items():
        if name != "truth":
            errors[name] = relative(middle(series), true)
            moving[name] = relative(motion(middle(series)), motion(true))
    draw(found, errors, folder)
    return {
        **{f"{name}_error_percent": 100 * value for name, value in errors.items()},
        **{f"{name}_motion_error_percent": 100 * value for name, value in moving.items()},
        **{f"{name}_cpu_s": value for name, value in seconds.items()},
        "raw_mb": (folder / "raw.h5").stat().st_size / 1e6,
    }


if __name__ == "__main__":
    run(Options, reconstruction)
