"""Which files of a path are the segmentation, the contours, the images, the person's numbers."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.dicom import dicom_files, is_dicom
from cardiotwin.imaging.guide_points import guide_point_files, is_guide_file
from cardiotwin.imaging.labels import INFER
from cardiotwin.imaging.nifti import is_nifti, stem
from cardiotwin.imaging.subject import SubjectFile, read_subject

LABEL_WORDS = {"seg", "segs", "segmentation", "label", "labels", "gt", "mask", "masks", "truth"}
ED_WORDS = {"ed", "enddiastole", "diastole", "diastolic"}
ES_WORDS = {"es", "endsystole", "systole", "systolic"}
LONG_AXIS_WORDS = {"la", "lax", "2ch", "3ch", "4ch"}
PLAIN_WORDS = {"sa", "sax", "cine", "short", "axis", "end", "guidepoints", "guide", "points"}
OTHER_FOLDERS = {"tagging", "flow", "perfusion", "mapping", "raw", "physio"}
SUBJECT_FILES = ("subject.yaml", "subject.yml")
TEXT = {".txt", ".csv", ".tsv", ".json", ".yaml", ".yml", ".md"}
DEPTH = 3  # folders deep that a subject's files are looked for


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What to read beside the path, and how.

    Parameters
    ----------
    end_systole
        Segmentation of end-systole, where it is a file of its own.
    image
        NIfTI file, folder of NIfTI files, or folder of DICOM files to show.
    labels
        Name of the convention, ``VALUE:TISSUE/...``, or ``infer`` (then subject.yaml may say).
    end_diastole_frame, end_systole_frame
        Frames of the phases, from 0; chosen by the cavity's volume where not given.
    """

    end_systole: Path | None = None
    image: Path | None = None
    labels: str = INFER
    end_diastole_frame: int | None = None
    end_systole_frame: int | None = None

    def completed(self, given: SubjectFile | None) -> "Reading":
        """Return the reading with what subject.yaml says where nothing else was said."""
        if given is None:
            return self
        first, last = self.end_diastole_frame, self.end_systole_frame
        frames = given.frames
        return replace(
            self,
            labels=given.labels if self.labels == INFER else self.labels,
            end_diastole_frame=frames.get("end_diastole_frame") if first is None else first,
            end_systole_frame=frames.get("end_systole_frame") if last is None else last,
        )


