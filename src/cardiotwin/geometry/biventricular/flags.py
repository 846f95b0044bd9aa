"""What a reader of a mesh of both ventricles must know."""

from collections.abc import Mapping

import numpy as np

from cardiotwin.errors import Flag
from cardiotwin.geometry.agreement import BEYOND
from cardiotwin.geometry.anatomy import PhaseFit, RightFit
from cardiotwin.geometry.biventricular.right import SMALLEST
from cardiotwin.imaging.curves import polygon_area
from cardiotwin.imaging.examination import Contours, Phase, Structure, View
from cardiotwin.imaging.phases import words
from cardiotwin.units import ML, MM


def right_flags(fit: RightFit, contours: Contours) -> tuple[Flag, ...]:
    """Return flags of what was not drawn of the RV, and of what was and is not used."""
    return (
        *_left_out(fit),
        *second_regions(contours),
        *_beyond_outlines(fit),
        *_drawn_epicardium(fit, contours),
    )


def later_flags(fits: Mapping[Phase, PhaseFit]) -> tuple[Flag, ...]:
    """Return a flag where later phases were measured: this mesh follows none of them."""
    later = [words(phase) for phase in fits if phase is not Phase.END_DIASTOLE]
    if not later:
        return ()
    sentence = (
        f"Both ventricles are meshed at end-diastole. The cavity at {' and '.join(later)} is that "
        "of the left ventricle's own mesh, and the right ventricle's is not compared."
    )
    return (Flag(name="later_phases_left_only", sentence=sentence),)


def _left_out(fit: RightFit) -> tuple[Flag, ...]:
    if not fit.n_left_out:
        return ()
    share = fit.left_out / (fit.measured + fit.left_out)
    sentence = (
        f"{fit.n_left_out} slice(s) with {fit.left_out / ML:.1f} mL of the right ventricle "
        f"({100 * share:.0f} % of what was drawn of it) lie above the left ventricle's base, "
        "which ends the mesh: it holds that much less than the labels or contours do."
    )
    return (Flag(name="rv_basal_slices_left_out", sentence=sentence),)


def second_regions(contours: Contours) -> tuple[Flag, ...]:
    """Return a flag where a slice has several outlines of the cavity: one of them is taken."""
    areas: dict[int, list[float]] = {}
    for curve in contours.of(Structure.RV_ENDOCARDIUM, View.SHORT_AXIS):
        areas.setdefault(curve.slice_id, []).append(polygon_area(curve.points))
    others = {k: [a for a in sorted(v)[:-1] if a >= SMALLEST] for k, v in areas.items()}
    if not any(others.values()):
        return ()
    slices = ", ".join(str(k) for k, v in sorted(others.items()) if v)
    share = sum(map(sum, others.values())) / sum(map(sum, areas.values()))
    sentence = (
        f"The right ventricle has more than one region in slice(s) {slices}: the largest of each "
        f"is taken, the others ({100 * share:.1f} % of its area in all slices) are not. Remove "
        "what does not belong to it, or join what does."
    )
    return (Flag(name="rv_second_region_left_out", sentence=sentence),)


def _beyond_outlines(fit: RightFit) -> tuple[Flag, ...]:
    apart = fit.cavity_volume / fit.measured - 1
    if apart <= BEYOND:
        return ()
    sentence = (
        f"The right ventricle's slices show {fit.measured / ML:.0f} of the "
        f"{fit.cavity_volume / ML:.0f} mL between its apex and the base; the rest goes on from "
        "its highest and lowest outline. Draw it in more slices where its volume matters."
    )
    return (Flag(name="rv_volume_beyond_slices", sentence=sentence),)


def _drawn_epicardium(fit: RightFit, contours: Contours) -> tuple[Flag, ...]:
    """Return a flag with the wall that was drawn: it is built with an even thickness instead."""
    apart = []
    for curve in contours.of(Structure.RV_EPICARDIUM):
        inner = [
            one.points
            for one in contours.of(Structure.RV_ENDOCARDIUM)
            if one.slice_id == curve.slice_id
        ]
        if inner:
            steps = curve.points[:, None] - np.concatenate(inner)[None]
            apart.append(np.linalg.norm(steps, axis=2).min(axis=1))
    if not apart:
        return ()
    drawn = float(np.median(np.concatenate(apart)))
    sentence = (
        f"A right ventricular epicardium was drawn in {len(apart)} slices, {drawn / MM:.1f} mm "
        f"from the endocardium's points; the free wall is built {fit.thickness / MM:.1f} mm thick "
        "everywhere all the same. Give biventricular.rv_wall to build it otherwise."
    )
    return (Flag(name="rv_epicardium_not_followed", sentence=sentence),)


__all__ = ["later_flags", "right_flags", "second_regions"]
