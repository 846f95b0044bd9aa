"""A coarse human-sized ventricle as the product has it, solved tightly."""

from benchmark_bodies import ellipsoid

from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall


def coarse_wall(springs=None, rings=4, material=None):
    return Wall(
        ellipsoid(Template(rings=rings, layers=1), size=3.5),
        angles=FibreAngles(),
        material=material or HolzapfelOgden(),
        springs=springs or Springs(),
        discretisation=Discretisation(newton=NewtonSettings(relative=1e-12)),
    )
