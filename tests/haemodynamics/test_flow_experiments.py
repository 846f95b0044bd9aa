"""The flows in closed form that the solver is held against, and the experiments' refusals."""

import cylinder
import ethier_steinman as study
import heart_flow
import numpy as np
import pytest
from exact_flows import ethier_steinman, vortex, womersley

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import cell_sizes

HAIR = 1e-4


def momentum_residual(flow, place: np.ndarray, time: float, viscosity: float) -> np.ndarray:
    """Return du/dt + u . grad u + grad p - nu lap u by central differences, at density 1."""
    steps = HAIR * np.eye(len(place))
    here = flow(place[None], time, viscosity)[0][0]
    ahead = [flow((place + s)[None], time, viscosity) for s in steps]
    behind = [flow((place - s)[None], time, viscosity) for s in steps]
    slope = np.array(
        [(a[0][0] - b[0][0]) / (2 * HAIR) for a, b in zip(ahead, behind, strict=True)]
    )
    push = np.array([(a[1][0] - b[1][0]) / (2 * HAIR) for a, b in zip(ahead, behind, strict=True)])
    bend = sum(a[0][0] + b[0][0] - 2 * here for a, b in zip(ahead, behind, strict=True)) / HAIR**2
    later, sooner = (flow(place[None], time + h, viscosity)[0][0] for h in (HAIR, -HAIR))
    assert np.trace(slope) == pytest.approx(0, abs=1e-6)
    return (later - sooner) / (2 * HAIR) + here @ slope + push - viscosity * bend


def test_the_exact_flows_obey_navier_and_stokes():
    place = np.array([0.3, -0.2, 0.7])
    np.testing.assert_allclose(momentum_residual(ethier_steinman, place, 0.1, 0.04), 0, atol=1e-5)
    np.testing.assert_allclose(momentum_residual(vortex, place[:2], 0.1, 0.025), 0, atol=1e-5)


def test_womersleys_velocity_is_the_published_one():
    """R 1 cm, 1.06 g/cm^3, 0.04 P, 0.8 s, 100 dyn/cm^3: w(0) = -0.0015547 - 12.0156167 i cm/s."""
    rate = 2 * np.pi / 0.8
    options = {"gradient": 1e3, "rate": rate, "pipe": 1e-2, "density": 1060.0, "viscosity": 4e-3}
    real = womersley(np.zeros(1), 0.0, **options)[0]
    imaginary = -womersley(np.zeros(1), 0.2, **options)[0]  # a quarter of the period later
    assert real * 100 == pytest.approx(-0.0015547, abs=1e-7)
    assert imaginary * 100 == pytest.approx(-12.0156167, abs=1e-7)


def test_the_channel_round_the_cylinder_is_cut_without_gaps():
    region = cylinder.channel(0.02, 0.004)
    areas = cell_sizes(region.points, region.cells)
    n_arc = len(region.facets["cylinder"])
    polygon = n_arc / 2 * np.sin(2 * np.pi / n_arc) * cylinder.RADIUS**2
    assert areas.min() > 0
    assert areas.sum() == pytest.approx(2.2 * 0.41 - polygon, rel=1e-12)


def test_cases_that_are_not_there_are_refused():
    with pytest.raises(InputError, match=r"case must be 2D-1 or 2D-3, found '2D-2'"):
        cylinder.benchmark(cylinder.Options(case="2D-2"))
    with pytest.raises(InputError, match=r"scheme must be projection or monolithic, found 'x'"):
        cylinder.benchmark(cylinder.Options(scheme="x"))
    with pytest.raises(InputError, match=r"edge must be 0.004 to 0.05 m"):
        cylinder.benchmark(cylinder.Options(edge=-1.0))
    with pytest.raises(InputError, match=r"finest must be at least 12, found 4"):
        study.orders(study.Options(finest=4))
    with pytest.raises(InputError, match=r"heart_flow needs a folder of .*, found path=''"):
        heart_flow.beat(heart_flow.Options())
    with pytest.raises(InputError, match=r"valves must be window or resistive, found 'disc'"):
        heart_flow.beat(heart_flow.Options(valves="disc"))
    with pytest.raises(InputError, match="at least one beat, found beats=0"):
        heart_flow.beat(heart_flow.Options(beats=0))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": 10}, r"at least 50 steps, found 10"),
        ({"period_s": 860.0}, r"period_s must be 0\.25 to 3, found 860"),
        ({"period_s": -0.8}, r"period_s must be 0\.25 to 3, found -0\.8"),
        ({"harmonics": -1}, r"harmonics must be at least 1, found -1"),
        ({"atrium_mmhg": 95.0, "aorta_mmhg": 10.0}, r"atrium_mmhg must lie below aorta_mmhg"),
        ({"ramp_ms": 0.5}, r"5 to 60 ms to open, found a ramp of 0\.5 ms"),
        ({"relaxation_ms": 200.0}, r"relaxation lasts 20 to 140 ms, found 200 ms"),
        ({"edge": 0.5}, r"edge must be 0\.02 to 0\.16, found 0\.5"),
        ({"resistance_kg_per_m_s": -1.0}, r"resistance must be positive .*, found -1"),
    ],
)
def test_a_beat_is_refused_before_its_cavity_is_made(given, said):
    with pytest.raises(InputError, match=said):
        heart_flow.Options(**given)


@pytest.mark.slow
@pytest.mark.validation
def test_the_steady_flow_round_the_cylinder_is_the_benchmarks():
    """Schaefer & Turek (1996), 2D-1: drag 5.57-5.59, lift .0104-.0110, dp .1172-.1176 Pa."""
    found = cylinder.benchmark(
        cylinder.Options(case="2D-1", scheme="monolithic", edge=0.02, finest=3e-3, time_step=0.2)
    )
    assert 5.57 <= found["drag"] <= 5.59
    assert 0.0104 <= found["lift"] <= 0.0110
    assert 0.1172 <= found["pressure_difference"] <= 0.1176
