"""`subject.yaml`: a person's numbers in clinical units, the unit in each key, as a `Subject`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from cardiotwin.errors import InputError
from cardiotwin.imaging.examination import Subject
from cardiotwin.imaging.labels import INFER
from cardiotwin.imaging.quantities import POINT, QUANTITIES, check_keys, in_si
from cardiotwin.imaging.valves import KEY as VALVES
from cardiotwin.imaging.valves import Valves, parse_valves
from cardiotwin.units import MMHG

NAME = "subject.yaml"


WORDS = ("id", "sex", "labels", "diastolic_points", "files", VALVES)
FILES = ("end_diastole", "end_systole", "labels", "image", "guide_points")
FRAMES = ("end_diastole_frame", "end_systole_frame")
SEXES = {"female": "female", "f": "female", "male": "male", "m": "male", "other": "other"}
DEFAULT_SD = {"end_diastolic_pressure": 4 * MMHG, "end_systolic_pressure": 8 * MMHG}


@dataclass(frozen=True, kw_only=True)
class SubjectFile:
    """What subject.yaml says.

    Parameters
    ----------
    subject
        The person.
    labels
        Label convention, ``infer`` where none is named.
    files
        Paths by role (one of `FILES`), relative ones taken from the folder.
    frames
        Frame numbers by key (one of `FRAMES`).
    valves
        Points of the mitral valve by phase, world, m.
    source
        The file.
    """

    subject: Subject
    labels: str = INFER
    files: Mapping[str, Path] = field(default_factory=dict)
    frames: Mapping[str, int] = field(default_factory=dict)
    valves: Valves = field(default_factory=dict)
    source: Path | None = None


def read_subject(path: Path) -> SubjectFile:
    """Return what a subject.yaml says; raise `InputError` naming the key that will not do."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())
        msg = f"{path} is not readable YAML: {reason}. Write one 'key: value' per line."
        raise InputError(msg) from error
    if not isinstance(content, dict):
        found = type(content).__name__
        msg = f"{path} must hold 'key: value' lines, found {found}. Start with 'id: NAME'."
        raise InputError(msg)
    return parse_subject(content, path)


def parse_subject(content: Mapping[Any, Any], path: Path) -> SubjectFile:
    """Return what the keys and values of a subject.yaml say."""
    known = [*WORDS, *QUANTITIES, *FRAMES]
    check_keys(content, known, path.name)
    numbers = {key: content[key] for key in QUANTITIES if content.get(key) is not None}
    frames = {key: content[key] for key in FRAMES if content.get(key) is not None}
    for key, frame in frames.items():
        if not isinstance(frame, int) or isinstance(frame, bool) or frame < 0:
            msg = (
                f"{path.name}: {key} must be a whole number from 0, found {frame!r}. Count from 0."
            )
            raise InputError(msg)
    return SubjectFile(
        subject=subject_of(
            str(content.get("id") or path.parent.name),
            numbers,
            sex=content.get("sex"),
            diastolic_points=content.get("diastolic_points") or (),
            source=path.name,
        ),
        labels=_convention(content.get("labels"), path),
        files=_files(content.get("files") or {}, path),
        frames=frames,
        valves=parse_valves(content.get(VALVES), path.name),
        source=path,
    )


def subject_of(
    identifier: str,
    numbers: Mapping[str, Any],
    *,
    sex: str | None = None,
    diastolic_points: Any = (),
    source: str = "subject",
) -> Subject:
    """Return the person of numbers in the units that their keys say (as in subject.yaml)."""
    check_keys(numbers, list(QUANTITIES), source)
    if "height_cm" in numbers and "height_m" in numbers:
        msg = (
            f"{source} gives the height twice, found height_cm {numbers['height_cm']} and "
            f"height_m {numbers['height_m']}. Keep one."
        )
        raise InputError(msg)
    si = {
        QUANTITIES[key].name: in_si(key, value, QUANTITIES[key], source)
        for key, value in numbers.items()
    }
    _check_cuff(si, source)
    known: dict[str, Any] = {key: value for key, value in si.items() if not key.endswith("_sd")}
    for name, usual in DEFAULT_SD.items():
        if name in si:
            known[name] = (si[name], si.get(f"{name}_sd", usual))
        elif f"{name}_sd" in si:
            msg = (
                f"{source} has {name}_sd_mmhg and no {name}_mmhg, found an uncertainty of "
                "nothing. Give the pressure too."
            )
            raise InputError(msg)
    return Subject(
        identifier=identifier,
        sex=_sex(sex, source),
        diastolic_points=_points(diastolic_points, source),
        **known,
    )


