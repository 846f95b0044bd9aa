"""What a scene in space is made of."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, UInt8

Pixels = UInt8[np.ndarray, "rows columns 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """Triangles with colours.

    Parameters
    ----------
    points
        Corners, m.
    triangles
        Three corners each, outward by the right hand.
    colours
        Red, green, blue (0 to 1) per corner.
    opacity
        1 hides what is behind.
    closed
        Whether the triangles enclose a volume: their inner sides are never seen then.
    """

    points: Float[np.ndarray, "points 3"]
    triangles: Integer[np.ndarray, "triangles 3"]
    colours: Float[np.ndarray, "points 3"]
    opacity: float = 1.0
    closed: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Camera:
    """A parallel projection.

    Parameters
    ----------
    focus
        What is in the middle of the picture, m.
    towards_viewer, up
        Unit vectors from there to the viewer and to the picture's upper edge.
    height
        Extent of the picture, m.
    """

    focus: Float[np.ndarray, "3"]
    towards_viewer: Float[np.ndarray, "3"]
    up: Float[np.ndarray, "3"]
    height: float

    def pixels(
        self, points: Float[np.ndarray, "... 3"], width: int, height: int
    ) -> Float[np.ndarray, "... 2"]:
        """Return columns and rows of points in a picture of a size, from its upper left."""
        axes = np.stack([np.cross(self.up, self.towards_viewer), -self.up], axis=1)
        flat = (points - self.focus) @ axes * height / self.height
        return np.asarray(flat + np.array([width, height]) / 2 - 0.5)


__all__ = ["Camera", "Layer", "Pixels"]
