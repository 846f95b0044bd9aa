"""The loops that are fitted to a dog's beat, from plain to whole, and what is believed of them."""

from collections.abc import Mapping
from dataclasses import replace

from cardiotwin.circulation import (
    Circulation,
    Elastance,
    from_end_diastole,
    parameter_values,
    resistive,
)
from cardiotwin.circulation.arteries import Arm, aorta, aortic_valve, mitral_valve
from cardiotwin.coupling.personal import healthy_adult, scaled
from cardiotwin.coupling.timing import root_impedance
from cardiotwin.fitting.haemodynamics import ROOT_SHARE, FreeShape
from cardiotwin.fitting.priors import LogNormal, Normal, Prior

DOG = 0.4  # of an adult's stroke: 25 kg at about 70 mL per 70 kg
KNOTS = 40  # of the ventricle's elastance: about three samples each
STRUCTURES = ("plain", "atrium", "valves", "aorta", "catheters", "shape", "whole")
SPREAD = {
    "left_atrium.active": 1.0,
    "left_ventricle.active": 1.0,
    "left_ventricle.passive": 1.0,
    "left_ventricle.unstressed_volume": 0.5,
    "systemic_arteries.resistance": 0.7,
    "systemic_arteries.compliance": 0.7,
    "aortic.open_resistance": 1.0,
}
OF_ATRIUM = {"left_atrium.passive": 0.7, "atria.contraction": 0.3, "atria.relaxation": 0.3}
OF_VALVES = {
    "aortic.area": 0.5,
    "aortic.length": 0.7,
    "aortic.closing_rate": 0.7,
    "aortic.opening_rate": 0.7,
    "aortic.bulge": 0.7,
    "mitral.area": 0.5,
    "mitral.length": 0.5,
}
OF_AORTA = {
    "aorta.compliance": 0.5,
    "aorta.inertance": 0.7,
    "aorta.termination": 0.7,
    "aorta.viscosity": 0.3,
    "aorta.impedance": 0.7,
}
OF_ARM = {"arm.compliance": 0.7, "arm.inertance": 0.7, "arm.termination": 1.0}
ARM = 0.3  # of the aorta's compliance and admittance, an assumption
SOURCE = "a healthy adult's circulation, scaled to the stroke of a 25 kg dog"


def has(structure: str, part: str) -> bool:
    """Return whether a structure has what `part` adds."""
    return STRUCTURES.index(structure) >= STRUCTURES.index(part)


def loop_and_priors(
    period: float, structure: str = "whole"
) -> tuple[Circulation, dict[str, Prior], list[FreeShape]]:
    """Return a dog's loop at this period, the priors of what is fitted, and free elastances."""
    loop = scaled(from_end_diastole(Circulation(), period), DOG)
    spread = dict(SPREAD)
    valve = resistive(healthy_adult().aortic).open_resistance
    medians = {"aortic.open_resistance": valve / DOG}
    priors: dict[str, Prior] = {}
    if has(structure, "atrium"):
        twitch = elastance(loop, "left_atrium").twitch
        for name in OF_ATRIUM:
            if name.startswith("atria."):
                medians[name] = getattr(twitch, name.removeprefix("atria."))
        spread |= OF_ATRIUM
        priors["atria.onset"] = Normal(mean=twitch.onset, sd=0.04, source=SOURCE)
    if has(structure, "valves"):
        loop = with_inertia(loop)
        spread.pop("aortic.open_resistance")
        spread |= OF_VALVES
    else:
        share = root_impedance(healthy_adult()) / valve
        priors[ROOT_SHARE] = LogNormal(median=share, sd=0.3, source=SOURCE)
    if has(structure, "aorta"):
        loop = with_waves(loop)
        spread |= OF_AORTA
    if has(structure, "whole"):
        loop = with_arm(loop)
        spread |= OF_ARM
    shapes = []
    if has(structure, "shape"):
        ventricle = replace(elastance(loop, "left_ventricle"), shape=(0.0,) * KNOTS)
        loop = replace(loop, left_ventricle=ventricle)
        shapes = [FreeShape(chamber="left_ventricle", sd=0.2, length=1.2 / KNOTS)]
    medians |= {
        "twitch.contraction": 0.31 * period,
        "twitch.relaxation": 0.28 * period,
        "blood_volume": 0.8 * DOG * Circulation().start().blood,
    }
    spread |= {"twitch.contraction": 0.15, "twitch.relaxation": 0.2, "blood_volume": 0.4}
    return loop, priors | laws(loop, spread, medians), shapes


def laws(
    loop: Circulation, spread: Mapping[str, float], medians: Mapping[str, float]
) -> dict[str, Prior]:
    """Return log-normal priors about the medians, or about the loop's own values."""
    found: dict[str, Prior] = {}
    for name, sd in spread.items():
        median = medians.get(name)
        if median is None:
            median = parameter_values(loop)[name]
        found[name] = LogNormal(median=median, sd=sd, source=SOURCE)
    return found


def elastance(loop: Circulation, name: str) -> Elastance:
    """Return a chamber that has a twitch."""
    chamber = getattr(loop, name)
    assert isinstance(chamber, Elastance)  # noqa: S101  # the adult's are
    return chamber


def with_inertia(loop: Circulation) -> Circulation:
    """Return the loop with left valves whose blood has inertia, of a dog's size."""
    wide, aortic, mitral = DOG ** (2 / 3), aortic_valve(), mitral_valve()
    return replace(
        loop,
        aortic=replace(aortic, area=wide * aortic.area, bulge=DOG * aortic.bulge),
        mitral=replace(mitral, area=wide * mitral.area, bulge=DOG * mitral.bulge),
    )


def with_waves(loop: Circulation) -> Circulation:
    """Return the loop with half of the arteries' compliance in an aorta, of a dog's size."""
    half = loop.systemic_arteries.compliance / 2
    tube = aorta(half)
    impedance = tube.impedance / DOG
    tube = replace(
        tube,
        inertance=impedance**2 * half,
        resistance=0.1 * impedance,
        termination=impedance,
        impedance=impedance,
    )
    arteries = replace(loop.systemic_arteries, compliance=half)
    return replace(loop, aorta=tube, systemic_arteries=arteries)


def with_arm(loop: Circulation) -> Circulation:
    """Return the loop whose aorta has a second arm, of the one tube's transit time."""
    tube = loop.aorta
    assert tube is not None  # noqa: S101  # of `with_waves`
    impedance = tube.impedance / ARM
    held = ARM * tube.compliance
    arm = Arm(compliance=held, inertance=impedance**2 * held, termination=impedance)
    return replace(loop, aorta=replace(tube, compliance=(1 - ARM) * tube.compliance, arm=arm))


__all__ = ["STRUCTURES", "has", "loop_and_priors"]