def with_numbers(subject: Subject, numbers: Mapping[str, Any], source: str = "subject") -> Subject:
    """Return the person with some numbers replaced, keys and units as in subject.yaml.

    A pressure's new value keeps no old uncertainty; a new uncertainty alone keeps the old value.
    """
    completed = dict(numbers)
    for name in DEFAULT_SD:
        old = getattr(subject, name)
        alone = f"{name}_sd_mmhg" in numbers and f"{name}_mmhg" not in numbers
        if alone and old is not None:
            completed[f"{name}_mmhg"] = old[0] / MMHG
    new = subject_of(subject.identifier, completed, source=source)
    changed = {QUANTITIES[key].name for key in completed} & {item.name for item in fields(Subject)}
    return replace(subject, **{name: getattr(new, name) for name in sorted(changed)})


def _check_cuff(si: Mapping[str, float], source: str) -> None:
    systolic, diastolic = si.get("cuff_systolic"), si.get("cuff_diastolic")
    if systolic is not None and diastolic is not None and systolic <= diastolic:
        msg = (
            f"{source}: cuff_systolic_mmhg must exceed cuff_diastolic_mmhg, found "
            f"{systolic / MMHG:g} and {diastolic / MMHG:g}. They may be exchanged."
        )
        raise InputError(msg)


def _sex(value: Any, source: str) -> str | None:
    if value is None:
        return None
    known = SEXES.get(str(value).lower())
    if known is None:
        msg = (
            f"{source}: sex must be female, male or other, found {value!r}. "
            "Leave it out if it is not known."
        )
        raise InputError(msg)
    return known


def _points(points: Any, source: str) -> tuple[tuple[float, float, float], ...]:
    if not isinstance(points, list | tuple):
        msg = (
            f"{source}: diastolic_points must be a list, found {points!r}. Write one "
            "'- {volume_ml: 120, pressure_mmhg: 6, sd_mmhg: 1}' per point."
        )
        raise InputError(msg)
    found = []
    for number, point in enumerate(points):
        where = f"{source}: diastolic_points[{number}]"
        if not isinstance(point, Mapping) or set(POINT) - set(point):
            msg = f"{where} needs {', '.join(POINT)}, found {point!r}. Give all three."
            raise InputError(msg)
        check_keys(point, list(POINT), where)
        volume, mean, sd = (in_si(key, point[key], POINT[key], where) for key in POINT)
        found.append((volume, mean, sd))
    return tuple(found)


def _convention(value: Any, path: Path) -> str:
    """Return the convention as the argument `labels` takes it; a mapping gives value by tissue."""
    if value is None:
        return INFER
    if isinstance(value, Mapping):
        pairs = value.items()
        if all(isinstance(key, int) for key in value):
            return ",".join(f"{key}={name}" for key, name in pairs)
        return ",".join(f"{number}={name}" for name, number in pairs)
    if isinstance(value, str):
        return value
    msg = (
        f"{path.name}: labels must be a convention or a mapping, found {value!r}. Write e.g. acdc."
    )
    raise InputError(msg)


def _files(value: Any, path: Path) -> dict[str, Path]:
    if not isinstance(value, Mapping):
        msg = f"{path.name}: files must map roles to paths, found {value!r}. Roles: {FILES}."
        raise InputError(msg)
    check_keys(value, list(FILES), f"{path.name}, files")
    files = {role: path.parent / str(name) for role, name in value.items() if name is not None}
    for role, file in files.items():
        if not file.exists():
            msg = (
                f"{path.name}: files.{role} does not exist, found nothing at {file}. Paths count "
                "from the folder of subject.yaml."
            )
            raise InputError(msg)
    return files
