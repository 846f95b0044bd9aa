"""What in a raw-data header tells who the person is."""

from pathlib import Path
from typing import Any

from cardiotwin.errors import Flag

IDENTIFYING = {
    "subjectInformation": ("patientName", "patientID", "patientBirthdate"),
    "studyInformation": (
        "studyDate",
        "studyTime",
        "studyID",
        "accessionNumber",
        "referringPhysicianName",
        "studyInstanceUID",
    ),
    "measurementInformation": (
        "measurementID",
        "seriesDate",
        "seriesTime",
        "seriesInstanceUIDRoot",
        "frameOfReferenceUID",
    ),
    "acquisitionSystemInformation": (
        "institutionName",
        "stationName",
        "deviceID",
        "deviceSerialNumber",
    ),
}


def personal_data(header: Any, source: Path) -> tuple[Flag, ...]:
    """Return a flag that names the entries of a header by which a person may be found."""
    found = [
        name
        for part, names in IDENTIFYING.items()
        for name in names
        if getattr(getattr(header, part, None), name, None) not in (None, "")
    ]
    if not found:
        return ()
    sentence = (
        f"{source.name} may tell who the person is, its header has {', '.join(found)}: cardiotwin "
        "copies none of it, but do not pass the file on."
    )
    return (Flag(name="personal_data", sentence=sentence),)


__all__ = ["personal_data"]
