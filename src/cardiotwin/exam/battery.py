"""All series beside the cine of one examination: scanned, written, and what is true of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from cardiotwin.errors import InputError
from cardiotwin.exam.cine_protocol import CineProtocol
from cardiotwin.exam.displacement_series import Dense
from cardiotwin.exam.flow_series import PhaseContrast
from cardiotwin.exam.heart import BeatingHeart
from cardiotwin.exam.long_axis import view_stack
from cardiotwin.exam.myocardium import MM2, PER_GRAM, Myocardium
from cardiotwin.exam.perfusion_series import FirstPass
from cardiotwin.exam.sequences import (
    FIELD_STRENGTH,
    EchoMap,
    IvimMap,
    T1Map,
    T1SaturationMap,
    T2Map,
)
from cardiotwin.exam.series import Series
from cardiotwin.exam.series_scan import ScannedSeries, Scanner, field_of
from cardiotwin.exam.stack import Stack, plan_stack
from cardiotwin.exam.tagging_series import SHORT_AXIS, Tagging
from cardiotwin.exam.tissue_values import Values
from cardiotwin.exam.write import write_traces
from cardiotwin.exam.write_encoded import write_encoded, write_input
from cardiotwin.imaging.dicom_encoded import write_encoded_dicom
from cardiotwin.imaging.encoded import CONTRASTS
from cardiotwin.imaging.examination import Phase
from cardiotwin.imaging.raw import write_raw
from cardiotwin.measurement.views import VIEWS, plan_views
from cardiotwin.units import MM, MS

TRUE_MAPS = "truth_maps.npz"
FOLDER = {
    "dense": "tagging",
    "tagging": "tagging",
    "tagging_2ch": "tagging",
    "tagging_3ch": "tagging",
    "tagging_4ch": "tagging",
    "phase_contrast": "flow",
    "perfusion_stress": "perfusion",
    "perfusion_rest": "perfusion",
}
SCALES = {
    "t1": ("t1_ms", MS),
    "t2": ("t2_ms", MS),
    "t2_star": ("t2_star_ms", MS),
    "d": ("d_mm2_s", MM2),
    "d_star": ("d_star_mm2_s", MM2),
    "f": ("f", 1.0),
    "mbf_rest": ("mbf_rest_ml_min_g", PER_GRAM),
    "mbf_stress": ("mbf_stress_ml_min_g", PER_GRAM),
}


@dataclass(frozen=True, kw_only=True)
class Battery:
    """The series beside the cine, in the order in which they are scanned.

    Parameters
    ----------
    series
        Names of those that are scanned, of the others below.
    tissue
        The wall's true values.
    t1_map, t1_saturation_map, t2_map, echo_map, ivim_map, dense, tagging
        Each as it is scanned.
    tagging_2ch, tagging_3ch, tagging_4ch
        Stripes in a long-axis view, which tell what those of the short axis do not.
    perfusion_stress, perfusion_rest, phase_contrast
        Each as it is scanned.
    raw
        Whether the raw data of all coils are written too, a gigabyte.
    """

    series: tuple[str, ...] = (
        *("t1_map", "t2_map", "echo_map", "ivim_map", "dense"),
        *("perfusion_stress", "perfusion_rest"),
    )
    tissue: Myocardium = field(default_factory=Myocardium)
    t1_map: T1Map = field(default_factory=T1Map)
    t1_saturation_map: T1SaturationMap = field(default_factory=T1SaturationMap)
    t2_map: T2Map = field(default_factory=T2Map)
    echo_map: EchoMap = field(default_factory=EchoMap)
    ivim_map: IvimMap = field(default_factory=IvimMap)
    dense: Dense = field(default_factory=Dense)
    tagging: Tagging = field(default_factory=Tagging)
    tagging_2ch: Tagging = field(
        default_factory=lambda: Tagging(view="two_chamber", slices=1, minutes=1.0)
    )
    tagging_3ch: Tagging = field(
        default_factory=lambda: Tagging(view="three_chamber", slices=1, minutes=1.0)
    )
    tagging_4ch: Tagging = field(
        default_factory=lambda: Tagging(view="four_chamber", slices=1, minutes=1.0)
    )
    perfusion_stress: FirstPass = field(
        default_factory=lambda: FirstPass(state="stress", rate=1.5, minutes=4.0)
    )
    phase_contrast: PhaseContrast = field(default_factory=PhaseContrast)
    perfusion_rest: FirstPass = field(default_factory=lambda: FirstPass(minutes=2.0))
    raw: bool = True

    def __post_init__(self) -> None:
        """Refuse a series that there is not."""
        for name in self.series:
            if name not in SERIES:
                msg = (
                    f"There is no series {name!r} to scan. The series are {', '.join(SERIES)}; "
                    "the cine is always scanned."
                )
                raise InputError(msg)

    def chosen(self) -> dict[str, Series]:
        """Return the series by name."""
        return {name: getattr(self, name) for name in self.series}


SERIES = (
    *("t1_map", "t1_saturation_map", "t2_map", "echo_map", "ivim_map", "dense"),
    *("perfusion_stress", "perfusion_rest", "phase_contrast"),
    *("tagging", "tagging_2ch", "tagging_3ch", "tagging_4ch"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Beside:
    """A battery about to be scanned of one heart.

    Parameters
    ----------
    battery, heart
        What, and of whom.
    cine
        From which the coils and the field are taken.
    folder
        Of the examination.
    seed
        Of tissue, texture and noise: a series is the same whatever others are scanned.
    """

    battery: Battery
    heart: BeatingHeart
    cine: CineProtocol
    folder: Path
    seed: int

    @cached_property
    def values(self) -> Values:
        """Return the wall's tissue by AHA segment."""
        return self.battery.tissue.by_segment(self._rngs[0])

    @cached_property
    def scanner(self) -> Scanner:
        """Return the heart in the scanner."""
        heart = self.heart
        stack = plan_stack(heart.patient, heart.marked[Phase.END_DIASTOLE], heart.left)
        return self._scanner(stack, self._rngs[1])

    def scanner_of(self, series: Series, rng: np.random.Generator) -> Scanner:
        """Return the heart in the scanner, planned for a series; `rng` is of its own texture."""
        view = getattr(series, "view", SHORT_AXIS)
        if view == SHORT_AXIS:
            return self.scanner
        planned = plan_views(self.heart.left)
        plane = planned.views[VIEWS.index(view)]
        return self._scanner(view_stack(self.heart, plane, planned.apex), rng)

    def _scanner(self, stack: Stack, rng: np.random.Generator) -> Scanner:
        place = np.asarray(self.heart.patient.shape.position)
        return Scanner(
            self.heart,
            stack,
            self.values,
            field=field_of(stack, place, self.cine.field_spread),
            n_coils=self.cine.n_coils,
            rng=rng,
        )

    def scan(self, name: str) -> dict[str, Any]:
        """Scan and write a series; return its truth by voxel, for `finish`."""
        series = self.battery.chosen()[name]
        rng = self._rngs[2 + SERIES.index(name)]
        scanned = self.scanner_of(series, rng).scan(series, name, rng)
        path = self.folder / file_of(name)
        start = self.starts[name]
        header = _header(series, self.heart.period, start, self.scanner.stack.thickness)
        write_encoded(path, scanned, header)
        whole = series.contrast in CONTRASTS and CONTRASTS[series.contrast].complex_signal
        write_encoded_dicom(
            scanned.images if whole else np.abs(scanned.images),
            scanned.affine,
            header,
            self.folder / "dicom" / name,
            thickness=self.scanner.stack.thickness,
            series=10 + 2 * SERIES.index(name),
        )
        if self.battery.raw:
            write_raw(scanned.raw, self.folder / "raw" / f"{name}.h5")
        write_traces(scanned.raw.traces, self.folder / "physio", name)
        if isinstance(series, FirstPass):
            write_input(path.with_name(f"{name}_aif.tsv"), series)
        return _true_maps(name, scanned)

    @property
    def starts(self) -> dict[str, float]:
        """Return when each series begins, minutes after the first."""
        minutes = [series.minutes for series in self.battery.chosen().values()]
        return dict(zip(self.battery.series, accumulate([0.0, *minutes[:-1]]), strict=True))

    @cached_property
    def _rngs(self) -> list[np.random.Generator]:
        for_tissue, for_scan = np.random.default_rng([self.seed, 1]).spawn(2)
        return [for_tissue, *for_scan.spawn(1 + len(SERIES))]


