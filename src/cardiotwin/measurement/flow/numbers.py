"""What a flow in a lumen tells: its rate along an axis, its energy, and the pressure it needs."""

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import cell_sizes
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.measurement.flow.lumen import Lumen, shape_gradients
from cardiotwin.measurement.flow.pressure import periodic_rate

Field = Float[np.ndarray, "frames nodes 3"]


def _places(lumen: Lumen, n_frames: int) -> list[np.ndarray]:
    return [lumen.positions[t % len(lumen.positions)] for t in range(n_frames)]


def mean_flow_rate(
    lumen: Lumen, velocity: Field, axis: Float[np.ndarray, "3"]
) -> Float[np.ndarray, " frames"]:
    """Return the flow along a unit axis, m^3/s: the mean over all sections across it."""
    found = []
    for points, nodal in zip(_places(lumen, len(velocity)), velocity, strict=True):
        along = points @ axis
        through = cell_sizes(points, lumen.cells) @ nodal[lumen.cells].mean(axis=1)
        found.append(through @ axis / (along.max() - along.min()))
    return np.array(found)


def flow_energy(lumen: Lumen, velocity: Field, fluid: Fluid) -> Float[np.ndarray, " frames"]:
    """Return the kinetic energy, J, of the linear field."""
    found = []
    for points, nodal in zip(_places(lumen, len(velocity)), velocity, strict=True):
        corners = nodal[lumen.cells]
        squares = (corners**2).sum(axis=(1, 2)) + (corners.sum(axis=1) ** 2).sum(axis=1)
        found.append(fluid.density / 2 * cell_sizes(points, lumen.cells) / 20 @ squares)
    return np.array(found)


def pressure_difference(
    lumen: Lumen,
    velocity: Field,
    *,
    axis: Float[np.ndarray, "3"],
    period: float,
    fluid: Fluid,
) -> Float[np.ndarray, " frames"]:
    """Return the pressure at a vessel's inlet less that at its outlet, Pa, by virtual work.

    The momentum balance is tested with a field w that has no sources and clings to the wall, so
    that the pressure works at the two ends alone: dp Q_w = int rho (du/dt + u . grad u) . w + mu
    grad u : grad w. Here w is the retrieved field of the frame with the strongest flow. Marlevi
    et al. (2019), Sci Rep 9:1375 (there w is a Stokes flow).

    Parameters
    ----------
    lumen
        A vessel at rest with two ends across the axis.
    velocity
        By frame, m/s, periodic.
    axis
        Unit vector from the inlet to the outlet.
    period
        s.
    fluid
        The blood.

    Raises
    ------
    InputError
        If the lumen moves, or nothing flows along the axis.
    """
    if len(lumen.positions) > 1:
        msg = (
            f"The pressure's virtual work takes a lumen at rest, found {len(lumen.positions)} "
            "positions of its wall. Give the lumen of one frame."
        )
        raise InputError(msg)
    flow = mean_flow_rate(lumen, velocity, axis)
    strongest = int(np.abs(flow).argmax())
    if not abs(flow[strongest]) > 0:
        msg = "Nothing flows along the axis, found 0 m^3/s in all frames. Turn the axis."
        raise InputError(msg)
    points, cells = lumen.positions[0], lumen.cells
    sizes, gradients = cell_sizes(points, cells), shape_gradients(points, cells)
    virtual = velocity[strongest][cells]
    virtual_slope = np.einsum("cai,caj->cij", virtual, gradients)
    rate = periodic_rate(velocity, period)
    found = []
    for nodal, change in zip(velocity, rate, strict=True):
        corners = nodal[cells]
        slope = np.einsum("cai,caj->cij", corners, gradients)
        inertia = change[cells] + np.einsum("cij,caj->cai", slope, corners)
        work = np.einsum("ci,ci->c", inertia.sum(axis=1), virtual.sum(axis=1))
        work = fluid.density / 20 * (work + np.einsum("cai,cai->c", inertia, virtual))
        friction = fluid.viscosity * np.einsum("cij,cij->c", slope, virtual_slope)
        found.append(sizes @ (work + friction) / flow[strongest])
    return np.array(found)


__all__ = ["flow_energy", "mean_flow_rate", "pressure_difference"]
