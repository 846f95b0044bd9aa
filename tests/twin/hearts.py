"""A heart in closed form, for tests of the record and of the pictures."""

from pathlib import Path

import numpy as np

from cardiotwin.errors import Flag
from cardiotwin.geometry.anatomy import PhaseFit
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.template import Template, connectivity, wall_mesh
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.imaging.examination import (
    Contours,
    Curve,
    Phase,
    Slice,
    Structure,
    Subject,
    View,
)
from cardiotwin.mechanics.state import WallState
from cardiotwin.twin import Agreement, Estimate, Twin
from cardiotwin.twin.reading import with_function
from cardiotwin.units import KPA, MMHG


def ellipsoid(inner, outer, length, thickness):
    """Return the wall between two truncated ellipsoids, apex down, as a surface."""

    def surface(u, angle, t):
        polar = u * np.deg2rad(110)  # 0 at the apex
        radius = (inner + (outer - inner) * t) * np.sin(polar)
        height = -(length + thickness * t) * np.cos(polar)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)

    return surface


END_DIASTOLE = ellipsoid(0.025, 0.034, 0.062, 0.009)
END_SYSTOLE = ellipsoid(0.016, 0.0308, 0.052, 0.013)
UNLOADED = ellipsoid(0.022, 0.0322, 0.058, 0.0102)


