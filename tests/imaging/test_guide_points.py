import re

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging import Phase, Structure, describe, read_examination
from cardiotwin.imaging.phases import usable_slices

from .hearts import write_guide_points

ED, ES = Phase.END_DIASTOLE, Phase.END_SYSTOLE


def test_guide_points_of_a_beat_make_two_phases_and_their_motion(tmp_path):
    folder = write_guide_points(tmp_path / "gp", [(25, 34), (21, 32), (17, 30), (24, 33)])
    found = read_examination(folder)
    assert [contours.phase for contours in found.motion] == [ED, Phase.BETWEEN, ES, Phase.BETWEEN]
    assert usable_slices(found.contours[ES]) == (0, 1, 2, 3, 4, 5)
    points = found.contours[ED].of(Structure.LV_ENDOCARDIUM)[0].points
    assert np.abs(np.linalg.norm(points[:, :2], axis=1) - 25e-3).max() < 1e-5
    lines = describe(read_examination(folder)).lines
    exact = 60 * 20 * 25**2 * np.sin(2 * np.pi / 40) * 1e-3  # mL of a prism of 40 sides
    assert any(f"end-diastole: cavity {exact:.1f} mL" in line for line in lines)


def test_guide_points_in_lps_arrive_in_ras(tmp_path):
    folder = write_guide_points(tmp_path, [(25, 34)])
    text = (folder / "GPFile_000.txt").read_text()
    row = next(line for line in text.splitlines() if "ENDO" in line).split()
    curve = read_examination(folder).contours[ED].of(Structure.LV_ENDOCARDIUM)[0]
    ras = np.array([-float(row[0]), -float(row[1]), float(row[2])]) * 1e-3
    assert np.linalg.norm(curve.points - ras, axis=1).min() < 1e-9


@pytest.mark.parametrize(
    ("break_it", "found"),
    [
        (lambda f: (f / "SliceInfoFile.txt").unlink(), r"without slice information: .*1 GPFile"),
        (lambda f: (f / "SliceInfoFile.txt").write_text("x\n"), r"Line 1 of .* found 'x'"),
        (
            lambda f: (f / "GPFile_000.txt").write_text("heading\n1 2 3\n"),
            r"Line 2 of .* not a guide point, found '1 2 3'",
        ),
        (
            lambda f: (f / "GPFile_000.txt").write_text(
                "heading\nnan 2 3 saepicardialContour 0 1 0\n"
            ),
            r"Line 2 of .* not a guide point, found 'nan 2 3 saepicardialContour 0 1 0'",
        ),
        (
            lambda f: (f / "GPFile_000.txt").write_text(
                "heading\n1 2 3 SAX_LV_ENDOCARDIAL 77 1 0\n"
            ),
            r"points on slice 77, found slices \[0, 1, 2, 3, 4, 5\]",
        ),
        (lambda f: (f / "GPFile_000.txt").write_text("heading\n"), r"no guide points, only"),
        (
            lambda f: (f / "SliceInfoFile.txt").write_text(
                re.sub(r"-60\t-60\t(\d+)", r"-60\t-60\t3\1", (f / "SliceInfoFile.txt").read_text())
            ),
            r"do not lie in the planes .* median distance of \d+",
        ),
    ],
)
def test_bad_guide_points_are_refused_with_what_was_found(tmp_path, break_it, found):
    folder = write_guide_points(tmp_path, [(25, 34)])
    break_it(folder)
    with pytest.raises(InputError, match=found):
        read_examination(folder)


def test_too_few_contours_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"too few usable slices at end-diastole, found 3"):
        read_examination(write_guide_points(tmp_path, [(35, 44)], n_slices=3))
