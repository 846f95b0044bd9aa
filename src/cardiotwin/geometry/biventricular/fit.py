"""From an examination to one wall of both ventricles at end-diastole.

The LV has the slice shifts, the base and the apex of `fit_anatomy`; its surfaces are fitted again,
unsmoothed. The RV's cavity is laid between its outlines, its free wall built round it, and the
whole is meshed by isosurface stuffing, whose cells keep their shape wherever the surface is smooth
at the lattice's scale. Where the wall is thick the lattice is half as fine; the few flat cells
where it passes from one to the other go as edges are collapsed. What comes of it is checked all
the same, and tried again on another lattice if unsound.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.geometry.agreement import Drawn, beyond_slices, phase_fit, shell_volume
from cardiotwin.geometry.anatomy import Anatomy, HeartFrame, PhaseFit, RightFit
from cardiotwin.geometry.biventricular.coarsen import Limits, coarsened
from cardiotwin.geometry.biventricular.coordinates import with_coordinates
from cardiotwin.geometry.biventricular.curved import off_surface, order_two, tagged
from cardiotwin.geometry.biventricular.flags import later_flags, right_flags
from cardiotwin.geometry.biventricular.lattice import all_divided, lattice_below
from cardiotwin.geometry.biventricular.options import BiventricularOptions
from cardiotwin.geometry.biventricular.part import left_part
from cardiotwin.geometry.biventricular.right import RightCavity, right_cavity
from cardiotwin.geometry.biventricular.shape import Shape, shape_of
from cardiotwin.geometry.biventricular.solid import Tagged, largest_part
from cardiotwin.geometry.biventricular.soundness import failing
from cardiotwin.geometry.biventricular.stuffing import stuff
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.fit import SMOOTHINGS, fit_anatomy
from cardiotwin.geometry.measured import extent, rings
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.quality import quality
from cardiotwin.geometry.sections import cavity_shell
from cardiotwin.geometry.shifts import SliceShifts
from cardiotwin.geometry.stack import Stack, short_axis_stack
from cardiotwin.geometry.surfaces import Wall
from cardiotwin.geometry.template import Template
from cardiotwin.geometry.through import wall_through
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.imaging.examination import Contours, Examination, Phase
from cardiotwin.units import ML, MM

LEFT = Template(rings=4)  # enough to place the LV and to judge its drawing
LEAST_ANGLE = np.deg2rad(9)  # the least that the lattice's cells have where the base cuts them
KEPT_ANGLE = np.deg2rad(12)  # of a cell that a collapse leaves
BULGE = 0.6 * MM  # of a coarse edge from its surface, which order 2 follows
OFFSETS = ((0.0, 0.0), (0.33, 0.21), (0.61, 0.47), (0.17, 0.73))
FINER = (1.0, 0.9)  # shares of the lattice's edge that are tried
OF_THE_LEFT_MESH = ("surfaces_smoothed", "volume_beyond_slices", "volumes_unlike_slices")
LV_OFF, RV_OFF = 0.03, 0.06  # of the drawn volume: a mesh farther off is not that heart


def fit_biventricle(
    examination: Examination, options: BiventricularOptions | None = None
) -> Anatomy:
    """Return both ventricles of an examination at end-diastole, and the LV's later volumes.

    Raises
    ------
    InputError
        Where too little was drawn, of the LV or of the RV, or no sound mesh comes of it.
    """
    options = options or BiventricularOptions()
    left = fit_anatomy(examination, LEFT)
    stack, wall, right = _placed(left)
    contours, frame = left.contours[Phase.END_DIASTOLE], wall.prolate.frame
    shape = shape_of(stack, wall, right, options.rv_wall)
    straight, attempts = sound_mesh(shape, options)
    mesh = with_coordinates(order_two(straight, shape), shape, wall)
    drawn = _drawn(contours, stack, wall)
    fit = _left_fit(mesh, wall, drawn)
    beside = _right_fit(mesh, wall, right, options.rv_wall, attempts)
    _check_volume("left", fit.model_cavity, fit.measured_cavity, LV_OFF)
    _check_volume("right", beside.model, beside.measured, RV_OFF)
    fits = {**left.fits, Phase.END_DIASTOLE: fit}
    return Anatomy(
        mesh=mesh,
        points={Phase.END_DIASTOLE: mesh.points},
        frame=frame,
        fits=fits,
        contours=left.contours,
        base_rule=left.base_rule,
        flags=(
            *(flag for flag in left.flags if flag.name not in OF_THE_LEFT_MESH),
            *beyond_slices(fits, left.base_rule),
            *right_flags(beside, contours),
            *later_flags(fits),
        ),
        right=beside,
    )


def drawn_right(left: Anatomy) -> RightCavity:
    """Return what was drawn of the right ventricle beside a left one at end-diastole.

    Raises
    ------
    InputError
        Where it is too little to mesh.
    """
    return _placed(left)[2]


def _placed(left: Anatomy) -> tuple[Stack, Wall, RightCavity]:
    """Return the slices, the LV's wall unsmoothed, and the RV's outlines, all in one frame."""
    contours = left.contours[Phase.END_DIASTOLE]
    stack = short_axis_stack(contours, left.frame.long_axis)
    wall = wall_through(contours, stack, _frame(stack, left), SMOOTHINGS[0])
    return stack, wall, right_cavity(contours, stack, wall)


def _drawn(contours: Contours, stack: Stack, wall: Wall) -> Drawn:
    """Return what the mesh is compared with: the outlines, which are labels' too."""
    levels = rings(stack)
    return Drawn(
        contours=contours,
        levels=levels,
        between=extent(levels, stack, wall.prolate),
        labels=None,
        shifts=SliceShifts(moved={}, size=0.0),
    )


