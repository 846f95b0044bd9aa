"""The files of a whole beat: its curves by frame as a table, its fields over time for viewers."""

import csv
import io

import h5py
import numpy as np

from cardiotwin.measurement.views import N_SEGMENTS, SLICES
from cardiotwin.twin.function_record import DEGREE, MIDWALL, PERCENT
from cardiotwin.twin.vtk_view import write_view
from cardiotwin.twin.whole_beat import WholeBeat
from cardiotwin.units import KPA, MM


def beat_curves(beat: WholeBeat) -> dict[str, np.ndarray]:
    """Return what changes over the beat by frame, the unit in the key.

    Mid-wall strains along material lines (``gls_percent``, ...) and in fixed planes
    (``image_gls_percent``, ...), by segment where they are known; all from the first frame.
    """
    function = beat.function
    columns = {"time_s": beat.time}
    for prefix, reading in (("", function.material), ("image_", function.image)):
        columns |= {
            f"{prefix}gls_percent": reading.global_longitudinal[:, MIDWALL] / PERCENT,
            f"{prefix}gcs_percent": reading.global_circumferential[:, MIDWALL] / PERCENT,
            f"{prefix}grs_percent": reading.global_radial / PERCENT,
            f"{prefix}twist_deg": reading.twist[:, MIDWALL] / DEGREE,
            f"{prefix}torsion_deg": reading.torsion[:, MIDWALL] / DEGREE,
        }
        columns |= {
            f"{prefix}rotation_{name}_deg": reading.rotation[:, k, MIDWALL] / DEGREE
            for k, name in enumerate(SLICES)
        }
        by_segment = {
            "longitudinal_strain_percent": reading.segment_longitudinal,
            "circumferential_strain_percent": reading.segment_circumferential,
            "wall_thickening_percent": reading.segment_radial,
        }
        for name, values in by_segment.items():
            columns |= {
                f"{prefix}segment_{k + 1:02d}_{name}": values[:, k] / PERCENT
                for k in range(N_SEGMENTS)
                if np.isfinite(values[:, k]).any()
            }
    columns["mapse_mm"] = function.annulus_descent[:, [0, 2]].mean(axis=(1, 2)) / MM
    columns |= {
        f"segment_{k + 1:02d}_fibre_stress_kpa": function.fibre_stress[:, k] / KPA
        for k in range(N_SEGMENTS)
        if np.isfinite(function.fibre_stress[:, k]).any()
    }
    return columns


def curves_table(beat: WholeBeat) -> str:
    """Return the curves as CSV text; what is not known is empty."""
    columns = beat_curves(beat)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*(values.tolist() for values in columns.values()), strict=True):
        writer.writerow(["" if np.isnan(value) else value for value in row])
    return text.getvalue()


def beat_to_hdf5(beat: WholeBeat) -> bytes:
    """Return the bytes of a .vtkhdf file: the wall in each frame, its strain and its stress."""
    work = beat.function.fibre_work
    fixed = dict(beat.mesh.cell_fields) | ({} if work is None else {"fibre_work": work})
    with h5py.File.in_memory(libver=("v110", "v110")) as file:
        write_view(
            file.create_group("VTKHDF"),
            beat.mesh,
            points=beat.mesh.point_fields,
            cells=fixed,
            times=beat.time,
            moving_points={
                "displacement": np.concatenate([state.displacement for state in beat.states])
            },
            moving_cells={name: np.concatenate(values) for name, values in beat.fields.items()},
        )
        file.flush()
        return bytes(file.id.get_file_image())


__all__ = ["beat_curves", "beat_to_hdf5", "curves_table"]
