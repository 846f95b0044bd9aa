"""A twin's function: numbers in clinical units, fields by segment, whole beats."""

import json
from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.coordinates import frame_of
from cardiotwin.mechanics.state import WallState
from cardiotwin.twin import load_twin, save_twin
from cardiotwin.twin.beat import beat_states
from cardiotwin.twin.function_record import function_record
from cardiotwin.twin.json_record import as_json, twin_record
from cardiotwin.twin.reading import with_function
from cardiotwin.units import MMHG


@pytest.fixture(scope="module")
def twin(hearts):
    return hearts.heart_twin(hearts.Template(rings=8, layers=1))


def test_the_ellipsoids_strains_are_those_of_their_shapes(twin):
    record = function_record(twin.function)
    polar = np.linspace(0, np.deg2rad(110), 4001)

    def meridian(radius, length):
        return np.hypot(np.diff(radius * np.sin(polar)), np.diff(length * np.cos(polar))).sum()

    inner = meridian(0.016, 0.052) / meridian(0.025, 0.062) - 1
    outer = meridian(0.0308, 0.065) / meridian(0.034, 0.071) - 1
    views = record["material"]["views"].values()
    for view in views:
        strain = view["longitudinal_strain_percent"]
        assert strain["endocardium"] == pytest.approx(100 * inner, abs=0.3)
        assert strain["epicardium"] == pytest.approx(100 * outer, abs=0.3)
    # Surfaces at fixed (u, t): every endocardial circumference shrinks as the radius does.
    ring = record["material"]["global"]["gcs_endocardium_percent"]
    assert ring == pytest.approx(100 * (16 / 25 - 1), abs=0.3)
    assert record["gcs_percent"] == record["material"]["global"]["gcs_midwall_percent"]
    assert record["twist_deg"] == pytest.approx(0, abs=0.02)
    shortening = record["long_axis_shortening_percent"]
    assert shortening == pytest.approx(100 * (1 - 52 / 62), abs=0.1)


def test_images_and_model_of_one_shape_read_the_same_in_fixed_planes(twin):
    record = function_record(twin.function)
    model, images = record["image_plane"], record["measured"]
    assert images["global"]["gls_percent"] == model["global"]["gls_percent"]
    assert images["segments"]["wall_thickening_percent"] == pytest.approx(
        model["segments"]["wall_thickening_percent"], nan_ok=True
    )
    assert "twist_deg" in model["global"]
    assert "twist_deg" not in images["global"]


def test_the_record_is_strict_json_and_the_twin_comes_back_whole(twin, tmp_path):
    save_twin(twin, tmp_path)
    found = load_twin(tmp_path)
    assert found.function.states == ("end_diastole", "end_systole")
    np.testing.assert_array_equal(
        found.function.material.segment_radial, twin.function.material.segment_radial
    )
    record = json.loads((tmp_path / "twin.json").read_text())["function"]
    assert "stroke_work_j" not in record  # two states enclose no loop
    assert json.loads(as_json(twin_record(twin, {})))["function"] == record


def test_cells_carry_the_strain_of_their_segment(twin):
    fields = twin.state_fields["end_systole"]
    numbers = twin.mesh.cell_fields["aha_segment"]
    for key in ("circumferential", "radial"):
        seen = fields[f"segment_{key}_strain"]
        of_segment = getattr(twin.function.material, f"segment_{key}")[1]
        for number in range(1, 17):
            np.testing.assert_array_equal(seen[numbers == number], of_segment[number - 1])
        assert np.isnan(seen[numbers == 17]).all()
    assert np.isfinite(fields["segment_longitudinal_strain"]).all()


def test_a_whole_beat_has_loops_slopes_and_work(twin):
    beat = with_function(whole_beat(twin, 16))
    record = function_record(beat.function)
    loop = [
        (beat.states[name].cavity_volume, beat.states[name].cavity_pressure)
        for name in beat_states(beat)
    ]
    volume, pressure = np.array(loop).T
    area = -np.sum((np.roll(volume, -1) - volume) * (np.roll(pressure, -1) + pressure)) / 2
    assert record["stroke_work_j"] == pytest.approx(area)
    assert record["stroke_work_j"] > 0
    assert record["dpdt_max_mmhg_per_s"] > 0 > record["dpdt_min_mmhg_per_s"]
    assert record["cardiac_output_l_min"] == pytest.approx(
        record["stroke_volume_ml"] * 60 / 1000, rel=1e-9
    )
    index = np.array(record["fibre"]["myocardial_work_index_mmhg_percent"], dtype=float)
    assert (index > 0).all()
    assert len(beat.function.fibre_work) == len(beat.mesh.cells)


def test_a_passive_twin_has_no_function(hearts):
    passive = hearts.heart_twin(end_systole=False)
    assert passive.function is None
    assert "function" not in twin_record(passive, {})


def test_a_wall_that_planes_do_not_meet_is_flagged(hearts):
    twin = hearts.heart_twin()
    facets = dict(twin.mesh.facets)
    facets["epicardium"] = facets["epicardium"][:10]
    broken = replace(twin, mesh=replace(twin.mesh, facets=facets), function=None)
    found = with_function(broken)
    assert found.function is None
    (flag,) = found.flags[len(twin.flags) :]
    assert flag.name == "function_not_read"
    assert "basal short-axis plane" in flag.sentence


def test_a_base_that_comes_down_below_its_plane_is_flagged(twin):
    frame = frame_of(twin.mesh)
    height = (twin.mesh.points - frame.origin) @ frame.long_axis
    share = 1 - height / height.min()  # the apex stays
    down = 0.3 * height.min() * np.clip(share, 0, None)[:, None] * frame.long_axis
    ends = twin.states
    low = replace(ends["end_systole"], displacement=down)
    moved = replace(twin, states={**ends, "end_systole": low}, function=None)
    found = with_function(moved)
    (flag,) = found.flags[len(twin.flags) :]
    assert flag.name == "fixed_planes_left"
    assert "of the basal slice in 1 of 2 states (end-systole)" in flag.sentence
    assert np.isnan(found.function.image.circumferential[1, 0]).any()
    assert np.isfinite(found.function.material.circumferential).all()


def whole_beat(twin, n):
    """Return the twin with a beat of n states between its two, pressure ahead of volume."""
    mesh, ends = twin.mesh, twin.states
    turn = 2 * np.pi * np.arange(n) / n
    states, times, fields = {}, {}, {}
    for k, angle in enumerate(turn):
        name = "end_diastole" if k == 0 else f"frame_{k:02d}"
        share = (1 - np.cos(angle)) / 2
        displacement = share * ends["end_systole"].displacement
        points = mesh.points + displacement
        states[name] = WallState(
            displacement=displacement,
            cavity_pressure=(60 + 50 * np.sin(angle)) * MMHG,
            active_tension=0.0,
            cavity_volume=cavity_volume(points, mesh),
            wall_volume=ends["end_diastole"].wall_volume,
        )
        times[name] = k / n
        fields[name] = {
            key: share * np.asarray(values)
            for key, values in twin.state_fields["end_systole"].items()
            if key in {"fibre_strain", "fibre_stress"}
        }
    subject = replace(twin.subject, heart_rate=1.0)
    return replace(twin, subject=subject, states=states, times=times, state_fields=fields)
