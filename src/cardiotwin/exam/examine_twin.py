"""A whole examination of a twin: scanned again, into a subject folder with its truth."""

from pathlib import Path

import numpy as np

from cardiotwin.exam.battery import Battery, Beside
from cardiotwin.exam.cine_protocol import CineProtocol
from cardiotwin.exam.examination import NOTHING_ELSE, Tell, write_examination, write_truth
from cardiotwin.exam.heart import frame_arrays
from cardiotwin.exam.scan import Scan
from cardiotwin.exam.twin_heart import WallOf, twin_in_scanner
from cardiotwin.exam.write import TRUE_WALL
from cardiotwin.twin.files import write_folder
from cardiotwin.units import MM


def examine_twin(
    path: Path,
    wall_of: WallOf,
    protocol: CineProtocol,
    folder: Path,
    *,
    scan: Scan,
    seed: int,
    battery: Battery = NOTHING_ELSE,
    processes: int = 1,
    tell: Tell = lambda _: None,
) -> Path:
    """Return the folder of a twin's examination; it appears whole or not at all.

    Parameters
    ----------
    path
        Run folder of the twin.
    wall_of
        Sets up the mechanics of its mesh, as it was built with.
    protocol, scan
        Of the cine, and of the stack that is planned on the twin.
    folder
        New or empty.
    seed
        Of slice shifts, labels and noise.
    battery
        The series beside the cine.
    processes
        How many scan side by side.
    tell
        Hears a sentence at each stage.

    Raises
    ------
    InputError
        If the run folder holds no twin that beats, or the protocol does not fit its beat.
    ConvergenceError
        If its wall finds no equilibrium between its states.
    """
    found = twin_in_scanner(path, wall_of, scan, protocol.n_phases)
    tell(f"took the twin's beat from {found.truth['beat_source']}")

    def fill(part: Path) -> None:
        beside = Beside(battery=battery, heart=found.heart, cine=protocol, folder=part, seed=seed)
        moving, series = write_examination(beside, found.subject, processes=processes, tell=tell)
        np.savez(part / TRUE_WALL, **frame_arrays(found.heart))
        shifts = {"slice_shifts_mm": (moving.shifts / MM).tolist(), "seed": seed}
        write_truth(part, {**found.truth, **shifts, **series}, moving, protocol)

    write_folder(folder, fill)
    return folder


__all__ = ["examine_twin"]
