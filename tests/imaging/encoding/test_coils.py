import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.encoding.coils import (
    CoilArray,
    elliptic_body,
    noise_covariance,
    receive_sensitivity,
    torso_array,
)

RADIUS = 0.06


def loop(normal):
    return CoilArray(centres=np.zeros((1, 3)), normals=np.array([normal]), radius=RADIUS)


def biot_savart(points, *, potential=False):
    """Return field or potential of a loop about the first axis by summing its wire."""
    angle = 2 * np.pi * (np.arange(4000) + 0.5) / 4000
    wire = RADIUS * np.stack([0 * angle, np.cos(angle), np.sin(angle)], axis=1)
    step = RADIUS * np.stack([0 * angle, -np.sin(angle), np.cos(angle)], axis=1) * angle[0] * 2
    apart = points[:, None] - wire
    distance = np.linalg.norm(apart, axis=-1, keepdims=True)
    scale = RADIUS / (2 * np.pi)  # 1 at the centre
    if potential:
        return scale * np.sum(step / distance, axis=1)
    return scale * np.sum(np.cross(step, apart) / distance**3, axis=1)


def test_on_its_axis_a_loop_has_the_textbook_field():
    z = np.array([0.0, 0.01, 0.05, 0.2])
    points = np.stack([z, 0 * z, 0 * z], axis=1)
    found = receive_sensitivity(loop([1.0, 0.0, 0.0]), points)[0]
    np.testing.assert_allclose(found, (1 + (z / RADIUS) ** 2) ** -1.5, rtol=1e-12)


def test_off_its_axis_the_field_is_biot_savarts():
    points = np.random.default_rng(1).uniform(-0.15, 0.15, (40, 3))
    field = biot_savart(points)
    found = receive_sensitivity(loop([1.0, 0.0, 0.0]), points)[0]
    np.testing.assert_allclose(found, field[:, 0] - 1j * field[:, 1], atol=1e-9)


def test_a_loop_about_the_main_field_receives_what_leans_out_only():
    points = np.array([[0.0, 0.0, 0.05], [0.03, 0.0, 0.05], [0.0, 0.03, 0.05]])
    found = receive_sensitivity(loop([0.0, 0.0, 1.0]), points)[0]
    assert abs(found[0]) < 1e-12
    np.testing.assert_allclose(found[2], -1j * found[1], rtol=1e-12)


def test_noise_correlates_as_the_potentials_overlap():
    coils = CoilArray(
        centres=np.array([[0.2, 0.0, 0.0], [0.2, 0.07, 0.02]]),
        normals=np.array([[1.0, 0.0, 0.0]] * 2),
        radius=RADIUS,
    )
    body = elliptic_body(np.zeros(3), step=0.05)
    fields = [biot_savart(body - centre, potential=True).ravel() for centre in coils.centres]
    shared = np.array([[a @ b for b in fields] for a in fields])
    expected = 0.8 * 2 * shared / np.trace(shared) + 0.2 * np.eye(2)
    np.testing.assert_allclose(noise_covariance(coils, body), expected, rtol=1e-6)


def test_the_array_surrounds_the_heart_and_its_noise_has_a_covariance():
    heart = np.array([-0.02, 0.03, 0.1])
    coils = torso_array(8, heart)
    inwards = np.sum((heart - coils.centres) * coils.normals, axis=1)
    assert (inwards > 0.05).all()
    covariance = noise_covariance(coils, elliptic_body(heart))
    assert np.linalg.eigvalsh(covariance)[0] > 0.1
    assert np.trace(covariance) == pytest.approx(8)
    apart = np.linalg.norm(coils.centres[0] - coils.centres, axis=1)
    assert np.argmax(np.abs(covariance[0, 1:])) + 1 in np.argsort(apart)[1:3]


def test_coils_without_a_normal_are_refused():
    with pytest.raises(InputError, match="found 1 normals and 2 centres"):
        CoilArray(centres=np.zeros((2, 3)), normals=np.ones((1, 3)))