def segments(u, angle):
    """Return AHA numbers by level and angle from the anterior insertion."""
    sixth = (angle // (np.pi / 3)).astype(int) % 6
    quarter = (angle // (np.pi / 2)).astype(int) % 4
    return np.select(
        [u < 0.15, u < 0.45, u < 0.72], [17, 13 + quarter, 7 + sixth], 1 + sixth
    ).astype(np.int64)


def heart_mesh(template=None):
    """Return the wall at end-diastole with coordinates, segments and fibres."""
    template = Template(rings=4, layers=1) if template is None else template
    joined = connectivity(template)
    mesh = wall_mesh(template, END_DIASTOLE)
    corners = mesh.cells[:, :4]
    middle = mesh.points[corners].mean(axis=1)
    t = joined.t[corners].mean(axis=1)
    normal = middle / np.array([0.03, 0.03, 0.066]) ** 2
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    around = np.cross([0.0, 0.0, 1.0], normal)
    around /= np.linalg.norm(around, axis=1)[:, None] + 1e-12
    up = np.cross(normal, around)
    helix = np.deg2rad(60 - 120 * t)[:, None]
    f0 = np.cos(helix) * around + np.sin(helix) * up
    s0 = normal
    return TetMesh(
        points=mesh.points,
        cells=mesh.cells,
        facets=mesh.facets,
        point_fields={"apicobasal": joined.u, "transmural": joined.t, "rotational": joined.angle},
        cell_fields={
            "f0": f0,
            "s0": s0,
            "n0": np.cross(f0, s0),
            "aha_segment": segments(joined.u[corners].mean(axis=1), _mean_angle(joined, corners)),
        },
    )


def _mean_angle(joined, corners):
    turn = np.exp(1j * joined.angle[corners]) * joined.u[corners]
    return np.mod(np.angle(turn.sum(axis=1)), 2 * np.pi)


def cell_strains(mesh, points):
    """Return Green-Lagrange strains of the straight tetrahedra from end-diastole."""
    edges = [p[mesh.cells[:, 1:4]] - p[mesh.cells[:, :1]] for p in (mesh.points, points)]
    F = np.swapaxes(np.linalg.solve(edges[0], edges[1]), 1, 2)
    E = (np.swapaxes(F, 1, 2) @ F - np.eye(3)) / 2
    middle = mesh.points[mesh.cells[:, :4]].mean(axis=1)
    normal = mesh.cell_fields["s0"]
    around = np.cross([0.0, 0.0, 1.0], middle * [1, 1, 0])
    around /= np.linalg.norm(around, axis=1)[:, None] + 1e-12
    axes = {
        "fibre_strain": mesh.cell_fields["f0"],
        "circumferential_strain": around,
        "longitudinal_strain": np.cross(normal, around),
        "radial_strain": normal,
    }
    return {name: np.einsum("ci,cij,cj->c", a, E, a) for name, a in axes.items()}


def phase_fit(mesh, points):
    """Return an agreement that is near and not perfect."""
    cavity, wall = cavity_volume(points, mesh), wall_volume(points, mesh)
    return PhaseFit(
        measured_cavity=0.97 * cavity,
        measured_wall=0.95 * wall,
        model_cavity=0.975 * cavity,
        model_wall=0.955 * wall,
        cavity_volume=cavity,
        wall_volume=wall,
        dice_cavity=0.961,
        dice_wall=0.902,
        surface_distance=0.7e-3,
        inverted=0,
        dihedral_min=np.deg2rad(14.2),
    )


def heart_twin(template=None, *, end_systole=True, posterior=True):
    """Return a whole twin; one without end-systole is passive only."""
    template = Template(rings=4, layers=1) if template is None else template
    mesh = heart_mesh(template)
    shapes = {"unloaded": UNLOADED, "end_diastole": END_DIASTOLE, "end_systole": END_SYSTOLE}
    loads = {"unloaded": (0, 0), "end_diastole": (10, 0), "end_systole": (108, 62)}
    if not end_systole:
        del shapes["end_systole"]
    points = {name: wall_mesh(template, shape).points for name, shape in shapes.items()}
    states = {
        name: WallState(
            displacement=points[name] - mesh.points,
            cavity_pressure=loads[name][0] * MMHG,
            active_tension=loads[name][1] * KPA,
            cavity_volume=cavity_volume(points[name], mesh),
            wall_volume=wall_volume(points[name], mesh),
        )
        for name in points
    }
    fields = {
        name: cell_strains(mesh, points[name])
        | {"fibre_stress": np.full(len(mesh.cells), 3e3) * (1 + loads[name][1])}
        for name in points
        if name != "unloaded"
    }
    measured = {Phase(name): points[name] for name in points if name != "unloaded"}
    edv = states["end_diastole"].cavity_volume
    v0 = states["unloaded"].cavity_volume
    volumes = np.linspace(v0, edv, 12)
    stretch = (volumes - v0) / (edv - v0)
    curve = np.stack([volumes, 10 * MMHG * np.expm1(3 * stretch) / np.expm1(3)], axis=1)
    rng = np.random.default_rng(4)
    draws = {"passive_scale": rng.lognormal(0.1, 0.2, 400)}
    draws["passive_exponent"] = 1.1 * draws["passive_scale"] ** -0.4 * rng.lognormal(0, 0.05, 400)
    parameters = {
        name: Estimate(
            value=float(np.median(x)),
            sd=float(np.std(x)),
            unit="1",
            prior="log-normal, median 1, sd of the logarithm 0.5 (our choice)",
            prior_median=1.0,
            prior_log_sd=0.5,
        )
        for name, x in draws.items()
    }
    fit = {
        "end_diastolic_volume": agreement(edv, 0.03 * edv, 1.002 * edv, "m^3", "contours"),
        "unloaded_volume": agreement(0.54 * edv, 0.05 * edv, v0, "m^3", "Klotz 2006"),
        "end_diastolic_pressure": agreement(10 * MMHG, 3 * MMHG, 10 * MMHG, "Pa", "prior"),
    }
    if end_systole:
        draws["contractility"] = rng.normal(62e3, 5e3, 400)
        parameters["contractility"] = Estimate(
            value=62e3,
            sd=5e3,
            unit="Pa",
            prior="log-normal, median 60000 Pa, sd of the logarithm 0.5 (our choice)",
            prior_median=60e3,
            prior_log_sd=0.5,
        )
        esv = states["end_systole"].cavity_volume
        fit["end_systolic_volume"] = agreement(esv, 0.04 * esv, 0.997 * esv, "m^3", "contours")
        fit["end_systolic_pressure"] = agreement(108 * MMHG, 6 * MMHG, 108 * MMHG, "Pa", "cuff")
    twin = Twin(
        subject=Subject(identifier="ellipsoid", age=41.0, sex="female", cuff_systolic=120 * MMHG),
        mesh=mesh,
        base_rule=dict.fromkeys(measured, "where the ellipsoid is cut"),
        fits={phase: phase_fit(mesh, where) for phase, where in measured.items()},
        measured_points=measured,
        states=states,
        times={"end_diastole": 0.0, "end_systole": 0.32} if end_systole else {},
        state_fields=fields,
        passive_curve=curve,
        parameters=parameters,
        fit=fit,
        checks={"unloading_return_p95": 4e-5},
        posterior=draws if posterior else {},
        flags=(
            Flag(name="cuff_assumed", sentence="No cuff pressure: 120 mmHg <assumed> & used."),
        ),
        timing={"geometry": 0.4, "fit": 61.25},
        inputs={"cine/seg.nii.gz": "0" * 64},
        software={"cardiotwin": "0.1.0", "dolfinx": "0.11.0"},
        seed=7,
    )
    return with_function(twin)


def agreement(measured, sd, model, unit, source):
    return Agreement(measured=measured, sd=sd, model=model, unit=unit, source=source)


def drawn_contours(shape, phase, *, n_slices=7, thickness=10e-3):
    """Return short-axis contours of a shape, exact, and one long-axis plane."""
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    slices, curves = {}, []
    for k in range(n_slices):
        height = -0.052 + thickness * k
        slices[k] = Slice(
            origin=np.array([-0.06, -0.06, height]),
            row=np.array([1.4e-3, 0, 0]),
            column=np.array([0, 1.4e-3, 0]),
            view=View.SHORT_AXIS,
            thickness=thickness,
        )
        for structure, t in ((Structure.LV_ENDOCARDIUM, 0.0), (Structure.LV_EPICARDIUM, 1.0)):
            u = _level(shape, height, t)
            if u is not None:
                points = shape(np.full(60, u), angle, np.full(60, t))
                curves.append(Curve(structure=structure, points=points, slice_id=k, closed=True))
    slices[20] = Slice(
        origin=np.array([-0.07, 0, -0.08]),
        row=np.array([1.4e-3, 0, 0]),
        column=np.array([0, 0, 1.4e-3]),
        view=View.LONG_AXIS,
        thickness=6e-3,
    )
    u = np.concatenate([np.linspace(1, 0, 40), np.linspace(0, 1, 40)])
    side = np.repeat([0, np.pi], 40).astype(float)
    for structure, t in ((Structure.LV_ENDOCARDIUM, 0.0), (Structure.LV_EPICARDIUM, 1.0)):
        points = shape(u, side, np.full(80, t))
        curves.append(Curve(structure=structure, points=points, slice_id=20, closed=False))
    return Contours(
        phase=phase, curves=tuple(curves), slices=slices, from_labels=False, source=Path("drawn")
    )


def _level(shape, height, t):
    u = np.linspace(0.02, 1, 400)
    z = shape(u, np.zeros(400), np.full(400, t))[:, 2]
    return float(np.interp(height, z, u)) if z[0] < height < z[-1] else None
