"""Global strains of a measured motion, each with the uncertainty that the motion's implies."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import NODES, jacobians, tetrahedron_shapes
from cardiotwin.measurement.material import read_material
from cardiotwin.measurement.motion import Motion

MIDWALL = 1
FAILING = 0.2  # of the draws may have lines that leave the wall


@dataclass(frozen=True, kw_only=True, eq=False)
class GlobalStrains:
    """Engineering strains from end-diastole by frame; twist in rad.

    Parameters
    ----------
    longitudinal, circumferential, radial, twist
        GLS and GCS of the mid-wall, GRS, twist of the mid-wall.
    longitudinal_sd, circumferential_sd, radial_sd, twist_sd
        Their standard deviations.
    """

    longitudinal: Float[np.ndarray, " frames"]
    circumferential: Float[np.ndarray, " frames"]
    radial: Float[np.ndarray, " frames"]
    twist: Float[np.ndarray, " frames"]
    longitudinal_sd: Float[np.ndarray, " frames"]
    circumferential_sd: Float[np.ndarray, " frames"]
    radial_sd: Float[np.ndarray, " frames"]
    twist_sd: Float[np.ndarray, " frames"]


def global_strains(
    motion: Motion,
    mesh: TetMesh,
    rng: np.random.Generator,
    *,
    draws: int = 20,
    wall: Float[np.ndarray, "draws nodes 3"] | None = None,
) -> GlobalStrains:
    """Return the strains of the motion's mean and their spread over draws from it.

    Parameters
    ----------
    motion, mesh
        Of what.
    rng
        Of the draws.
    draws
        How many.
    wall
        By how much the mesh may lie elsewhere in the material, as `Placed.draws` gives it, m: a
        strain is that of lines whose place is not known better. None: it is where it is. Places
        whose lines would leave the wall are left out.

    Raises
    ------
    InputError
        If lines leave the wall where the mesh lies, or in many of the draws.
    """
    means = _curves(mesh, motion.displacement)
    moved = motion.draws(draws, rng)
    if wall is None:
        wall = np.zeros((1, *mesh.points.shape))
    slopes = node_slopes(mesh, motion.basis)
    spread: list[dict[str, np.ndarray]] = []
    lost = 0
    for number, one in enumerate(moved):
        apart = wall[number % len(wall)]
        # What lies a little beside a node moves with the field's slope there.
        beside = np.einsum("njk,nj->nk", slopes, apart, optimize=True)
        there = one + np.einsum("nk,fkc->fnc", beside, motion.coefficients, optimize=True)
        try:
            spread.append(_curves(replace(mesh, points=mesh.points + apart), there))
        except InputError:
            lost += 1
            if lost > FAILING * draws:
                raise
    return GlobalStrains(
        **means,
        **{f"{name}_sd": np.std([one[name] for one in spread], axis=0, ddof=1) for name in means},
    )


def _curves(
    mesh: TetMesh, moved: Float[np.ndarray, "frames nodes 3"]
) -> dict[str, Float[np.ndarray, " frames"]]:
    read = read_material(mesh, mesh.points + moved)
    return {
        "longitudinal": read.global_longitudinal[:, MIDWALL],
        "circumferential": read.global_circumferential[:, MIDWALL],
        "radial": read.global_radial,
        "twist": read.twist[:, MIDWALL],
    }


def node_slopes(
    mesh: TetMesh, basis: Float[np.ndarray, "nodes terms"]
) -> Float[np.ndarray, "nodes 3 terms"]:
    """Return the slopes of terms at the nodes, 1/m: the mean over the cells round each."""
    shapes = tetrahedron_shapes(NODES)[1]
    inverse = np.linalg.inv(jacobians(mesh.points, mesh, NODES))  # dxi_k / dx_i
    count = np.bincount(mesh.cells.ravel(), minlength=len(basis))
    slopes = np.zeros((len(basis), 3, basis.shape[1]))
    for node in range(len(NODES)):
        local = np.einsum("nk,cnt->ckt", shapes[node], basis[mesh.cells], optimize=True)
        np.add.at(slopes, mesh.cells[:, node], np.einsum("cki,ckt->cit", inverse[:, node], local))
    return np.asarray(slopes / count[:, None, None])


__all__ = ["GlobalStrains", "global_strains"]
