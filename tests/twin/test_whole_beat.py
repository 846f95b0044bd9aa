"""A whole beat of a coarse heart: its frames on disk, what is read of them, its files."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
import pyvista as pv

from cardiotwin.circulation import Stores
from cardiotwin.coupling import Beat, ClosedLoop, Journal, personal_circulation
from cardiotwin.errors import InputError
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.measurement.beat import loop_work
from cardiotwin.measurement.views import segment_numbers
from cardiotwin.mechanics.active.prescribed import DoubleHill
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.schemes import BackwardEuler
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall
from cardiotwin.twin.beat_files import beat_to_hdf5, curves_table
from cardiotwin.twin.frames import Cine
from cardiotwin.twin.stages import Stages
from cardiotwin.twin.whole_beat import read_beat
from cardiotwin.units import MMHG
from cardiotwin.viz.curves import draw_beat_curves, draw_beat_segments

pytestmark = pytest.mark.slow
LV = Stores._fields.index("lv")
PERIOD, STEP, FRAMES = 0.9, 0.018, 20
SETTINGS = {"tolerance": 0.2, "most": 4}
SCAR = {7: 0.0, 8: 0.0, 13: 0.0}


@pytest.fixture(scope="module")
def heart(hearts):
    """Return a wall with a scar, its loop and its end-diastole."""
    mesh = hearts.heart_mesh(hearts.Template(rings=4, layers=1))
    x, y, _ = mesh.points[mesh.cells[:, :4]].mean(axis=1).T
    height = mesh.point_fields["apicobasal"][mesh.cells[:, :4]].mean(axis=1)
    segments = segment_numbers(height, np.rad2deg(np.arctan2(y, x)))  # where images have them
    mesh = replace(mesh, cell_fields={**mesh.cell_fields, "aha_segment": segments})
    wall = Wall(
        mesh,
        angles=FibreAngles(),
        material=HolzapfelOgden(),
        springs=Springs(),
        segment_contractility=SCAR,
    )
    loads = Loads(cavity_pressure=10 * MMHG, passive_scale=2.0, passive_exponent=2.0)
    image = wall.imaged(wall.unload(loads))
    volume = wall.volume(image)
    beat = Beat(
        period=PERIOD,
        end_diastolic_volume=volume,
        end_systolic_volume=0.5 * volume,
        end_diastolic_pressure=10 * MMHG,
        end_systolic_pressure=100 * MMHG,
    )
    circulation, cycle = personal_circulation(beat)
    muscle = DoubleHill(peak=7e4, period=PERIOD).value
    loop = ClosedLoop(Dynamics(wall.body, scheme=BackwardEuler()), circulation, muscle)
    return wall, loop, loop.begin(image, cycle.state)


def beats_of(heart, folder, watch=None):
    """Run the beats in a folder with their frames; return both."""
    wall, loop, start = heart
    loop.dynamics.problem.forget()
    stages = Stages(folder / "frames", "the run of these tests")
    cine = Cine(wall, stages, start, period=PERIOD, step=STEP, n_frames=FRAMES)

    def both(moment):
        cine.watch(moment)
        if watch is not None:
            watch(moment)

    beats = loop.beats(start, STEP, journal=Journal(folder), watch=both, **SETTINGS)
    return beats, cine


@pytest.fixture(scope="module")
def whole(heart, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    beats, cine = beats_of(heart, folder)
    return folder, beats, cine.frames(len(beats.changes) + 1)


@pytest.fixture(scope="module")
def read(heart, whole):
    record = whole[1].record
    return read_beat(
        heart[0],
        whole[2],
        time=record.time[:-1],
        volume=record.volume[:-1, LV],
        pressure=record.pressure[:-1, LV],
        heart_rate=1 / PERIOD,
    )


def test_frames_are_the_first_steps_not_before_their_times(whole):
    folder, beats, frames = whole
    assert len(frames) == FRAMES
    since = beats.record.time - beats.record.time[0]
    for number, frame in enumerate(frames):
        step = int(np.argmax(since >= number * PERIOD / FRAMES - 1e-9))
        assert frame.time == pytest.approx(since[step], abs=1e-12)
        assert frame.state.cavity_volume == pytest.approx(beats.record.volume[step, LV], rel=1e-6)
        assert frame.state.cavity_pressure == beats.record.pressure[step, LV]
    last = len(beats.changes) + 1
    kept = {path.name[:8] for path in (folder / "frames").glob("*.npz")}
    assert kept == {f"beat_{n:03d}" for n in range(max(last - 2, 0), last + 1)}


def test_a_run_that_was_stopped_ends_with_the_same_frames(heart, whole, tmp_path):
    def stop(moment):
        if moment.time > heart[2].time + 1.6 * PERIOD:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        beats_of(heart, tmp_path, stop)
    beats, cine = beats_of(heart, tmp_path)
    frames = cine.frames(len(beats.changes) + 1)
    for here, there in zip(frames, whole[2], strict=True):
        np.testing.assert_array_equal(here.state.displacement, there.state.displacement)
        np.testing.assert_array_equal(here.fibre_stress, there.fibre_stress)


def test_frames_closer_than_steps_and_frames_that_are_lost_are_refused(heart, tmp_path):
    wall, _, start = heart
    stages = Stages(tmp_path, "another run")
    with pytest.raises(InputError, match=r"10 to 50 frames, found 51"):
        Cine(wall, stages, start, period=PERIOD, step=STEP, n_frames=51)
    cine = Cine(wall, stages, start, period=PERIOD, step=STEP, n_frames=20)
    with pytest.raises(InputError, match=r"Beat 1 has 1 of its 20 frames"):
        cine.frames(1)


def test_strain_is_from_the_beats_own_end_diastole_and_end_systole_where_ejection_ends(read):
    function = read.function
    for strain in (function.material, function.image):
        np.testing.assert_allclose(strain.global_longitudinal[0], 0, atol=1e-12)
    volume = np.array([state.cavity_volume for state in read.states])
    left = (volume - volume.min()) / np.ptp(volume)
    assert left[function.end_systole] <= 0.005 < left[: function.end_systole].min()
    assert function.material.global_circumferential[function.end_systole, 1] < -0.05
    assert all(np.abs(values[0]).max() == 0 for k, values in read.fields.items() if "strain" in k)


def test_muscle_works_and_a_scar_is_worked_on(read):
    work = read.segment_fibre_work
    assert work.sum() == pytest.approx(read.fibre_work, rel=1e-9)
    assert read.segment_volume.sum() == pytest.approx(read.states[0].wall_volume, rel=1e-6)
    stretch = np.sqrt(1 + 2 * read.fields["fibre_strain"])
    density = loop_work(np.log(stretch), read.fields["fibre_stress"])
    np.testing.assert_allclose(density, read.function.fibre_work, rtol=1e-9, atol=1e-9)
    sick = np.array([7, 8, 13]) - 1
    well = np.array([10, 11, 15]) - 1
    held = read.segment_volume
    assert max(work[sick] / held[sick]) < 0.1 * min(work[well] / held[well])
    at = read.function.end_systole
    circumferential = read.function.material.segment_circumferential[at]
    assert circumferential[sick[:2]].mean() > circumferential[well[:2]].mean() + 0.05


def test_the_table_has_a_row_per_frame_and_the_view_a_step(read, tmp_path):
    rows = list(csv.DictReader(io.StringIO(curves_table(read))))
    assert len(rows) == FRAMES
    at = read.function.end_systole
    strain = read.function.material.segment_circumferential[at, 6]
    row = rows[at]
    assert float(row["segment_07_circumferential_strain_percent"]) == pytest.approx(100 * strain)
    assert float(row["time_s"]) == read.time[at]
    path = tmp_path / "beat.vtkhdf"
    path.write_bytes(beat_to_hdf5(read))
    reader = pv.get_reader(path)
    reader.reader.SetStep(at)
    grid = reader.read()
    np.testing.assert_array_equal(grid["displacement"], read.states[at].displacement)
    np.testing.assert_array_equal(grid["fibre_stress"], read.fields["fibre_stress"][at])
    np.testing.assert_array_equal(grid["fibre_work"], read.function.fibre_work)


def test_the_pictures_show_what_the_beat_has(read, whole, tmp_path):
    sick = draw_beat_curves(read, whole[1].record, tmp_path / "sick.png", diseased=SCAR)
    well = draw_beat_curves(read, whole[1].record, tmp_path / "well.png")
    assert sick.read_bytes() != well.read_bytes()
    eyes = draw_beat_segments(read, tmp_path / "eyes.png")
    none = replace(read, segment_fibre_work=np.zeros(17))
    assert eyes.read_bytes() != draw_beat_segments(none, tmp_path / "none.png").read_bytes()