AS_FOUND = Reading()


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What will be read.

    Parameters
    ----------
    identifier
        A name made of the path.
    subject
        What subject.yaml says, where there is one.
    labels
        Segmentation with end-diastole in it (None where guide points are read).
    end_systole
        Segmentation of end-systole, where it has its own file.
    guide_points
        Folder of guide-point files.
    unordered
        Whether which of two segmentations is end-diastole must be told by their cavities.
    images
        Files and folders of images to show.
    images_named
        Whether these were asked for by name (then they must match).
    flags
        What was passed over.
    """

    identifier: str
    subject: SubjectFile | None = None
    labels: Path | None = None
    end_systole: Path | None = None
    guide_points: Path | None = None
    unordered: bool = False
    images: tuple[Path, ...] = ()
    images_named: bool = False
    flags: tuple[Flag, ...] = ()


def words(path: Path) -> set[str]:
    """Return the words of a file's or folder's name, in lower case."""
    return set(re.findall(r"[a-z0-9]+", stem(path).lower()))


def find_sources(path: Path, reading: Reading) -> Sources:
    """Return what to read for a path; raise `InputError` where that is not clear."""
    if not path.exists():
        beside = path.parent
        near = sorted(item.name for item in beside.iterdir())[:5] if beside.is_dir() else []
        found = f"its folder holds {', '.join(near)}" if near else f"{beside} is empty or missing"
        msg = f"path does not exist: {path} ({found}). Check the path."
        raise InputError(msg)
    if path.name in SUBJECT_FILES or is_guide_file(path):
        path = path.parent
    sources = _of_folder(path) if path.is_dir() else _of_file(path)
    if reading.end_systole is not None:
        sources = replace(sources, end_systole=reading.end_systole, unordered=False)
    if reading.image is not None:
        sources = replace(sources, images=(reading.image,), images_named=True)
    return sources


def _of_file(path: Path) -> Sources:
    """Return a bare segmentation with the image beside it that has the same name otherwise."""
    if path.suffix.lower() in TEXT:
        msg = (
            f"path must be a segmentation, found the text file {path}. Give a NIfTI file, a "
            "subject's folder, or a folder of guide points."
        )
        raise InputError(msg)
    beside = [
        item
        for item in sorted(path.parent.iterdir())
        if is_nifti(item)
        and not words(item) & LABEL_WORDS
        and words(path) & LABEL_WORDS
        and words(item) == words(path) - LABEL_WORDS
    ]
    return Sources(identifier=_identifier(path), labels=path, images=tuple(beside))


def _identifier(path: Path) -> str:
    """Return the path's own name, or its folder's where its own says nothing of the person."""
    plain = LABEL_WORDS | ED_WORDS | ES_WORDS | PLAIN_WORDS
    own = stem(path.resolve())
    return path.resolve().parent.name if words(path.resolve()) <= plain else own


def _of_folder(folder: Path) -> Sources:
    yaml = next((folder / name for name in SUBJECT_FILES if (folder / name).is_file()), None)
    subject = read_subject(yaml) if yaml else None
    identifier = subject.subject.identifier if subject else _identifier(folder)
    found = _found(folder, identifier)
    if subject is None:
        return _complete(found, folder)
    named = subject.files
    sources = replace(found, subject=subject)
    drawing = named.get("end_diastole") or named.get("labels")
    if "guide_points" in named:
        sources = replace(
            sources, guide_points=named["guide_points"], labels=None, end_systole=None, flags=()
        )
    elif drawing is not None:
        sources = replace(
            sources, labels=drawing, guide_points=None, end_systole=None, unordered=False, flags=()
        )
    if "end_systole" in named:
        sources = replace(sources, end_systole=named["end_systole"], unordered=False)
    if "image" in named:
        sources = replace(sources, images=(named["image"],), images_named=True)
    return _complete(sources, folder)


def _complete(sources: Sources, folder: Path) -> Sources:
    if sources.labels is None and sources.guide_points is None:
        held = sorted(item.name for item in folder.iterdir() if not item.name.startswith("."))
        found = ", ".join(held[:8]) + (", ..." if len(held) > 8 else "") if held else "nothing"
        msg = (
            f"{folder} has no segmentation, found {found}. A label file's name says seg, label, "
            "gt or mask (and ed or es); a folder of guide points holds GPFile*.txt; other names "
            "go into subject.yaml under files."
        )
        raise InputError(msg)
    return sources


def _folders(folder: Path, depth: int = DEPTH, within: tuple[Path, ...] = ()) -> list[Path]:
    """Return the folder and those in it that may hold a cine examination.

    A link back to a folder that it lies in leads nowhere new.
    """
    found, within = [folder], (*within, folder.resolve())
    if depth > 0:
        for item in sorted(folder.iterdir()):
            hidden = item.name.startswith(".") or item.name.lower() in OTHER_FOLDERS
            if item.is_dir() and not hidden and item.resolve() not in within:
                found += _folders(item, depth - 1, within)
    return found


def _found(folder: Path, identifier: str) -> Sources:
    """Return what the names of the files in a folder say."""
    folders = _folders(folder)
    guides = [item for item in folders if guide_point_files(item)]
    volumes = [item for place in folders for item in sorted(place.iterdir()) if is_nifti(item)]
    drawn = [item for item in volumes if words(item) & LABEL_WORDS]
    short = [item for item in drawn if not words(item) & LONG_AXIS_WORDS]
    if not short and not guides and len(volumes) == 1:
        short = drawn = volumes
    sources = Sources(identifier=identifier)
    if short:
        sources = _with_labels(sources, short, folder)
        if guides:
            sentence = f"{guides[0].name} has guide points too: the label files were read."
            sources = replace(
                sources, flags=(Flag(name="guide_points_unread", sentence=sentence),)
            )
    elif guides:
        if len(guides) > 1:
            _several(folder, guides)
        sources = replace(sources, guide_points=guides[0])
    return replace(sources, images=_images(folders, [v for v in volumes if v not in drawn]))


def _images(folders: list[Path], volumes: list[Path]) -> tuple[Path, ...]:
    """Return the images to show: NIfTI files or, where there are none, the folders of DICOM."""
    if volumes:
        return tuple(volumes)
    top = folders[0]
    if any(is_dicom(item) for item in top.iterdir() if item.is_file()):
        return (top,)
    return tuple(item for item in folders if item.parent == top and dicom_files(item))


def _with_labels(sources: Sources, files: list[Path], folder: Path) -> Sources:
    """Return the segmentations in their roles: by name, or two by their cavities' size."""
    ed = [item for item in files if words(item) & ED_WORDS]
    es = [item for item in files if words(item) & ES_WORDS]
    other = [item for item in files if item not in ed + es]
    if len(ed) == 1 and len(es) <= 1:
        return replace(sources, labels=ed[0], end_systole=es[0] if es else None)
    if len(other) == 1 and not ed and not es:
        return replace(sources, labels=other[0])
    if len(other) == 2 and not ed and not es and other[0].parent == other[1].parent:
        return replace(sources, labels=other[0], end_systole=other[1], unordered=True)
    _several(folder, files)
    return sources


def _several(folder: Path, files: list[Path]) -> None:
    names = ", ".join(str(item.relative_to(folder)) for item in files[:6])
    msg = (
        f"{folder} has several segmentations, found {names}. Name one with path=..., or write "
        "which is which into subject.yaml under files (end_diastole, end_systole)."
    )
    raise InputError(msg)