def finish(beside: Beside, maps: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Write the truth by voxel, given by series; return what `truth.json` says of them all.

    `truth_maps.npz` gets each series' wall, segments, noise, field and displacement by voxel.
    """
    chosen = beside.battery.chosen()
    together = {key: value for name in chosen for key, value in maps[name].items()}
    if together:
        np.savez_compressed(beside.folder / TRUE_MAPS, **together)
    told = {
        name: {
            "file": file_of(name),
            "contrast": series.contrast,
            "start_min": beside.starts[name],
            "minutes": series.minutes,
        }
        for name, series in chosen.items()
    }
    tissue = {key: (beside.values[name] / unit).tolist() for name, (key, unit) in SCALES.items()}
    minutes = sum((series.minutes for series in chosen.values()), 0.0)
    return {"tissue_by_segment": tissue, "series": told, "scan_minutes": minutes}


def file_of(name: str) -> str:
    """Return where a series lies in the folder of its examination."""
    return f"{FOLDER.get(name, 'mapping')}/{name}.nii.gz"


def _header(series: Series, period: float, start: float, thickness: float) -> dict[str, Any]:
    """Return the sidecar, with the keys of BIDS where it has them."""
    return {
        "Contrast": series.contrast,
        "MagneticFieldStrength": FIELD_STRENGTH,
        "NoiseSD": 1 / series.signal_to_noise,
        "AcquisitionDelay": round(60 * start, 3),
        "HeartPeriod": round(period, 6),
        "SliceThickness": round(thickness / MM, 6),
        **series.sidecar(period),
    }


def _true_maps(name: str, scanned: ScannedSeries) -> dict[str, Any]:
    maps: dict[str, Any] = {
        f"{name}_wall": scanned.wall.astype(np.float32),
        f"{name}_segments": scanned.segments.astype(np.uint8),
        f"{name}_noise_sd": scanned.noise_sd.astype(np.float32),
        f"{name}_field_hz": scanned.field.astype(np.float32),
    }
    if scanned.velocity is not None:
        maps[f"{name}_velocity_m_s"] = scanned.velocity[..., :3].astype(np.float32)
        maps[f"{name}_blood"] = scanned.velocity[..., 3].astype(np.float32)
    elif scanned.displacement is None:
        maps |= {
            f"{name}_true_{SCALES[key][0]}": (value / SCALES[key][1]).astype(np.float32)
            for key, value in scanned.tissue.items()
        }
    else:
        maps[f"{name}_displacement_mm"] = (scanned.displacement / MM).astype(np.float32)
    return maps


__all__ = ["SERIES", "TRUE_MAPS", "Battery", "Beside", "file_of", "finish"]
