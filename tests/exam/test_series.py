"""The series beside the cine, of a coarse heart: what comes back is what was put in."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.exam import Scan, Volunteer, end_diastolic_wall
from cardiotwin.exam.battery import TRUE_MAPS, Battery, Beside, finish
from cardiotwin.exam.body import texture
from cardiotwin.exam.cine_protocol import CineProtocol
from cardiotwin.exam.displacement_series import Dense
from cardiotwin.exam.flow_series import PhaseContrast
from cardiotwin.exam.heart import volunteer_heart
from cardiotwin.exam.myocardium import PER_GRAM, Myocardium
from cardiotwin.exam.perfusion_series import FirstPass
from cardiotwin.exam.sequences import EchoMap, IvimMap, T1Map, T1SaturationMap, T2Map
from cardiotwin.exam.slab import NAMES, moment_of, slab
from cardiotwin.exam.tagging_series import Tagging
from cardiotwin.geometry.template import Template
from cardiotwin.imaging.beside import describe_beside
from cardiotwin.imaging.encoded import read_encoded
from cardiotwin.imaging.raw import cartesian_spectra, read_raw
from cardiotwin.imaging.reconstruction.coil_maps import espirit_maps
from cardiotwin.imaging.reconstruction.sense import mean_middle, sense
from cardiotwin.imaging.retrieval.from_series import retrieve
from cardiotwin.imaging.signal import molli_times
from cardiotwin.perfusion import fit_kinetics
from cardiotwin.perfusion.series import read_first_pass

CLEAR = 1e6  # signal to noise
BATTERY = Battery(
    series=(
        "t1_saturation_map",
        "t2_map",
        "echo_map",
        "ivim_map",
        "dense",
        "perfusion_stress",
        "phase_contrast",
        "tagging",
        "tagging_2ch",
    ),
    tissue=Myocardium(diseased=(8,)),
    t1_saturation_map=T1SaturationMap(signal_to_noise=CLEAR, slices=2),
    t2_map=T2Map(signal_to_noise=CLEAR, slices=2),
    echo_map=EchoMap(signal_to_noise=CLEAR, slices=2),
    ivim_map=IvimMap(signal_to_noise=CLEAR, slices=2),
    dense=Dense(signal_to_noise=CLEAR, slices=1, n_frames=3),
    perfusion_stress=FirstPass(state="stress", signal_to_noise=CLEAR, slices=2, n_beats=50),
    phase_contrast=PhaseContrast(signal_to_noise=CLEAR, slices=1, n_frames=3),
    tagging=Tagging(signal_to_noise=CLEAR, slices=1, n_frames=4, last=0.3, spacing=9e-3),
    tagging_2ch=Tagging(
        signal_to_noise=CLEAR, slices=1, n_frames=4, last=0.3, spacing=9e-3, view="two_chamber"
    ),
)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory, systole):
    folder = tmp_path_factory.mktemp("series")
    volunteer = Volunteer(
        template=Template(rings=6, layers=1), scan=Scan(pixel=2.4e-3, matrix=(96, 88))
    )
    mesh = end_diastolic_wall(volunteer)
    heart = volunteer_heart(volunteer, mesh, systole(volunteer, mesh), 12)
    cine = CineProtocol(n_coils=4)
    beside = Beside(battery=BATTERY, heart=heart, cine=cine, folder=folder, seed=3)
    told = finish(beside, {name: beside.scan(name) for name in BATTERY.series})
    return folder, told, dict(np.load(folder / TRUE_MAPS))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameter", "key", "unit"),
    [
        ("t1_saturation_map", "t1", "t1_ms", 1e-3),
        ("t2_map", "t2", "t2_ms", 1e-3),
        ("echo_map", "t2_star", "t2_star_ms", 1e-3),
        ("ivim_map", "d", "d_mm2_s", 1e-6),
        ("ivim_map", "f", "f", 1.0),
    ],
)
def test_without_noise_pure_wall_gives_its_value(scanned, name, parameter, key, unit):
    folder, told, maps = scanned
    inside = (maps[f"{name}_wall"][..., 0] > 0.9999) & (maps[f"{name}_segments"][..., 0] > 0)
    assert inside.sum() > 40
    series = read_encoded(folder / told["series"][name]["file"])
    found = retrieve(series, inside).frames[0]
    true = unit * maps[f"{name}_true_{key}"]
    error = np.abs(found.values[parameter] / true - 1)[inside]
    # Where two segments meet, the values differ by a tenth or two: of second order in that.
    assert np.median(error) < 1e-3
    assert error.max() < 0.03


@pytest.mark.slow
def test_the_field_is_where_it_was_put(scanned):
    folder, told, maps = scanned
    inside = maps["echo_map_wall"][..., 0] > 0.9999
    found = retrieve(read_encoded(folder / told["series"]["echo_map"]["file"]), inside).frames[0]
    error = found.values["off_resonance"] - maps["echo_map_field_hz"]
    assert np.abs(error[inside]).max() < 0.05
    assert found.values["fat_fraction"][inside].max() < 1e-3


@pytest.mark.slow
def test_dense_gives_the_mean_displacement_of_what_is_in_the_pixel(scanned):
    folder, told, maps = scanned
    series = read_encoded(folder / told["series"]["dense"]["file"])
    inside = (maps["dense_wall"] > 0.9999) & (maps["dense_segments"] > 0)
    found = retrieve(series, inside)
    for time, one in enumerate(found.frames):
        for axis, name in enumerate("xyz"):
            true = maps["dense_displacement_mm"][..., time, axis]
            error = 1e3 * one.values[f"displacement_{name}"] - true
            kept = inside[..., time] & one.fitted
            assert kept.sum() > 0.9 * inside[..., time].sum()
            assert np.sqrt(np.mean(error[kept] ** 2)) < 0.1  # the phase of a mean, not a mean


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tagging", "tagging_2ch"])
def test_stripes_go_with_the_wall(scanned, name):
    """Harmonic phases follow them, but for the filter's own error, which a still wall has not."""
    folder, told, maps = scanned
    series = read_encoded(folder / told["series"][name]["file"])
    inside = (maps[f"{name}_wall"] > 0.9999) & (maps[f"{name}_segments"] > 0)
    found = retrieve(series, maps[f"{name}_wall"] > 0.5)
    errors = []
    for time, one in enumerate(found.frames):
        kept = inside[..., time]
        assert one.fitted[kept].all()
        true = maps[f"{name}_displacement_mm"][..., time, :2]
        values = np.stack([one.values[f"displacement_{axis}"] for axis in "xy"], axis=-1)
        errors.append(np.abs(1e3 * values - true)[kept])
    moved = np.abs(maps[f"{name}_displacement_mm"][..., -1, :2])[inside[..., -1]]
    assert np.median(errors[0]) < 0.1
    assert np.median(errors[-1]) < 0.1 * np.median(moved)
    assert "displacement_z" not in found.frames[-1].values


