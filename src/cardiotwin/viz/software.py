"""A scene drawn without OpenGL, for machines that have none: far triangles first, near ones last.

The painter's algorithm with Lambert's shading; plainer than VTK's picture and enough to judge by.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Integer
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from cardiotwin.viz import theme
from cardiotwin.viz.layers import Camera, Layer, Pixels

AMBIENT = 0.45  # share of light that falls from everywhere


def draw_layers(layers: Sequence[Layer], camera: Camera, *, width: int, height: int) -> Pixels:
    """Return the picture on white, `width` by `height` pixels."""
    right = np.cross(camera.up, camera.towards_viewer)
    frame = np.stack([right, camera.up, camera.towards_viewer])
    light = frame.T @ (np.array([-0.3, 0.5, 0.8]) / np.linalg.norm([-0.3, 0.5, 0.8]))
    outlines, colours, depths = [], [], []
    for layer in layers:
        triangles = layer.triangles
        corners = layer.points[triangles]
        if layer.closed:
            kept = _normals(corners) @ camera.towards_viewer > 0
            triangles, corners = triangles[kept], corners[kept]
        seen = (corners - camera.focus) @ frame.T
        outlines.append(seen[:, :, :2])
        depths.append(seen[:, :, 2].mean(axis=1))
        colours.append(_shaded(layer, triangles, corners, light))
    order = np.argsort(np.concatenate(depths), kind="stable")
    faces = np.concatenate(colours)[order]
    fig = Figure(figsize=(width / 100, height / 100), dpi=100)
    plot = fig.add_axes((0, 0, 1, 1))
    plot.set_axis_off()
    half = camera.height / 2
    plot.set_xlim(-half * width / height, half * width / height)
    plot.set_ylim(-half, half)
    rims = np.where(faces[:, 3:] < 1, 0.0, faces)  # a rim hides the joints of opaque triangles
    outline = np.concatenate(outlines)[order]
    plot.add_collection(
        PolyCollection(list(outline), facecolors=faces, edgecolors=rims, linewidths=0.3)
    )
    return theme.pixels(fig)


def _shaded(
    layer: Layer,
    triangles: Integer[np.ndarray, "triangles 3"],
    corners: Float[np.ndarray, "triangles 3 3"],
    light: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "triangles 4"]:
    """Return red, green, blue, opacity of each triangle."""
    brightness = AMBIENT + (1 - AMBIENT) * np.abs(_normals(corners) @ light)
    mean = layer.colours[triangles].mean(axis=1) * brightness[:, None]
    return np.column_stack([np.clip(mean, 0, 1), np.full(len(mean), layer.opacity)])


def _normals(corners: Float[np.ndarray, "triangles 3 3"]) -> Float[np.ndarray, "triangles 3"]:
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.asarray(across / (np.linalg.norm(across, axis=1, keepdims=True) + 1e-300))


__all__ = ["draw_layers"]
