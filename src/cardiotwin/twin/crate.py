"""`ro-crate-metadata.json`: what is in a run folder, from which inputs, by which software.

RO-Crate 1.1, https://www.researchobject.org/ro-crate/specification/1.1/. The person appears by the
identifier that the user gave and nothing else.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cardiotwin.errors import Flag
from cardiotwin.twin.twin import Twin

CODE_LICENCE = "https://spdx.org/licenses/MIT"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a kind of file in a run folder is.

    Parameters
    ----------
    says
        One sentence for a reader who knows the heart, not the program.
    media
        IANA media type.
    """

    says: str
    media: str


KNOWN = {
    "twin.json": Entry(
        says="Volumes, parameters, agreement and flags of the twin, for machines.",
        media="application/json",
    ),
    "twin.vtkhdf": Entry(
        says="Mesh, fibres, segments, and displacement, strain and stress over the beat; and the "
        "whole record to the last bit.",
        media="application/x-hdf5",
    ),
    "beat.csv": Entry(says="Cavity volume and pressure over the beat.", media="text/csv"),
    "posterior.parquet": Entry(
        says="Draws from the posterior of the parameters, SI units.",
        media="application/vnd.apache.parquet",
    ),
    "report.html": Entry(says="The report for a reader.", media="text/html"),
    "beat.mp4": Entry(
        says="The wall from end-diastole to end-systole, interpolated between the two.",
        media="video/mp4",
    ),
}
PICTURES = {
    "slices": "The model's contours on the images at end-diastole.",
    "slices_end_systole": "The model's contours on the images at end-systole.",
    "fibres": "The wall in space with its fibres.",
    "strain": "The wall in space with its strain.",
    "pressure_volume": "Passive curve, measured and model states.",
    "segments": "Strain and wall thickness by AHA segment.",
    "function": "Global strain, torsion and rotation beside healthy hearts.",
    "segments_strain": "Engineering strain by AHA segment, of material and in fixed planes.",
    "views": "Contours at end-diastole and end-systole in six image planes.",
    "parameters": "Prior and posterior of each parameter.",
}


def crate_record(twin: Twin, files: Mapping[str, str], written: dt.datetime) -> dict[str, Any]:
    """Return the JSON-LD of a run folder; `files` holds the SHA-256 of its files by name.

    A file with an empty SHA-256 is listed without one (`twin.json` is written after this).
    """
    # Imported here: the record of a twin must not cost a network library at start.
    from rocrate.rocrate import ROCrate  # noqa: PLC0415

    crate = ROCrate(version="1.1")
    crate.name = f"Digital twin of the left ventricle of {twin.subject.identifier}"
    crate.description = _description(twin.flags)
    crate.datePublished = written
    # Whose the images are is for the user to say: the code's licence does not cover them.
    crate.root_dataset["license"] = "The licence of the input images applies."
    software = _software(crate, twin.software)
    inputs = [
        crate.add_jsonld(
            {
                "@id": f"#input-{digest}-{number}",
                "@type": "CreativeWork",
                "name": path,
                "sha256": digest,
            }
        )
        for number, (path, digest) in enumerate(twin.inputs.items())
    ]
    parts = [_file(crate, name, digest) for name, digest in files.items()]
    action = crate.add_jsonld(
        {
            "@id": "#personalisation",
            "@type": "CreateAction",
            "name": "Mesh, unload, inflate, contract, and fit to the measurements",
            "endTime": written.isoformat(timespec="seconds"),
        }
    )
    action["instrument"] = software
    action["object"] = inputs
    action["result"] = parts
    crate.root_dataset["mentions"] = [action]
    record = crate.metadata.generate()
    assert isinstance(record, dict)  # noqa: S101 - rocrate has no types
    return record


def _description(flags: Sequence[Flag]) -> str:
    remarks = " ".join(flag.sentence for flag in flags)
    whole = f"A personalised finite-element model of one left ventricle. {remarks}"
    return whole.strip()


def _software(crate: Any, versions: Mapping[str, str]) -> list[Any]:
    entities = []
    for name, version in versions.items():
        about = {
            "@id": f"#software-{quote(name, safe='')}",
            "@type": "SoftwareApplication",
            "name": name,
            "softwareVersion": version,
        }
        if name == "cardiotwin":
            about["license"] = CODE_LICENCE
        entities.append(crate.add_jsonld(about))
    return entities


def _file(crate: Any, name: str, digest: str) -> Any:
    properties = {"name": name}
    stem, _, suffix = name.rpartition(".")
    if name in KNOWN:
        properties |= {"description": KNOWN[name].says, "encodingFormat": KNOWN[name].media}
    elif suffix == "png":
        properties |= {
            "description": PICTURES.get(stem, "A picture."),
            "encodingFormat": "image/png",
        }
    if digest:
        properties["sha256"] = digest
    return crate.add_file(dest_path=name, properties=properties)


__all__ = ["crate_record"]
