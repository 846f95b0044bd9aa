"""What a cavity is made from: an endocardium seen at the frames of a beat."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy.interpolate import RBFInterpolator

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh

FIELDS = ("apicobasal", "rotational")

Points = Float[np.ndarray, "_points 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class EndocardialFrames:
    """An endocardium of fixed nodes that is seen at evenly spaced times of one beat.

    Parameters
    ----------
    u, angle
        Each node's material coordinates: 0 apex to 1 base, rad.
    positions
        Of the nodes by frame, m; the frame after the last one is the first.
    valves
        Points of each valve's ring by frame, m, where any were drawn.
    """

    u: Float[np.ndarray, " nodes"]
    angle: Float[np.ndarray, " nodes"]
    positions: Float[np.ndarray, "frames nodes 3"]
    valves: Mapping[str, tuple[Points, ...]] = field(default_factory=dict)

    def at(
        self, u: Float[np.ndarray, " places"], angle: Float[np.ndarray, " places"]
    ) -> Float[np.ndarray, "frames places 3"]:
        """Return the endocardium at material coordinates in every frame, m.

        Cubic radial functions over the disc of the ventricle cut open pass through every node
        and are smooth at the apex.
        """
        n_frames = len(self.positions)
        values = self.positions.transpose(1, 0, 2).reshape(len(self.u), -1)
        smooth = RBFInterpolator(_cut_open(self.u, self.angle), values, kernel="cubic")
        found = smooth(_cut_open(u, angle)).reshape(len(u), n_frames, 3)
        return np.ascontiguousarray(found.transpose(1, 0, 2))


def wall_frames(
    mesh: TetMesh, positions: Float[np.ndarray, "frames nodes 3"]
) -> EndocardialFrames:
    """Return the endocardium of a left ventricle's wall that moves, as mechanics computes it.

    Parameters
    ----------
    mesh
        The wall, with its fields ``apicobasal`` and ``rotational``.
    positions
        Of the wall's nodes at evenly spaced times of one beat, m.

    Raises
    ------
    InputError
        If the positions are not of this wall's nodes.
    """
    if positions.shape[1] != len(mesh.points):
        msg = (
            f"positions must have the wall's {len(mesh.points)} nodes, found "
            f"{positions.shape[1]}. Give those of every node, by frame."
        )
        raise InputError(msg)
    nodes = np.unique(mesh.facets["lv_endocardium"])
    u, angle = (np.asarray(mesh.point_fields[name])[nodes] for name in FIELDS)
    return EndocardialFrames(u=u, angle=angle, positions=positions[:, nodes])


def _cut_open(
    u: Float[np.ndarray, " nodes"], angle: Float[np.ndarray, " nodes"]
) -> Float[np.ndarray, "nodes 2"]:
    return np.stack([u * np.cos(angle), u * np.sin(angle)], axis=1)


__all__ = ["EndocardialFrames", "wall_frames"]
