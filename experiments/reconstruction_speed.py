"""Coil maps, SENSE and a low-rank and sparse series, against the package `sigpy` on one core.

`python experiments/reconstruction_speed.py [pixels=128] [frames=20] [output=folder]`. A beating
phantom is scanned as a cine; the package (sigpy 0.1.27) is installed into an environment of its
own beside the results and gets the same whitened k-space. Maps and SENSE have the same settings
and errors beside each other; the series minimises the same sum by the package's operators,
proximal maps and accelerated gradients until it is as small as ours. CPU seconds, the best of
`repeats`. Where the package cannot be installed, only our own numbers are given.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from circulation_speed import install
from experiment import run
from reconstruction import middle as heart_part
from reconstruction import truth as ideal
from reconstruction_peer import PEER, peer_run

from cardiotwin.exam.acquisition import scan_cine
from cardiotwin.exam.cine_protocol import CineProtocol, MovingAnatomy
from cardiotwin.imaging.encoding import to_image
from cardiotwin.imaging.raw import cartesian_spectra
from cardiotwin.imaging.reconstruction import espirit_maps, low_rank_sparse, sense
from cardiotwin.imaging.reconstruction.sense import DAMPING, LineSense, mean_middle

THRESHOLD, CROP, LOW_RANK, SPARSE = 0.003, 0.9, 0.001, 0.0003


@dataclass(frozen=True, kw_only=True)
class Options:
    pixels: int = 128
    frames: int = 20
    repeats: int = 1
    output: str = "outputs/reconstruction_speed"


def phantom(options: Options) -> MovingAnatomy:
    """Return a chest with a bright pool that contracts, 300 mm wide."""
    n, count = options.pixels, options.frames
    pixel = 0.3 / n
    i, j = np.meshgrid(*[(np.arange(n) - n // 2) * pixel] * 2, indexing="ij")
    body = (i / 0.13) ** 2 + (j / 0.1) ** 2 < 1
    lung = ((i - 0.06) / 0.035) ** 2 + ((j + 0.01) / 0.06) ** 2 < 1
    away = np.hypot(i + 0.02, j)
    radius = 0.025 + 0.007 * np.cos(2 * np.pi * np.arange(count) / count)
    still = 60.0 * body - 50.0 * lung
    frames = [still + 100 * np.clip((one - away) / pixel, 0, 1) for one in radius]
    affine = np.diag([pixel, pixel, 8e-3, 1.0])
    affine[:2, 3] = -pixel * (n // 2)
    return MovingAnatomy(
        frames=np.array(frames)[None],
        frame_times=np.arange(count) / count,
        period=1.0,
        systole=0.35,
        affines=affine[None],
        heart=np.zeros(3),
    )


def timed(work: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """Return a result and the CPU seconds of the fastest of its repeats."""
    best, result = np.inf, None
    for _ in range(repeats):
        began = time.process_time()
        result = work()
        best = min(best, time.process_time() - began)
    return result, best


def speed(options: Options) -> Mapping[str, Any]:
    """Run both and return seconds, errors and ratios."""
    folder = Path(options.output).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    anatomy = phantom(options)
    protocol = CineProtocol(
        n_phases=options.frames, acceleration=3, sampling="random", n_calibration=12
    )
    scan = scan_cine(anatomy, protocol, np.random.default_rng(1))
    spectra = cartesian_spectra(scan, 0)
    kspace, mask = spectra.kspace, spectra.mask
    middle, shape = mean_middle(kspace, mask), kspace.shape[-2:]
    found: dict[str, np.ndarray] = {}
    seconds: dict[str, float] = {}
    maps, seconds["maps"] = timed(
        lambda: espirit_maps(middle, shape, threshold=THRESHOLD, crop=CROP), options.repeats
    )
    found["sense"], seconds["sense"] = timed(lambda: sense(kspace, mask, maps), options.repeats)
    parts, seconds["series"] = timed(
        lambda: low_rank_sparse(kspace, mask, maps, low_rank=LOW_RANK, sparse=SPARSE),
        options.repeats,
    )
    found["series"] = parts.image
    hybrid = to_image(kspace, (-2,))
    right = LineSense(coil_maps=maps, mask=mask).adjoint(hybrid)
    truth = ideal(anatomy, protocol, scan, maps)
    own = {name: error(image, truth) for name, image in found.items()}
    result = {f"{name}_cpu_s": value for name, value in seconds.items()}
    result |= {f"{name}_error_percent": 100 * value for name, value in own.items()}
    result |= {"series_iterations": float(len(parts.objective))}
    python = install(folder / "peer", (PEER,))
    if python is None:
        print(f"{PEER} could not be installed: no ratio.", file=sys.stderr)
        return result
    np.savez(
        folder / "task.npz",
        kspace=kspace,
        mask=mask,
        maps=maps,
        middle=middle,
        hybrid=hybrid,
        threshold=THRESHOLD,
        crop=CROP,
        damping=DAMPING,
        repeats=options.repeats,
        start=np.linalg.norm(right, axis=(1, 2)),
        low=LOW_RANK * np.linalg.norm(right.reshape(len(right), -1), 2),
        sparse=SPARSE * np.abs(np.fft.fft(right, axis=0, norm="ortho")).max(),
        goal=parts.objective[-1],
    )
    theirs = peer_run(python, folder)
    peer = np.load(folder / "peer.npz")
    agree = np.abs(np.einsum("cij,cij->ij", maps.conj(), peer["maps"]))
    both = (np.linalg.norm(maps, axis=0) > 0.5) & (np.linalg.norm(peer["maps"], axis=0) > 0.5)
    result |= {f"peer_{name}_cpu_s": value for name, value in theirs.items()}
    result |= {f"peer_{n}_error_percent": 100 * error(peer[n], truth) for n in found}
    result |= {f"{name}_ratio": theirs[name] / value for name, value in seconds.items()}
    return result | {"maps_agreement": float(np.median(agree[both]))}


def paragraph(result: Mapping[str, Any]) -> str:
    """Return what the page of benchmarks says of it."""
    head = (
        "A beating phantom, 8 coils, every third line at random; one core, "
        "CPU-s; errors of the magnitude near the heart.\n"
    )
    lines = [
        head,
        "| work | s | error, % | sigpy, s | its error, % | ratio |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, words in {"maps": "ESPIRiT maps", "sense": "SENSE", "series": "L + S"}.items():
        cells = [
            f"{result[key]:.{digits}f}" if key in result else ""
            for key, digits in (
                (f"{name}_cpu_s", 2),
                (f"{name}_error_percent", 2),
                (f"peer_{name}_cpu_s", 2),
                (f"peer_{name}_error_percent", 2),
                (f"{name}_ratio", 1),
            )
        ]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    if "maps_ratio" not in result:
        lines.append(f"\n`{PEER}` could not be installed.")
    return "\n".join(lines) + "\n"


def error(series: np.ndarray, truth: np.ndarray) -> float:
    """Return the relative error of magnitudes near the heart."""
    image, true = heart_part(np.abs(series)), heart_part(np.abs(truth))
    return float(np.linalg.norm(image - true) / np.linalg.norm(true))


if __name__ == "__main__":
    run(Options, speed)
