"""The endocardium and the valves at every frame of a cine, from its contours."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity.frames import EndocardialFrames
from cardiotwin.geometry.fit import fit_anatomy
from cardiotwin.geometry.template import Template
from cardiotwin.imaging.examination import Contours, Examination, Phase, Structure

FEWEST = 8  # frames that tell a beat
CUT = Template(rings=8, layers=1)

Points = Float[np.ndarray, "_points 3"]


def measured_frames(examination: Examination) -> EndocardialFrames:
    """Return the endocardium of each frame of an examination's cine.

    Each frame's wall is fitted as end-systole is (`fit_anatomy`): it ends where it has the volume
    of end-diastole's, or at the valve.

    Raises
    ------
    InputError
        If the examination has no cine, or a frame's contours are no ventricle's.
    """
    frames = examination.motion
    if len(frames) < FEWEST:
        msg = (
            f"The motion of a cavity needs the contours of a whole beat, found {len(frames)} "
            f"frames. Give a folder with at least {FEWEST} of them, drawn."
        )
        raise InputError(msg)
    diastole = examination.contours[Phase.END_DIASTOLE]
    found = [_endocardium(examination, diastole, frame, k) for k, frame in enumerate(frames)]
    u, angle = found[0][1:]
    kinds = {"mitral": Structure.MITRAL_VALVE, "aortic": Structure.AORTIC_VALVE}
    return EndocardialFrames(
        u=u,
        angle=angle,
        positions=np.stack([one[0] for one in found]),
        valves={name: tuple(_drawn(f, kind) for f in frames) for name, kind in kinds.items()},
    )


def _endocardium(
    examination: Examination, diastole: Contours, frame: Contours, number: int
) -> tuple[Points, Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    phase = Phase.END_DIASTOLE if frame.phase is Phase.END_DIASTOLE else Phase.END_SYSTOLE
    pair = {Phase.END_DIASTOLE: diastole, phase: replace(frame, phase=phase)}
    alone = replace(examination, contours=pair, labels={}, motion=())
    try:
        anatomy = fit_anatomy(alone, CUT)
    except InputError as error:
        msg = f"Frame {number} of the cine gives no ventricle. {error}"
        raise InputError(msg) from error
    mesh = anatomy.mesh
    nodes: Integer[np.ndarray, " nodes"] = np.unique(mesh.facets["lv_endocardium"])
    u, angle = (mesh.point_fields[name][nodes] for name in ("apicobasal", "rotational"))
    return anatomy.points[phase][nodes], np.asarray(u), np.asarray(angle)


def _drawn(contours: Contours, kind: Structure) -> Points:
    curves = [curve.points for curve in contours.of(kind)]
    return np.concatenate(curves) if curves else np.zeros((0, 3))


__all__ = ["measured_frames"]
