"""`cardiotwin information`: bits that images hold, a protocol tells, or a twin has gained."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardiotwin.errors import InputError
from cardiotwin.run.application import Options, run_job
from cardiotwin.run.folder import RUNS, folder_name, locked
from cardiotwin.run.options import store
from cardiotwin.run.reading import place
from cardiotwin.twin.files import write_bytes

if TYPE_CHECKING:
    from cardiotwin.imaging.information.series import SeriesInformation


@dataclass
class InformationOptions:
    """The bits that images hold, that a protocol tells, or that a twin has gained.

    Parameters
    ----------
    path
        Images, a folder of them, a subject, or a MATLAB file of perfusion; the run folder of a
        finished twin: the ledger of its examination; null: a protocol.
    output
        Folder for `information.json` and `information.png`; null: runs/information/NAME.
    noise_sd
        Of one pixel of one image, in the images' unit; null: what the images show.
    patch
        Side of the square patches whose components are sought, pixels.
    seed
        Of the tissues over which a protocol is averaged, and of a twin's draws.
    states
        Of the full model, from which a twin is reduced; they are kept in its run folder.
    reach
        How far about the fit the reduced twin goes: exponent of the factors of its range.
    confirm
        Draws at which the full model is solved beside the reduced one; 0: none.
    motion
        Whether the drawn end-systole's motion counts, and not its volume alone.
    protocol
        What is scanned of which tissue; `protocol=standard` chooses, none measures `path`.
    """

    path: str | None = None
    output: str | None = None
    noise_sd: float | None = None
    patch: int = 12
    seed: int = 0
    states: int = 64
    reach: float = 1.0
    confirm: int = 3
    motion: bool = False
    protocol: Any = field(default_factory=dict)


RECORD = "twin.json"

store("information", InformationOptions)


def run(words: Sequence[str]) -> int:
    """Return the exit code of the job."""
    return run_job("information", measure_information, words)


def measure_information(options: Options) -> None:
    """Write what images or a protocol tell, and print the numbers."""
    sequences = options["protocol"].get("sequences") or {}
    if (options["path"] is None) == (not sequences):
        found = "neither" if options["path"] is None else "both"
        msg = (
            f"information takes a path or a protocol, found {found}. "
            "Write cardiotwin information path=folder, or protocol=standard."
        )
        raise InputError(msg)
    name = "protocol" if options["path"] is None else folder_name(options["path"])
    given = options["output"]
    folder = RUNS / "information" / name if given is None else place("output", given)
    run = None if options["path"] is None else place("path", options["path"])
    with locked(folder):
        if sequences:
            page = _of_protocol(options, folder)
        elif run is not None and (run / RECORD).is_file():
            page = _of_twin(run, options, folder)
        else:
            page = _of_images(options, folder)
        write_bytes(folder / "information.json", (json.dumps(page, indent=2) + "\n").encode())
    for key, value in page.items():
        if isinstance(value, int | float | str):
            print(f"{key}: {value:.6g}" if isinstance(value, float) else f"{key}: {value}")  # noqa: T201 - the command's answer
    print(folder / "information.json")  # noqa: T201 - the command's answer


def _of_twin(run: Path, options: Options, folder: Path) -> dict[str, Any]:
    from cardiotwin.run.twin_information import ledger_of_run  # noqa: PLC0415 - brings dolfinx

    return ledger_of_run(run, folder, options)


def _of_images(options: Options, folder: Path) -> dict[str, Any]:
    from cardiotwin.imaging.information import series_information  # noqa: PLC0415 - brings torch
    from cardiotwin.imaging.information.sources import read_series  # noqa: PLC0415 - brings torch
    from cardiotwin.viz.information import draw_series  # noqa: PLC0415 - brings matplotlib

    found = [
        series_information(
            series.images,
            name=series.name,
            data_bytes=series.data_bytes,
            stored_quantum=series.quantum,
            noise_sd=options["noise_sd"],
            patch=options["patch"],
        )
        for series in read_series(place("path", options["path"]))
    ]
    draw_series(found, folder / "information.png")
    return _totals(found) | {"series": [asdict(each) for each in found]}


def _totals(found: Sequence["SeriesInformation"]) -> dict[str, Any]:
    """Return the numbers of all series: sums, means over their pixels, and medians of settings."""
    weights = [each.n_object_pixels * each.n_images for each in found]

    def mean(name: str) -> float:
        values = [getattr(each, name) for each in found]
        return float(sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights))

    def median(name: str) -> float:
        return float(sorted(getattr(each, name) for each in found)[len(found) // 2])

    data, bits = sum(each.data_bytes for each in found), sum(each.bits for each in found)
    return {
        "n_series": len(found),
        "bits_per_pixel": mean("bits_per_pixel"),
        "entropy_bits_per_pixel": mean("entropy_bits_per_pixel"),
        "denoised_bits_per_pixel": mean("denoised_bits_per_pixel"),
        "rate_bits_per_pixel": mean("rate_bits_per_pixel"),
        "noise_sd": median("noise_sd"),
        "noise_correlation": median("noise_correlation"),
        "quantisation": median("quantum"),
        "components": median("components"),
        "pixel_stride": int(median("pixel_stride")),
        "bits": bits,
        "data_bytes": data,
        "bits_per_byte": bits / data,
    }


def _of_protocol(options: Options, folder: Path) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415 - not for --help

    from cardiotwin.imaging.information.protocol import (  # noqa: PLC0415 - brings torch
        Prior,
        Scan,
        protocol_information,
    )
    from cardiotwin.viz.information import draw_protocol  # noqa: PLC0415 - brings matplotlib

    protocol = options["protocol"]
    found = protocol_information(
        {name: _made(Scan, name, each) for name, each in protocol["sequences"].items()},
        {name: _made(Prior, name, each) for name, each in protocol.get("tissue", {}).items()},
        rng=np.random.default_rng(options["seed"]),
    )
    draw_protocol(found, folder / "information.png")
    rows = {each.name: asdict(each) for each in found.scans}
    data = sum(each.data_bytes for each in found.scans)
    return {
        "bits_per_voxel": found.bits_per_voxel,
        "data_bytes": data,
        "best_order": " ".join(found.best_order),
        "parameter_bits": dict(found.parameter_bits),
        "sequences": rows,
    }


def _made(kind: Any, name: str, values: Mapping[str, Any]) -> Any:
    """Return a model from a protocol's page; raise `InputError` for a key it has not."""
    try:
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except TypeError as error:
        msg = (
            f"protocol {name} is not complete, or has a key too many: found {', '.join(values)} "
            f"({error}). Compare it with configs/protocol/standard.yaml."
        )
        raise InputError(msg) from error


__all__ = ["measure_information", "run"]
