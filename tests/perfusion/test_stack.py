"""A slice's section of the mesh found in its images, and the flow of its pieces from them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from perfused_heart import heart

from cardiotwin.errors import InputError
from cardiotwin.geometry.template import Template
from cardiotwin.perfusion.kinetics import gamma_variate, tissue_curve
from cardiotwin.perfusion.placing import place
from cardiotwin.perfusion.section import Grid, cut
from cardiotwin.perfusion.series import read_first_pass
from cardiotwin.perfusion.stack import How, measure_stack
from cardiotwin.units import MM

ML_MIN_G = 1e-3 / 60  # m^3/(s kg)
STEP = 1.5  # mm
SIZE = 72
SHIFT, SMALLER = np.array([6.0, -4.5]) * MM, 0.9
FLOWS = (2.4, 0.9)  # mL/min/g, remote and ischaemic
LOW = (0.5, 1.8)  # rad, of the ischaemic sector about the middle of the cavity
TIME = 0.8 * np.arange(60)
HAEMATOCRIT = 0.42


@pytest.fixture(scope="module")
def mesh():
    return heart("", Template(rings=8, layers=3))[0]


@pytest.fixture(scope="module")
def affine(mesh):
    """Return that of a slice through the middle of the wall, mm."""
    made = np.diag([STEP, STEP, 10.0, 1.0])
    low, high = mesh.points.min(axis=0) / MM, mesh.points.max(axis=0) / MM
    made[:3, 3] = (*((low + high)[:2] / 2 - STEP * SIZE / 2), (low + high)[2] / 2)
    return made


@pytest.fixture(scope="module")
def section(mesh, affine):
    metres = affine * np.array([[MM]] * 3 + [[1.0]])
    return cut(mesh, mesh.points, affine=metres, number=0, thickness=8 * MM)


@pytest.fixture(scope="module")
def seen(section):
    """Return radius, mm, and angle, rad, about the heart of the images, and its two borders."""
    middle = (section.middle + SHIFT) / MM
    x, y = STEP * np.indices((SIZE, SIZE)) - middle[:, None, None]
    away = np.linalg.norm(section.place - section.middle, axis=1) / MM
    inner = SMALLER * np.median(away[section.depth < 0.05])
    outer = SMALLER * np.median(away[section.depth > 0.95])
    return np.hypot(x, y), np.arctan2(y, x), inner, outer


@pytest.fixture(scope="module")
def file(tmp_path_factory, seen, affine, made_signals, write_first_pass):
    """Return a first pass that the breath moves by up to three voxels."""
    away, angle, inner, outer = seen
    when = torch.from_numpy(TIME)
    shape = {"to_peak": 5.0, "shape": 3.0}
    aif = gamma_variate(when, arrival=9.0, peak=4.0, **shape)
    aif = aif + 0.3 * torch.sigmoid((when - 24.0) / 3.0)
    early = gamma_variate(when, arrival=3.0, peak=5.0, **shape).numpy()
    curves = [
        tissue_curve(
            "2cxm",
            when,
            aif,
            haematocrit=HAEMATOCRIT,
            fp=flow * 1050 * ML_MIN_G * (1 - HAEMATOCRIT),
            ps=0.015,
            vp=0.06,
            ve=0.18,
        )
        .numpy()
        .ravel()
        for flow in FLOWS
    ]
    ill = (angle > LOW[0]) & (angle < LOW[1])
    pool, wall = away < inner, (away >= inner) & (away < outer)
    right = (np.abs(angle) > 2.4) & (away >= outer) & (away < outer + 15)
    images = np.zeros((SIZE, SIZE, len(TIME)))
    for where, curve in ((pool, aif.numpy()), (right, early)):
        images[where] = curve
    for where, curve in zip((wall & ~ill, wall & ill), curves, strict=True):
        images[where] = curve
    rng = np.random.default_rng(0)
    images += rng.normal(scale=0.02, size=images.shape)
    breath = np.rint(3 * np.sin(np.pi * TIME / 4.0) ** 2).astype(int) * (TIME > 12)
    moved = np.stack([np.roll(images[..., i], breath[i], 0) for i in range(len(TIME))], -1)
    folder = tmp_path_factory.mktemp("subject")
    signals = made_signals(moved)[:, :, None]
    return write_first_pass(folder, signals, TIME, aif.numpy(), affine=affine)


def test_a_section_finds_its_place_and_size_beside_another_pool(section, seen):
    away, angle, inner, outer = seen
    right = (np.abs(angle) > 2.4) & (away >= outer) & (away < outer + 15)
    blood = np.where(away < inner, 1.0, np.where(right, 0.6, 0.05))
    found = place(section, blood, np.full(2, STEP * MM))
    assert found.shift == pytest.approx(SHIFT, abs=0.7 * MM)
    assert found.size == pytest.approx(SMALLER, abs=0.04)
    assert found.explained > 0.8
    pure = (away > inner + STEP) & (away < outer - STEP)
    assert found.wall[pure].mean() > 0.8
    assert not found.wall[(away < inner - STEP) | (away > outer + STEP)].any()
    assert found.pool[away < inner - 2 * STEP].all()
    turned = np.angle(np.exp(1j * (found.angle - angle)))[found.wall]
    assert np.abs(turned).max() < np.deg2rad(6)
    true = ((away - inner) / (outer - inner))[found.wall]
    assert np.abs(found.depth[found.wall] - true).mean() < 0.1


def test_pieces_of_a_section_share_out_its_volume(section):
    grid = Grid(around=8, through=2)
    pieces = section.pieces(grid)
    assert pieces.shape == (16, section.n_cells)
    assert pieces.sum() == pytest.approx(section.volume.sum())
    of_voxels = grid.number(section.angle, section.depth)
    volumes = np.bincount(of_voxels, section.volume, grid.size)
    assert np.asarray(pieces.sum(axis=1)).ravel() == pytest.approx(volumes)


def test_a_breathing_slice_gives_the_flow_of_its_pieces_again(file, mesh):
    how = How(motion="shift", grid=Grid(around=12, through=2))
    measured = measure_stack(read_first_pass(file), mesh, how)
    (one,) = measured.slices
    assert np.ptp(one.shifts[TIME > 12], axis=0) == pytest.approx(
        [3 * STEP * MM, 0.0], abs=0.6 * MM
    )
    middle = np.array(
        [np.angle(np.exp(1j * one.placed.angle[one.pieces == n]).mean()) for n in one.piece]
    )
    width = np.pi / 12
    ill = (middle > LOW[0] + width) & (middle < LOW[1] - width)
    well = (middle < LOW[0] - width) | (middle > LOW[1] + width)
    flow = one.fit.values["mbf"] / ML_MIN_G
    assert one.told[well].mean() > 0.8
    common = np.linalg.norm(one.fit.common, axis=1).mean()
    for here, true in ((well, FLOWS[0]), (ill, FLOWS[1])):
        error = one.fit.standard_errors["mbf"][here] / one.fit.values["mbf"][here]
        apart = np.log(flow[here] / true)
        assert np.sqrt(np.mean(apart**2)) < 2 * np.hypot(common, error.mean())
    assert np.median(flow[ill]) < 0.5 * np.median(flow[well])
    assert measured.scale_error == 0
    still = measure_stack(read_first_pass(file), mesh, replace(how, motion="none"))
    assert not still.slices[0].shifts.any()


def test_the_input_of_the_blood_in_the_images_has_an_error_of_its_own(file, mesh):
    series = read_first_pass(file)
    measured = measure_stack(series, mesh, How(motion="shift", aif="images"))
    assert measured.aif.max() == pytest.approx(series.aif.max(), rel=0.1)
    assert measured.scale_error > 0


def test_what_does_not_show_the_heart_is_named(file, mesh, section):
    series = read_first_pass(file)
    beside, above = (series.affine.copy() for _ in range(2))
    beside[0, 3] += 0.5
    above[2, 3] += 0.5
    with pytest.raises(InputError, match=r"does not show the heart, which lies from"):
        measure_stack(replace(series, affine=beside), mesh, How())
    with pytest.raises(InputError, match=r"No slice of .* Slice 0 does not cut the wall"):
        measure_stack(replace(series, affine=above), mesh, How())
    with pytest.raises(InputError, match=r"has no arterial input beside it"):
        measure_stack(replace(series, aif=None), mesh, How(aif="beside"))
    with pytest.raises(InputError, match=r"motion must be one of .* found 'rigid'"):
        How(motion="rigid")
    with pytest.raises(InputError, match=r"show no cavity and wall like the mesh's"):
        place(section, np.random.default_rng(0).random((SIZE, SIZE)), np.full(2, STEP * MM))
    with pytest.raises(InputError, match=r"one piece or more, found 0 around"):
        Grid(around=0)
