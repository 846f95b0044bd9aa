import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.quantities import QUANTITIES
from cardiotwin.imaging.subject import read_subject, subject_of, with_numbers
from cardiotwin.units import ML, MMHG

WHOLE = """
id: S7
age: 54
sex: F
height_cm: 168
mass_kg: 70
heart_rate_bpm: 66
cuff_systolic_mmhg: 125
cuff_diastolic_mmhg: 78
end_diastolic_pressure_mmhg: 11
end_diastolic_pressure_sd_mmhg: 2
diastolic_points:
  - {volume_ml: 90, pressure_mmhg: 5, sd_mmhg: 1}
labels: {lv_cavity: 1, myocardium: 2, rv_cavity: 4}
end_diastole_frame: 0
"""


def written(folder, text):
    path = folder / "subject.yaml"
    path.write_text(text)
    return read_subject(path)


def test_every_number_arrives_in_si(tmp_path):
    found = written(tmp_path, WHOLE)
    person = found.subject
    assert (person.identifier, person.age, person.sex) == ("S7", 54, "female")
    assert person.height == pytest.approx(1.68)
    assert person.heart_rate == pytest.approx(1.1)
    assert person.cuff_systolic == pytest.approx(125 * MMHG)
    assert person.end_diastolic_pressure == pytest.approx((11 * MMHG, 2 * MMHG))
    assert person.end_systolic_pressure is None
    assert person.diastolic_points[0] == pytest.approx((90 * ML, 5 * MMHG, 1 * MMHG))
    assert found.labels == "1=lv_cavity,2=myocardium,4=rv_cavity"
    assert found.frames == {"end_diastole_frame": 0}


def test_a_folder_without_an_id_gives_its_name(tmp_path):
    assert written(tmp_path, "age: 3").subject.identifier == tmp_path.name


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("cuff_systolic_mmhg: 16", r"in mmHg, .* found 16. If you meant 16 kPa, write 120 mmHg"),
        ("cuff_systolic_mmhg: 16000", r"found 16000. If you meant 16000 Pa, write 120 mmHg"),
        ("end_diastolic_pressure_mmhg: 1600", r"found 1600. If you meant 1600 Pa, write 12 mmHg"),
        ("height_cm: 1.68", r"in cm, 40 to 250, found 1.68. If you meant 1.68 m, write 168 cm"),
        ("height_m: 168", r"in m, 0.4 to 2.5, found 168. If you meant 168 cm, write 1.68 m"),
        ("mass_kg: 70000", r"found 70000. If you meant 70000 g, write 70 kg"),
        ("heart_rate_bpm: 1.1", r"found 1.1. If you meant 1.1 beats per second, write 66 beats"),
        ("cuff_systolic_mmhg: 120 mmHg", r"must be a number in mmHg, found '120 mmHg'"),
        ("age: yes", r"age must be a number in years, found True"),
        (
            "cuff_systolic_mmgh: 120",
            r"found 'cuff_systolic_mmgh'. Did you mean cuff_systolic_mmhg",
        ),
        ("heigth_cm: 170", r"unknown key, found 'heigth_cm'. Did you mean height_cm"),
        ("cuff_systolic_kpa: 16", r"unknown key, found 'cuff_systolic_kpa'"),
        ("sex: x", r"female, male or other, found 'x'"),
        (
            "diastolic_points: [{volume_ml: 90}]",
            r"diastolic_points\[0\] needs volume_ml, pressure",
        ),
        ("diastolic_points: 5", r"must be a list, found 5"),
        ("end_systolic_pressure_sd_mmhg: 5", r"sd_mmhg and no end_systolic_pressure_mmhg"),
        ("height_cm: 170\nheight_m: 1.7", r"height twice, found height_cm 170 and height_m 1.7"),
        ("cuff_systolic_mmhg: 80\ncuff_diastolic_mmhg: 120", r"exceed .* found 80 and 120"),
        ("files: {end_diastole: no.nii}", r"files.end_diastole does not exist, found nothing at"),
        ("files: [a]", r"files must map roles to paths, found \['a'\]"),
        ("end_systole_frame: 3.5", r"end_systole_frame must be a whole number from 0, found 3.5"),
        ("labels: 3", r"labels must be a convention or a mapping, found 3"),
        ("[1, 2]", r"must hold 'key: value' lines, found list"),
        ("a: [1", r"is not readable YAML"),
    ],
)
def test_what_will_not_do_is_refused_with_what_was_found(tmp_path, line, found):
    with pytest.raises(InputError, match=found):
        written(tmp_path, line)


def test_the_sentence_names_the_key_as_given():
    with pytest.raises(InputError, match=r"subject: cuff_diastolic_mmhg must be in mmHg"):
        subject_of("x", {"cuff_diastolic_mmhg": 10.4})


def test_a_new_uncertainty_keeps_the_pressure():
    person = subject_of("x", {"end_diastolic_pressure_mmhg": 9, "mass_kg": 80})
    sharper = with_numbers(person, {"end_diastolic_pressure_sd_mmhg": 1})
    assert sharper.end_diastolic_pressure == pytest.approx((9 * MMHG, MMHG))
    assert sharper.mass == 80


def test_every_key_that_has_a_unit_says_it():
    assert all(
        key == "age" or key.rsplit("_", 1)[1] in {"cm", "m", "kg", "bpm", "mmhg"}
        for key in QUANTITIES
    )