@pytest.mark.slow
def test_phase_contrast_gives_the_bloods_velocity(scanned):
    folder, told, maps = scanned
    blood = maps["phase_contrast_blood"] > 0.9999
    found = retrieve(read_encoded(folder / told["series"]["phase_contrast"]["file"]), blood)
    true = maps["phase_contrast_velocity_m_s"]
    assert 0.02 < np.abs(true[blood]).max() < 2
    fitted = []
    for time, one in enumerate(found.frames):
        kept = blood[..., time] & one.fitted
        fitted.append(kept.sum() / blood[..., time].sum())
        for axis, name in enumerate("xyz"):
            error = one.values[f"velocity_{name}"] - true[..., time, axis]
            assert np.median(np.abs(error[kept])) < 1e-3  # strands in the pool stand still
    assert min(fitted) > 0.95


@pytest.mark.slow
def test_a_first_pass_gives_the_flow_of_its_segments_again(scanned):
    folder, told, maps = scanned
    name = "perfusion_stress"
    series = read_first_pass(folder / told["series"][name]["file"])
    assert 5 < series.quiet() < 20
    wall, segment = maps[f"{name}_wall"][..., 0] > 0.9999, maps[f"{name}_segments"][..., 0]
    places = [wall & (segment == number) for number in range(1, 18)]
    which = [number for number, here in enumerate(places, 1) if here.sum() >= 4]
    assert len(which) >= 6
    here = [places[number - 1] for number in which]
    curves = series.concentration(
        np.stack([series.signal[one].mean(axis=0) for one in here]),
        np.stack([series.unsaturated[one].mean() for one in here]),
        series.quiet(),
    )
    found = fit_kinetics("2cxm", series.time, curves, series.aif).values["mbf"]
    flow = maps[f"{name}_true_mbf_stress_ml_min_g"]
    true = PER_GRAM * np.array([flow[one].mean() for one in here])
    # Pixels on the border of two segments have a mean of two curves, not of two flows.
    assert np.median(np.abs(found / true - 1)) < 0.02
    ill = np.array(which) == 8
    assert found[ill].max() < 0.8 * np.median(found[~ill])


