"""Passive laws of the myocardium, as energies of the Cauchy-Green components in fibre axes."""

from cardiotwin.mechanics.material.fung import Guccione, Usyk
from cardiotwin.mechanics.material.holzapfel_ogden import HolzapfelOgden
from cardiotwin.mechanics.material.law import Material, Stretches
from cardiotwin.mechanics.material.neo_hookean import NeoHookean

__all__ = ["Guccione", "HolzapfelOgden", "Material", "NeoHookean", "Stretches", "Usyk"]
