"""The options of each job: keys, types and defaults, checked before anything runs."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore

from cardiotwin.fitting.priors import LogNormal
from cardiotwin.run.schema import schema


@dataclass
class SubjectOptions:
    """Numbers that override those of subject.yaml.

    Parameters
    ----------
    built_in
        Whether the built-in volunteer is meant; then `path` must be null.
    id
        Name of the subject; null: as read.
    age
        Years; null: as read.
    sex
        female, male or other; null: as read.
    height_cm
        cm; null: as read.
    mass_kg
        kg; null: as read.
    heart_rate_bpm
        Beats per minute; null: as read.
    cuff_systolic_mmhg, cuff_diastolic_mmhg
        Arm cuff, mmHg; null: as read.
    end_diastolic_pressure_mmhg, end_diastolic_pressure_sd_mmhg
        LV cavity at end-diastole and its standard deviation, mmHg; null: as read.
    end_systolic_pressure_mmhg, end_systolic_pressure_sd_mmhg
        LV cavity at end-systole and its standard deviation, mmHg; null: as read, or from the cuff.
    """

    built_in: bool = False
    id: str | None = None
    age: float | None = None
    sex: str | None = None
    height_cm: float | None = None
    mass_kg: float | None = None
    heart_rate_bpm: float | None = None
    cuff_systolic_mmhg: float | None = None
    cuff_diastolic_mmhg: float | None = None
    end_diastolic_pressure_mmhg: float | None = None
    end_diastolic_pressure_sd_mmhg: float | None = None
    end_systolic_pressure_mmhg: float | None = None
    end_systolic_pressure_sd_mmhg: float | None = None


@dataclass
class ReadOptions:
    """What to read, and how.

    Parameters
    ----------
    path
        Label stack (NIfTI), folder of guide points, or subject folder.
    end_systole
        Label stack of end-systole where `path` holds end-diastole only; null: in `path`, or none.
    image
        Image to show behind the contours, NIfTI or a DICOM folder; null: beside the labels.
    labels
        Convention of the label values: infer, acdc, ukbb, ..., or e.g. 1:lv_cavity/2:myocardium.
    end_diastole_frame, end_systole_frame
        Frame numbers from 0; null: the largest and the smallest cavity.
    """

    path: str | None = None
    end_systole: str | None = None
    image: str | None = None
    labels: str = "infer"
    end_diastole_frame: int | None = None
    end_systole_frame: int | None = None


@dataclass
class CheckOptions(ReadOptions):
    """What is in a folder, what is missing or wrong, before anything runs."""


@dataclass
class ViewOptions:
    """The pictures of a finished run, drawn again.

    Parameters
    ----------
    path
        Run folder: one with a twin.json.
    draw
        Whether to draw the pictures again; false only lists what is there.
    open
        Whether to open the report in the browser.
    """

    path: str | None = None
    draw: bool = True
    open: bool = False


@dataclass
class PassivePriorOptions:
    """What is believed of the passive law before the measurement.

    Parameters
    ----------
    scale
        Factor on the passive law's stresses (1: the law as published).
    exponent
        Factor on the passive law's exponents (1: the law as published).
    """

    scale: Any = field(default_factory=schema(LogNormal))
    exponent: Any = field(default_factory=schema(LogNormal))


@dataclass
class PassiveOptions:
    """Passive parameters to fit.

    Parameters
    ----------
    prior
        Of scale and exponent.
    """

    prior: PassivePriorOptions = field(default_factory=PassivePriorOptions)


@dataclass
class ContractilityOptions:
    """Active tension to fit.

    Parameters
    ----------
    prior
        Of the active tension along the fibre at end-systole, Pa.
    """

    prior: Any = field(default_factory=schema(LogNormal))


@dataclass
class KlotzOptions:
    """The empirical end-diastolic pressure-volume relation.

    Parameters
    ----------
    use
        Whether Klotz et al. (2006) stands in for diastolic points that were not measured.
    """

    use: bool = True


@dataclass
class PressureOptions:
    """Pressures where neither subject.yaml nor `subject` has one; the twin is flagged then.

    Parameters
    ----------
    end_diastolic_mmhg, end_diastolic_sd_mmhg
        LV cavity at end-diastole and its standard deviation, mmHg.
    end_systolic_mmhg, end_systolic_sd_mmhg
        LV cavity at end-systole and its standard deviation, mmHg.
    rv_end_diastolic_mmhg, rv_end_systolic_mmhg
        RV cavity at both, mmHg; of anatomy=biventricular, and never fitted.
    """

    end_diastolic_mmhg: float = 10.0
    end_diastolic_sd_mmhg: float = 3.0
    end_systolic_mmhg: float = 108.0
    end_systolic_sd_mmhg: float = 14.0
    rv_end_diastolic_mmhg: float = 3.0
    rv_end_systolic_mmhg: float = 20.0


@dataclass
class FitOptions:
    """What is fitted, with which priors.

    Parameters
    ----------
    passive, contractility
        Parameters with their priors.
    klotz, pressure
        What stands in for measurements that are missing.
    """

    passive: PassiveOptions = field(default_factory=PassiveOptions)
    contractility: ContractilityOptions = field(default_factory=ContractilityOptions)
    klotz: KlotzOptions = field(default_factory=KlotzOptions)
    pressure: PressureOptions = field(default_factory=PressureOptions)


def store(job: str, options: type) -> None:
    """Make a job's options known to Hydra, under the name that its YAML starts from."""
    ConfigStore.instance().store(name=f"{job}_schema", node=options)


def store_choice(group: str, name: str, options: type) -> None:
    """Make one choice of a group known to Hydra."""
    ConfigStore.instance().store(group=group, name=f"{name}_schema", node=options)
