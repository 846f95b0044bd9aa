"""The numbers that clinicians read, taken off a moving wall as they are taken off images."""

from cardiotwin.measurement.beat import (
    PumpFunction,
    end_systole,
    fibre_work,
    loop_work,
    pressure_strain_work,
    pump_function,
    sphericity,
)
from cardiotwin.measurement.image import read_image
from cardiotwin.measurement.images_motion import (
    DisplacementFrame,
    motion_from_contours,
    motion_from_displacement,
    motion_of_wall,
)
from cardiotwin.measurement.material import annulus_descent, cavity_length, read_material
from cardiotwin.measurement.motion import Motion, Smoothness
from cardiotwin.measurement.reading import Reading
from cardiotwin.measurement.strain_of import GlobalStrains, global_strains
from cardiotwin.measurement.tracers import Tracers, mark
from cardiotwin.measurement.views import Plane, Views, plan_views

__all__ = [
    "DisplacementFrame",
    "GlobalStrains",
    "Motion",
    "Plane",
    "PumpFunction",
    "Reading",
    "Smoothness",
    "Tracers",
    "Views",
    "annulus_descent",
    "cavity_length",
    "end_systole",
    "fibre_work",
    "global_strains",
    "loop_work",
    "mark",
    "motion_from_contours",
    "motion_from_displacement",
    "motion_of_wall",
    "plan_views",
    "pressure_strain_work",
    "pump_function",
    "read_image",
    "read_material",
    "sphericity",
]
