"""Viewers open `twin.vtkhdf` as a heart in time."""

from dataclasses import replace

import numpy as np
import pytest
import pyvista as pv
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline
from vtkmodules.vtkIOHDF import vtkHDFReader

from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.twin import save_twin


def steps(path):
    """Return the times and the grids that VTK's own reader, ParaView's too, finds."""
    reader = vtkHDFReader()
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    key = vtkStreamingDemandDrivenPipeline.TIME_STEPS()
    times = reader.GetOutputInformation(0).Get(key)
    grids = []
    for time in times:
        reader.UpdateTimeStep(time)
        grids.append(pv.wrap(reader.GetOutput()).copy())
    return times, grids


def test_the_reader_finds_quadratic_tetrahedra_with_fibres_segments_and_coordinates(
    hearts, tmp_path
):
    twin = hearts.heart_twin()
    save_twin(twin, tmp_path)
    grid = pv.read(tmp_path / "twin.vtkhdf")
    assert set(grid.celltypes) == {pv.CellType.QUADRATIC_TETRA}
    np.testing.assert_array_equal(grid.points, twin.mesh.points)
    np.testing.assert_array_equal(grid.cell_connectivity.reshape(-1, 10), twin.mesh.cells)
    np.testing.assert_array_equal(grid["f0"], twin.mesh.cell_fields["f0"])
    np.testing.assert_array_equal(grid["aha_segment"], twin.mesh.cell_fields["aha_segment"])
    np.testing.assert_array_equal(grid["transmural"], twin.mesh.point_fields["transmural"])
    unloaded = twin.states["unloaded"].displacement
    np.testing.assert_array_equal(grid["unloaded_displacement"], unloaded)
    assert grid.volume == pytest.approx(wall_volume(twin.mesh.points, twin.mesh), rel=0.03)


def test_pyvista_reads_end_diastole_and_the_other_states_by_their_step(hearts, tmp_path):
    twin = hearts.heart_twin()
    save_twin(twin, tmp_path)
    assert np.all(pv.read(tmp_path / "twin.vtkhdf")["displacement"] == 0)
    reader = pv.get_reader(tmp_path / "twin.vtkhdf")
    reader.reader.SetStep(1)
    displacement = twin.states["end_systole"].displacement
    np.testing.assert_array_equal(reader.read()["displacement"], displacement)


def test_each_state_of_the_beat_is_a_step_with_its_time_displacement_and_strain(hearts, tmp_path):
    twin = hearts.heart_twin()
    save_twin(twin, tmp_path)
    times, grids = steps(tmp_path / "twin.vtkhdf")
    assert times == (0.0, 0.32)
    for name, grid in zip(("end_diastole", "end_systole"), grids, strict=True):
        np.testing.assert_array_equal(grid["displacement"], twin.states[name].displacement)
        for field, values in twin.state_fields[name].items():
            np.testing.assert_array_equal(grid[field], values)


def test_steps_of_unknown_time_are_numbered_and_a_missing_field_is_not_a_number(hearts, tmp_path):
    twin = hearts.heart_twin()
    fields = {"end_systole": twin.state_fields["end_systole"]}
    save_twin(replace(twin, times={}, state_fields=fields), tmp_path)
    times, grids = steps(tmp_path / "twin.vtkhdf")
    assert times == (0.0, 1.0)
    assert np.isnan(grids[0]["fibre_strain"]).all()
    assert np.isfinite(grids[1]["fibre_strain"]).all()


def test_tensors_are_nine_components_and_names_that_viewers_cannot_take_are_left_out(
    hearts, tmp_path
):
    twin = hearts.heart_twin()
    tensors = np.arange(9.0 * len(twin.mesh.cells)).reshape(-1, 3, 3)
    extra = {**twin.mesh.cell_fields, "stress": tensors, "a/b": tensors}
    save_twin(replace(twin, mesh=replace(twin.mesh, cell_fields=extra)), tmp_path)
    grid = pv.read(tmp_path / "twin.vtkhdf")
    np.testing.assert_array_equal(grid["stress"], tensors.reshape(-1, 9))
    assert "a/b" not in grid.cell_data