def _frame(stack: Stack, left: Anatomy) -> HeartFrame:
    """Return the axes along the stack, with the LV's angle zero."""
    across = left.frame.rv_insertion - (left.frame.rv_insertion @ stack.axis) * stack.axis
    return HeartFrame(
        origin=rings(stack)[-1].centre,
        long_axis=stack.axis,
        rv_insertion=across / np.linalg.norm(across),
        mirrored=left.frame.mirrored,
    )


def sound_mesh(shape: Shape, options: BiventricularOptions) -> tuple[Tagged, int]:
    """Return the first sound mesh of several lattices, and how many were tried."""
    reasons: list[str] = []
    low, high = _bounds(shape)
    sizes = all_divided if options.edge is None else shape.sizes
    for share in FINER:
        for offset in OFFSETS:
            lattice = lattice_below(low, high, options.lattice * share, offset, sizes)
            mesh = tagged(largest_part(stuff(lattice, shape.wall)), shape)
            reason = failing(mesh, LEAST_ANGLE if options.edge is None else 0.0)
            if reason is None and options.edge is not None:
                mesh = _coarse(mesh, shape, options.edge, options.seed)
                reason = failing(mesh, LEAST_ANGLE)
            if reason is None:
                return mesh, len(reasons) + 1
            reasons.append(reason)
    msg = (
        f"No sound mesh of both ventricles came of {len(reasons)} lattices, found {reasons[-1]} "
        f"in the last. Look at the right ventricle's outlines slice by slice, or build its wall "
        "thicker (rv_wall)."
    )
    raise InputError(msg)


def _coarse(mesh: Tagged, shape: Shape, edge: float, seed: int) -> Tagged:
    limits = Limits(edge=edge, least_angle=KEPT_ANGLE, deviation=BULGE)
    rng = np.random.default_rng(seed)
    return coarsened(mesh, limits, lambda x, tags: off_surface(shape, x, tags), rng)


def _bounds(shape: Shape) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """Return the corners of a box about what lies inside the epicardium, m."""
    inside = shape.outer.grid.points[shape.outer.values.ravel() > 0]
    placed = (inside - shape.origin) @ shape.axes.T
    placed = placed[placed[:, 2] < 0]
    room = 3 * MM
    return placed.min(axis=0) - room, placed.max(axis=0) + room


def _left_fit(mesh: TetMesh, wall: Wall, drawn: Drawn) -> PhaseFit:
    """Return how the LV's part of the mesh agrees, with the quality of the whole mesh."""
    found = phase_fit(mesh.points, left_part(mesh), wall, drawn)
    whole = quality(mesh.points, mesh)
    return replace(found, inverted=whole.inverted, dihedral_min=whole.dihedral_min)


def _right_fit(
    mesh: TetMesh, wall: Wall, right: RightCavity, thickness: float, attempts: int
) -> RightFit:
    shell = cavity_shell(mesh.points, mesh, "rv_endocardium")
    left_wall = wall_volume(mesh.points, left_part(mesh))
    return RightFit(
        measured=right.volume,
        model=shell_volume(shell, wall.prolate.frame, right.between),
        cavity_volume=cavity_volume(mesh.points, mesh, "rv_endocardium"),
        wall_volume=wall_volume(mesh.points, mesh) - left_wall,
        thickness=thickness,
        attempts=attempts,
        left_out=sum(one.cavity_area * one.thickness for one in right.above),
        n_left_out=len(right.above),
    )


def _check_volume(name: str, model: float, measured: float, most: float) -> None:
    off = model / measured - 1
    if abs(off) > most:
        msg = (
            f"The {name} ventricle's cavity does not come out as drawn, found "
            f"{model / ML:.0f} mL in the mesh and {measured / ML:.0f} mL in the outlines "
            f"({100 * off:+.0f} %, at most {100 * most:g}). "
            "Look at the outlines: they overlap the other ventricle, or jump between slices."
        )
        raise InputError(msg)


__all__ = ["drawn_right", "fit_biventricle", "sound_mesh"]
