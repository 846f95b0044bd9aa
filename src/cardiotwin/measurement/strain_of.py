"""Global strains of a measured motion, each with the uncertainty that the motion's implies."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.measurement.material import read_material
from cardiotwin.measurement.motion import Motion

MIDWALL = 1


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
    motion: Motion, mesh: TetMesh, rng: np.random.Generator, *, draws: int = 20
) -> GlobalStrains:
    """Return the strains of the motion's mean and their spread over draws from it."""
    frames = len(motion.times)
    moved = np.concatenate(
        [motion.displacement[None], motion.draws(draws, rng)]
    )  # the mean first, then draws
    read = read_material(mesh, (mesh.points + moved).reshape(-1, *mesh.points.shape))
    curves = {
        "longitudinal": read.global_longitudinal[:, MIDWALL],
        "circumferential": read.global_circumferential[:, MIDWALL],
        "radial": read.global_radial,
        "twist": read.twist[:, MIDWALL],
    }
    values = {name: curve.reshape(draws + 1, frames) for name, curve in curves.items()}
    means = {name: one[0] for name, one in values.items()}
    return GlobalStrains(
        **means, **{f"{name}_sd": one[1:].std(axis=0, ddof=1) for name, one in values.items()}
    )


__all__ = ["GlobalStrains", "global_strains"]
