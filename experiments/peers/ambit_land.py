"""Land et al. (2015), problem 2, by ambit-fe 2026.1.0: mm, kPa, and steps of equal pressure.

Run in the peer's own environment by `process.py`: `python ambit_land.py work.npz result.json`. The
mesh goes in as XDMF, as in ambit's demos. Its `guccione_dev` takes E itself, in spite of its name;
the other codes take that of the isochoric C. With P2-P1, whose cells keep their volume only in the
mean, that is another problem (10 um at the apex of 288 cells under 1 kPa, 0.1 to 0.4 mm under
4 kPa), so ambit's law is given E of the isochoric C, as its `neohooke_dev` has its invariants.
"""

import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
from ambit_fe.ambit_main import Ambit  # type: ignore[import-not-found]
from ambit_fe.solid.solid_material import materiallaw  # type: ignore[import-not-found]

from peers.measured import answer, deformed_z, given

BASE, ENDOCARDIUM = 1, 2
GRID = """<?xml version="1.0"?>
<Xdmf Version="3.0"><Domain><Grid Name="Grid" GridType="Uniform">
<Topology TopologyType="{kind}" NumberOfElements="{count}" NodesPerElement="{width}">
<DataItem Dimensions="{count} {width}" NumberType="Int" Format="XML">{cells}</DataItem></Topology>
<Geometry GeometryType="XYZ">
<DataItem Dimensions="{nodes} 3" Format="XML">{points}</DataItem></Geometry>
<Attribute Name="tags" AttributeType="Scalar" Center="Cell">
<DataItem Dimensions="{count} 1" Format="XML">{tags}</DataItem></Attribute>
</Grid></Domain></Xdmf>
"""


def split_isochorically() -> None:
    """Give the peer's law E of the isochoric C."""
    unsplit = materiallaw.guccione_dev

    def law(material: Any, parameters: Any, f0: Any, s0: Any, C: Any) -> Any:
        material.E = 0.5 * (material.IIIc ** (-1 / 3) * C - material.I)
        return unsplit(material, parameters, f0, s0, C)

    materiallaw.guccione_dev = law


def words(values: Any) -> str:
    """Return an array as text that reads back to the same numbers."""
    return " ".join(map(repr, np.ravel(values).tolist()))


def write_grid(path: Path, kind: str, cells: Any, tags: Any, points: Any) -> None:
    """Write cells of order 2, their nodes in VTK's order, with a tag each."""
    count, width = cells.shape
    text = GRID.format(
        kind=kind,
        count=count,
        width=width,
        nodes=len(points),
        cells=words(cells),
        points=words(points),
        tags=words(tags),
    )
    path.write_text(text)


def write_mesh(work: dict[str, Any]) -> dict[str, str]:
    """Write the wall and its tagged boundary beside the work, and return their names."""
    order = dolfinx.io.utils.cell_perm_vtk(dolfinx.mesh.CellType.tetrahedron, 10)
    cells = np.empty_like(work["cells"])
    cells[:, order] = work["cells"]
    facets = [work["base"], work["endocardium"]]
    tags = np.repeat([BASE, ENDOCARDIUM], [len(part) for part in facets])
    names = {"mesh_domain": "domain.xdmf", "mesh_boundary": "boundary.xdmf"}
    points = work["points"]
    write_grid(Path("domain.xdmf"), "Tetrahedron_10", cells, np.ones(len(cells), int), points)
    write_grid(Path("boundary.xdmf"), "Triangle_6", np.concatenate(facets), tags, points)
    return names


def problem(work: dict[str, Any], how: dict[str, Any]) -> Any:
    """Return the problem as ambit has it, its forms compiled."""
    pressure = float(work["pressure"])
    law = dict(zip(("c_0", "b_f", "b_t", "b_fs"), work["guccione"].tolist(), strict=True))

    class Curves:
        def tc1(self, t: float) -> float:
            """Return the traction along the outward normal, kPa, at a share of the way."""
            return -pressure * t

    return Ambit(
        {
            "problem_type": "solid",
            "fiber_data": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            "write_results_every": 0,
            "results_to_write": [],
            "output_path": ".",
            "simname": "land",
        }
        | write_mesh(work),
        {"maxtime": 1.0, "numstep": how["steps"]},
        [{"timint": "static"}],
        {"solve_type": "direct", **how["solver"]},
        [{"order_disp": 2, "order_pres": 1, "quad_degree": 4, "incompressibility": "full"}],
        [{"MAT1": {"guccione_dev": law}}],
        [
            {
                "dirichlet": [{"id": [BASE], "dir": "all", "val": 0.0}],
                "neumann": [{"id": [ENDOCARDIUM], "dir": "normal_cur", "curve": 1}],
            }
        ],
        Curves(),
    )


def main() -> None:
    """Solve what the work's file says, and write the numbers."""
    work, how = given()
    split_isochorically()
    with Path("log").open("w") as log, redirect_stdout(log):
        wall = problem(work, how)
        if how["forms_only"]:
            return
        start = time.process_time()
        wall.solve_problem()
        seconds = time.process_time() - start
    apex = deformed_z(wall.mp.u, work["apex"])
    answer(
        {
            "cpu_s": seconds,
            "factorisations": wall.ms.solnln.ni_all,
            "apex_mm": [float(work["unit_mm"]) * z for z in apex],
            "dofs": wall.mp.numdof,
        }
    )


if __name__ == "__main__":
    main()
