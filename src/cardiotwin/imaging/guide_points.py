"""Guide-point files: contours and landmarks in scanner millimetres, with their image planes.

`GPFile_NNN.txt` has one point per line (x, y, z, contour type, slice, weight, time frame);
`SliceInfoFile.txt` has one image plane per line as DICOM attributes. Both occur with the
slice called ``frameID`` or ``sliceID``. Format: biv-me and its predecessors, University of
Auckland (https://github.com/UOA-Heart-Mechanics-Research/biv-me).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.imaging.affine import LPS_TO_RAS, lps_affine

PLANE_TOLERANCE = 2e-3  # m, median distance of the points from their own image plane


@dataclass(frozen=True, kw_only=True, eq=False)
class GuidePoints:
    """The points of one frame.

    Parameters
    ----------
    points
        World positions (RAS+, m) by contour type and slice, in the file's order.
    frame
        The frame's number.
    source
        The file.
    """

    points: Mapping[tuple[str, int], Float[np.ndarray, "points 3"]]
    frame: int
    source: Path


def guide_point_files(folder: Path) -> tuple[Path, ...]:
    """Return a folder's guide-point files in order of their frame number."""
    files = [item for item in folder.iterdir() if re.fullmatch(r"GPFile.*\.txt", item.name)]
    return tuple(sorted(files, key=frame_number))


def is_guide_file(path: Path) -> bool:
    """Return whether a file is one of a folder of guide points, or its slice information."""
    name = r"(GPFile|SliceInfo).*\.txt"
    return path.is_file() and re.fullmatch(name, path.name) is not None


def frame_number(path: Path) -> int:
    """Return the last number in a guide-point file's name, 0 where there is none."""
    digits = re.findall(r"\d+", path.stem)
    return int(digits[-1]) if digits else 0


def slice_info_file(folder: Path) -> Path:
    """Return the folder's slice information; raise `InputError` where it is missing."""
    candidates = sorted(folder.glob("SliceInfo*.txt"))
    if not candidates:
        n_files = len(guide_point_files(folder))
        msg = (
            f"Guide points without slice information: {folder} holds {n_files} GPFile*.txt and no "
            "SliceInfoFile.txt. Put the file that the contours were exported with beside them."
        )
        raise InputError(msg)
    return candidates[0]


def read_slice_info(path: Path) -> dict[int, Float[np.ndarray, "4 4"]]:
    """Return the affine (pixel column, pixel row, normal, first pixel; RAS+, m) of each slice."""
    affines = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        words = line.replace(":", " ").split()
        try:
            key = next(k for k, word in enumerate(words) if word in {"sliceID", "frameID"})
            position = _numbers(words, "ImagePositionPatient", 3)
            orientation = _numbers(words, "ImageOrientationPatient", 6)
            spacing = _numbers(words, "PixelSpacing", 2)
            slice_id = int(words[key + 1])
        except (StopIteration, ValueError, IndexError) as error:
            msg = (
                f"Line {number} of {path} is not slice information, found {line[:60]!r}. Each "
                "line needs sliceID (or frameID), ImagePositionPatient, ImageOrientationPatient "
                "and PixelSpacing."
            )
            raise InputError(msg) from error
        row, column = orientation[:3], orientation[3:]
        affines[slice_id] = lps_affine(
            position, row * spacing[1], column * spacing[0], np.cross(row, column)
        )
        if abs(np.linalg.det(affines[slice_id][:3, :3])) < 1e-12:
            msg = f"Slice {slice_id} of {path} has no plane, found {orientation}. Export it again."
            raise InputError(msg)
    return affines


def _numbers(words: list[str], name: str, count: int) -> Float[np.ndarray, " values"]:
    start = words.index(name) + 1
    values = np.array([float(word) for word in words[start : start + count]])
    if values.size != count or not np.all(np.isfinite(values)):
        raise ValueError(name)
    return values


def read_guide_points(path: Path) -> GuidePoints:
    """Return one frame's points by contour type and slice.

    A file may repeat other frames' points. Where a contour of a slice has points of the frame
    that the file is named after, only those count; otherwise those of its commonest frame do
    (exports exist whose frame column is wrong in some slices).
    """
    frame = frame_number(path)
    rows: dict[tuple[str, int], list[tuple[int, list[float]]]] = defaultdict(list)
    for number, line in enumerate(_text(path).splitlines()[1:], start=2):
        if not line.strip():
            continue
        words = line.split()
        try:
            position = [float(word) for word in words[:3]]
            if not np.isfinite(position).all():
                raise ValueError(words[:3])  # noqa: TRY301 - told below, as all others are
            key = words[3], int(float(words[4]))
            rows[key].append((int(float(words[6])) if len(words) > 6 else frame, position))
        except (ValueError, IndexError) as error:
            msg = (
                f"Line {number} of {path} is not a guide point, found {line[:60]!r}. Each line "
                "needs x, y, z (mm), contour type, slice, weight, time frame."
            )
            raise InputError(msg) from error
    points = {}
    for key, found in rows.items():
        frames = Counter(which for which, _ in found)
        chosen = frame if frame in frames else frames.most_common(1)[0][0]
        kept = np.array([position for which, position in found if which == chosen])
        points[key] = kept * 1e-3 @ LPS_TO_RAS
    if not points:
        msg = f"{path} holds no guide points, only its heading. Export the contours again."
        raise InputError(msg)
    return GuidePoints(points=points, frame=frame, source=path)


def check_planes(
    guide: GuidePoints, affines: Mapping[int, Float[np.ndarray, "4 4"]], info: Path
) -> None:
    """Raise `InputError` unless every point's slice is known and holds it in its plane."""
    missing = sorted({slice_id for _, slice_id in guide.points} - set(affines))
    if missing:
        msg = (
            f"{guide.source.name} has points on slice {missing[0]}, found slices "
            f"{sorted(affines)} in {info.name}. Put the slice information of the same "
            "examination beside it."
        )
        raise InputError(msg)
    distances = [
        np.abs((points - affines[slice_id][:3, 3]) @ affines[slice_id][:3, 2] * 1e3)
        for (_, slice_id), points in guide.points.items()
    ]
    median = float(np.median(np.concatenate(distances)))
    if median > PLANE_TOLERANCE:
        msg = (
            f"The points of {guide.source.name} do not lie in the planes of {info.name}, found a "
            f"median distance of {median * 1e3:.1f} mm. Both must be in scanner (LPS) "
            "millimetres and of the same examination."
        )
        raise InputError(msg)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        msg = f"{path} is not a readable text file: {error}. Export the contours again."
        raise InputError(msg) from error
