from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from cardiotwin.exam.body import Surroundings, texture
from cardiotwin.exam.cine import balanced_level, coil_shading
from cardiotwin.exam.contrast import BLOOD, MYOCARDIUM, balanced_signal
from cardiotwin.exam.phantom import annotate, fractions, slice_shifts
from cardiotwin.exam.stack import base_centre
from cardiotwin.imaging.examination import Tissue
from cardiotwin.units import MM


def whole_slices(heart, points):
    """Return the slices that lie wholly below the base and above the cavity's apex."""
    stack, facets = heart.stack, heart.mesh.facets
    base, inner = (
        (points[facets[name][:, :3]] - stack.affine[:3, 3])
        @ stack.affine[:3, 2]
        / np.linalg.norm(stack.affine[:3, 2])
        / stack.thickness
        for name in ("base", "lv_endocardium")
    )
    pitch = np.linalg.norm(stack.affine[:3, 2]) / stack.thickness
    number = np.arange(stack.shape[2]) * pitch
    return (number - 0.5 > base.max()) & (number + 0.5 < inner.max())


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize(("noise", "seeds"), [(0.0, 1), (0.7 * MM, 8)])
def test_labels_are_not_biased(heart, phase, noise, seeds):
    """Labelled volumes are the partial volumes' to 1 % over the same slices."""
    parts = heart.frames[phase]
    scan = replace(heart.volunteer.scan, label_noise=noise)
    inside = whole_slices(heart, (heart.beat.end_diastole, heart.beat.end_systole)[phase])
    assert inside.sum() >= 5
    labels = [
        annotate(parts, scan, np.random.default_rng(seed))[..., inside] for seed in range(seeds)
    ]
    for tissue, part in ((Tissue.LV_CAVITY, parts.cavity), (Tissue.MYOCARDIUM, parts.wall)):
        drawn = np.mean([np.sum(label == tissue) for label in labels])
        assert drawn == pytest.approx(part[..., inside].sum(), rel=0.01)


def test_labels_stop_where_less_than_half_the_slab_is_ventricle(heart):
    scan = replace(heart.volunteer.scan, label_noise=0.0)
    for parts in heart.frames:
        labels = annotate(parts, scan, np.random.default_rng(0))
        labelled = np.isin(labels, [Tissue.LV_CAVITY, Tissue.MYOCARDIUM])
        np.testing.assert_array_equal(labelled, parts.cavity + parts.wall >= 0.5)


def test_a_shift_moves_one_slice_as_far_as_it_says(heart):
    shifts = np.zeros((heart.volunteer.scan.n_slices, 2))
    shifts[4] = (3 * MM, -2 * MM)
    points, mesh = heart.beat.end_diastole, heart.mesh
    still = heart.frames[0]
    moved = fractions(heart.stack, points, mesh, heart.right[0], shifts)

    def middle(parts, number):
        weights = parts.cavity[..., number]
        place = np.indices(weights.shape) * heart.volunteer.scan.pixel
        return (place * weights).sum(axis=(1, 2)) / weights.sum()

    np.testing.assert_allclose(middle(moved, 4) - middle(still, 4), shifts[4], atol=0.02 * MM)
    np.testing.assert_allclose(middle(moved, 5), middle(still, 5))


def test_the_frames_of_a_slice_share_their_breath_hold(heart):
    scan = replace(heart.volunteer.scan, n_slices=40)
    shifts = slice_shifts(scan, 2, np.random.default_rng(3))
    np.testing.assert_array_equal(shifts[0], shifts[1])
    assert np.std(shifts[0]) == pytest.approx(1.5 * MM, rel=0.2)
    apart = slice_shifts(replace(scan, phase_shift_sd=1 * MM), 2, np.random.default_rng(3))
    assert np.std(apart[0] - apart[1]) == pytest.approx(np.sqrt(2) * MM, rel=0.2)


def test_the_stack_is_planned_on_the_base_and_passes_the_apex(heart):
    step = heart.stack.affine[:3, 2]
    into = step / np.linalg.norm(step)
    base = base_centre(heart.beat.end_diastole, heart.mesh)
    first = heart.stack.centres(1).mean(axis=(0, 1)) - 0.5 * step
    assert (base - first) @ into == pytest.approx(heart.volunteer.scan.planning_offset)
    last = heart.stack.centres(heart.stack.shape[2] - 1).mean(axis=(0, 1)) + 0.5 * step
    assert ((heart.mesh.points - last) @ into).max() < 0
    assert np.linalg.det(heart.stack.affine[:3, :3]) > 0


def test_the_steady_state_signal_has_its_short_repetition_limit():
    """S = M0 sin a / ((T1/T2 + 1) - cos a (T1/T2 - 1)) for TR far below T1 and T2."""
    flip, ratio = 1.0, BLOOD.t1 / BLOOD.t2
    limit = np.sin(flip) / (ratio + 1 - np.cos(flip) * (ratio - 1))
    found = balanced_signal(BLOOD, flip, 1e-6) / BLOOD.proton_density
    assert found == pytest.approx(limit, rel=1e-4)


def test_air_has_rayleigh_noise(folder, heart):
    image = nib.load(folder / "cine" / "sa.nii.gz").get_fdata()
    corner = image[:60, -20:, 4, :]  # in front of the chest
    sigma = 400 / heart.volunteer.scan.signal_to_noise
    assert corner.mean() == pytest.approx(np.sqrt(np.pi / 2) * sigma, rel=0.05)


def test_coils_shade_smoothly_and_are_one_at_the_heart(heart):
    shading = coil_shading(heart.volunteer, heart.stack)
    assert np.abs(np.diff(shading, axis=0)).max() < 0.05
    middle = np.argmin(np.linalg.norm(heart.stack.centres(5) - heart.mesh.points.mean(0), axis=-1))
    assert shading[..., 5].flat[middle] == pytest.approx(1, abs=0.1)


def test_breathing_leaves_the_chest_wall(heart):
    detail = texture(heart.stack.shape[:2], np.random.default_rng(0))
    base = base_centre(heart.beat.end_diastole, heart.mesh)
    still, moved = (
        Surroundings(
            heart.volunteer,
            heart.stack,
            3,
            detail=detail,
            shift=shift,
            level=balanced_level(heart.volunteer.scan),
        ).at(base)[..., 0]
        for shift in (np.zeros(2), np.array([4 * MM, 0.0]))
    )
    changed = np.abs(still - moved) > 0.02
    assert changed.any()
    assert not changed[:, -30:].any()  # the front of the chest


@pytest.mark.real_data
def test_blood_and_myocardium_differ_as_in_a_real_cine(real_data):
    """AutoFD's subjects, mid-ventricular slices: medians inside the manual labels."""
    ratios = []
    for name in "ABCD":
        place = real_data / "cine" / "autofd" / name
        image = np.squeeze(nib.load(place / "sa_ED.nii.gz").get_fdata())
        labels = np.squeeze(nib.load(place / "seg_sa_ED.nii.gz").get_fdata())
        labels = labels[..., 3 : 3 + image.shape[2]]  # its grid begins three slices earlier
        middle = slice(5, 8)
        blood, muscle = (
            np.median(image[..., middle][labels[..., middle] == value]) for value in (1, 2)
        )
        ratios.append(blood / muscle)
    ours = balanced_signal(BLOOD, 1.047, 0.003) / balanced_signal(MYOCARDIUM, 1.047, 0.003)
    assert 0.8 * min(ratios) < ours < 1.25 * max(ratios)