@pytest.mark.slow
def test_breath_carries_the_heart_but_not_the_chest_wall(systole):
    volunteer = Volunteer(
        template=Template(rings=6, layers=1), scan=Scan(pixel=2.4e-3, matrix=(96, 88))
    )
    mesh = end_diastolic_wall(volunteer)
    heart = volunteer_heart(volunteer, mesh, systole(volunteer, mesh), 12)
    beside = Beside(
        battery=Battery(series=("perfusion_rest",)),
        heart=heart,
        cine=CineProtocol(n_coils=4),
        folder=Path(),
        seed=3,
    )
    stack, number = beside.scanner.stack, 5
    axes = stack.affine[:3, :2] / np.linalg.norm(stack.affine[:3, :2], axis=0)
    time, down = 0.7 * heart.period, axes @ (9.6e-3, -7.2e-3)  # four and three pixels
    detail = texture(stack.shape[:2], np.random.default_rng(0))
    held, carried = (
        slab(heart, stack, number, moment_of(heart, stack, time, by), detail)
        for by in (None, down)
    )

    def middle(one):
        place = np.moveaxis(np.indices(one.wall.shape), 0, -1) * 2.4e-3
        return np.average(place, axis=(0, 1), weights=np.repeat(one.wall[..., None], 2, 2))

    assert middle(carried) - middle(held) == pytest.approx(down @ axes, abs=0.1e-3)
    fat, edge = NAMES.index("fat"), np.s_[:12]
    still, moved = (one.shares[edge][..., fat] > 0.5 for one in (held, carried))
    assert (still != moved).mean() < 0.02
    course = FirstPass(breathing=12e-3).carried()
    assert course[0] == pytest.approx(0.0)
    assert np.ptp(course[:, 2]) == pytest.approx(0.97 * 12e-3, rel=0.02)
    assert not FirstPass().carried().any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "frames", "at"),
    [
        ("echo_map", "contrast", {}),
        ("t2_map", "set_number", {}),
        ("perfusion_stress", "repetition", {}),
        ("dense", "phase", {"set_number": 2}),
    ],
)
def test_raw_data_give_the_images_by_their_own_coil_maps(scanned, name, frames, at):
    """Anybody's reconstruction: maps from the calibration lines, SENSE, no truth."""
    folder, told, maps = scanned
    scan, flags = read_raw(folder / "raw" / f"{name}.h5")
    assert flags == ()
    coils = cartesian_spectra(scan, 0, calibration=True)
    middle = mean_middle(coils.kspace, coils.mask)
    spectra = cartesian_spectra(scan, 0, frames=frames, **at)
    assert spectra.mask.mean() == pytest.approx(0.5)
    found = sense(
        spectra.kspace,
        spectra.mask,
        espirit_maps(middle, spectra.kspace.shape[-2:]),
        damping=1e-6,
        tolerance=1e-5,
    )
    stored = nib.load(folder / told["series"][name]["file"]).get_fdata()[:, :, 0]
    if at:
        stored = stored[..., at["set_number"] :: 4]
    inside = maps[f"{name}_wall"][:, :, 0, 0] > 0.9999
    # The common phase and the coils' shading are nobody's to know: images to their first.
    ours = np.moveaxis(np.abs(found), 0, 2)[inside]
    theirs = stored[inside]
    error = ours / ours[:, :1] - theirs / theirs[:, :1]
    assert np.sqrt(np.mean(error**2)) < 0.01 * (theirs / theirs[:, :1]).max()


