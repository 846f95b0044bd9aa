"""The blood that suits a wall of finite elements, found by trial beats."""

import numpy as np
import pytest
from benchmark_bodies import ellipsoid

from cardiotwin.coupling import Beat, ClosedLoop, personal_circulation
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.active import SystolicTwitch
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.schemes import BackwardEuler
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall
from cardiotwin.twin.refill import CLOSE, fillings_of, refill
from cardiotwin.twin.stages import Stages
from cardiotwin.units import MMHG

PERIOD, STEP, EDP = 0.9, 0.018, 10 * MMHG


@pytest.fixture(scope="module")
def heart():
    """Return wall, unloaded and imaged placement of a coarse ventricle."""
    wall = Wall(
        ellipsoid(Template(rings=3, layers=1), size=3.5),
        angles=FibreAngles(),
        material=HolzapfelOgden(),
        springs=Springs(),
    )
    unloaded = wall.unload(Loads(cavity_pressure=EDP, passive_scale=2.0, passive_exponent=2.0))
    return wall, unloaded, wall.imaged(unloaded)


@pytest.fixture
def asked(heart, tmp_path, monkeypatch):
    """Return what was measured, and a function that refills the loop for a strength of muscle."""
    monkeypatch.setattr("cardiotwin.twin.refill.STEP", STEP)
    wall, unloaded, image = heart
    volume = wall.volume(image)
    beat = Beat(
        period=PERIOD,
        end_diastolic_volume=volume,
        end_systolic_volume=0.5 * volume,
        end_diastolic_pressure=EDP,
        end_systolic_pressure=100 * MMHG,
    )
    circulation, cycle = personal_circulation(beat)
    fillings = fillings_of(wall, unloaded, image)
    assert fillings["lv"].pressure(np.array([volume]))[0] == pytest.approx(EDP, rel=1e-6)

    def refilled(peak):
        muscle = SystolicTwitch(peak=peak, period=PERIOD).value
        loop = ClosedLoop(Dynamics(wall.body, scheme=BackwardEuler()), circulation, muscle)
        stages = Stages(tmp_path, f"a muscle of {peak:g} Pa")
        found, better = refill(loop, image, cycle, beat=beat, fillings=fillings, stages=stages)
        return ClosedLoop(loop.dynamics, found, muscle), better

    return volume, circulation, refilled


@pytest.mark.slow
def test_a_wall_beats_from_its_imaged_end_diastole_back_to_it(heart, asked, tmp_path):
    volume, circulation, refilled = asked
    loop, cycle = refilled(4e4)
    assert loop.circulation.systemic_arteries != circulation.systemic_arteries
    start = loop.begin(heart[2], cycle.state)
    *_, last = loop.march(start, start.time + PERIOD, STEP)
    assert abs(last.loop.volume.lv - volume) < 1.5 * CLOSE * volume
    before = {path: path.stat().st_mtime for path in tmp_path.glob("trial_beat_*.npz")}
    again, _ = refilled(4e4)  # trial beats are taken from where they lie
    assert again.circulation.systemic_arteries == loop.circulation.systemic_arteries
    assert {path: path.stat().st_mtime for path in tmp_path.glob("trial_beat_*.npz")} == before


@pytest.mark.slow
def test_a_wall_that_no_loop_suits_keeps_the_elastances_and_is_told(asked, caplog):
    _, circulation, refilled = asked
    loop, _ = refilled(6e4)  # ejects to 32 mL of the 53 that were measured
    assert loop.circulation == circulation
    assert "blood_not_refilled: The wall begins its beats with the blood of" in caplog.text