@pytest.mark.slow
def test_the_breath_is_held_while_lines_are_taken(scanned):
    folder, _, _ = scanned
    scan, _ = read_raw(folder / "raw" / "dense.h5")
    breath = next(trace for trace in scan.traces if trace.kind == "respiratory")
    time = breath.start + breath.sample_time * np.arange(breath.samples.shape[1])
    of_images = ~scan.readouts.calibration
    depth = np.interp(scan.readouts.time[of_images], time, breath.samples[0])
    assert np.abs(depth).max() < 0.1
    assert breath.samples.max() > 0.9
    table = np.loadtxt(folder / "physio" / "dense_respiration.tsv", skiprows=1)
    np.testing.assert_allclose(table[:, 1], breath.samples[0], atol=1e-3)


@pytest.mark.slow
def test_a_diseased_segment_is_another_tissue(scanned):
    _, told, _ = scanned
    t1 = np.array(told["tissue_by_segment"]["t1_ms"])
    assert t1[8] > 1.1 * np.median(t1)


@pytest.mark.slow
def test_check_tells_each_series_and_the_clock_runs(scanned):
    folder, told, _ = scanned
    lines = describe_beside(folder).lines
    of_raw = [line for line in lines if line.startswith("raw ")]
    assert len(of_raw) == len(BATTERY.series)
    assert len(lines) - len(of_raw) == len(BATTERY.series) - 1  # the first pass is not a map
    assert any("51 repetitions" in line and "respiratory" in line for line in of_raw)
    assert any("dense, 12 images in 3 frames by encoding" in line for line in lines)
    starts = [one["start_min"] for one in told["series"].values()]
    assert starts == pytest.approx([0, 1, 2, 3, 7, 12, 13, 21, 25])
    assert told["scan_minutes"] == pytest.approx(29)
    header = json.loads((folder / "mapping" / "t2_map.json").read_text())
    assert header["AcquisitionDelay"] == pytest.approx(60)


def test_the_header_of_molli_has_the_times_of_its_signal():
    series = T1Map(scheme=(5, 3, 3), first=(0.1, 0.18))
    np.testing.assert_allclose(
        series.sidecar(0.9)["InversionTime"], molli_times(heart_period=0.9).numpy()
    )


def test_a_series_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="no series 'lge' to scan"):
        Battery(series=("t1_map", "lge"))


def test_stripes_of_no_view_are_refused():
    with pytest.raises(InputError, match=r"Tagging\.view must be short_axis or one of two_cham"):
        Tagging(view="oblique")


def test_stripes_that_magnitudes_do_not_tell_are_refused():
    with pytest.raises(InputError, match=r"tip must be between 0.1 and 0.785, found 1.57"):
        Tagging(tip=1.57)


def test_a_segment_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"AHA segments 1 to 17, found \[18\]"):
        Myocardium(diseased=(3, 18))


def test_a_state_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="must be rest or stress, found 'exercise'"):
        FirstPass(state="exercise")
