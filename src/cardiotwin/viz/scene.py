"""A scene in space as an array of pixels: by PyVista where OpenGL is, else by plain drawing.

VTK ends the whole process on a machine without any OpenGL library, so another process tries first.
A server without a screen needs EGL or OSMesa, which VTK's wheel loads by itself.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.viz.layers import Camera, Layer, Pixels
from cardiotwin.viz.software import draw_layers

WINDOW = "VTK_DEFAULT_OPENGL_WINDOW"  # VTK's own variable
WITHOUT_A_SCREEN = ("vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow")
ON_A_SCREEN = ("vtkXOpenGLRenderWindow",)
TRIAL = """
import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow
window = vtkRenderWindow()
window.SetOffScreenRendering(1)
window.AddRenderer(vtkRenderer())
window.Render()
"""
FINER = 2  # the picture is drawn this much larger and averaged: smooth edges on any driver


def render(layers: Sequence[Layer], camera: Camera, *, width: int, height: int) -> Pixels:
    """Return the picture on white, `width` by `height` pixels."""
    if not choose_window():
        return draw_layers(layers, camera, width=width, height=height)
    fine = _render_opengl(layers, camera, FINER * width, FINER * height)
    blocks = fine.reshape(height, FINER, width, FINER, 3).sum(axis=(1, 3), dtype=np.uint16)
    return (blocks // FINER**2).astype(np.uint8)


@cache
def choose_window() -> str:
    """Return the VTK window class that works on this machine, empty where none does."""
    asked = os.environ.get(WINDOW)
    screen = ON_A_SCREEN if os.environ.get("DISPLAY") else ()
    names: tuple[str, ...] = (asked,) if asked else (*WITHOUT_A_SCREEN, *screen)
    for name in names:
        command = [sys.executable, "-c", TRIAL]
        trial = subprocess.run(  # noqa: S603 - our own interpreter and our own words
            command, env={**os.environ, WINDOW: name}, capture_output=True, check=False
        )
        if trial.returncode == 0:
            os.environ[WINDOW] = name
            return name
    return ""


def tubes(
    lines: Sequence[Float[np.ndarray, "_points 3"]],
    values: Sequence[Float[np.ndarray, " _points"]],
    radius: float,
) -> tuple[
    Float[np.ndarray, "points 3"], Integer[np.ndarray, "triangles 3"], Float[np.ndarray, " points"]
]:
    """Return points, triangles and values of tubes round lines."""
    import pyvista as pv  # noqa: PLC0415 - seconds to load, and only pictures need it

    counts = [len(line) for line in lines]
    starts = np.cumsum([0, *counts[:-1]])
    strips = [
        np.concatenate([[count], start + np.arange(count)])
        for count, start in zip(counts, starts, strict=True)
    ]
    bundle = pv.PolyData(np.concatenate(lines), lines=np.concatenate(strips))
    bundle["values"] = np.concatenate(values)
    tube = bundle.tube(
        radius=radius, n_sides=8 if choose_window() else 4, capping=True
    ).triangulate()
    triangles = tube.faces.reshape(-1, 4)[:, 1:]
    return (
        np.asarray(tube.points, dtype=np.float64),
        np.asarray(triangles, dtype=np.int64),
        np.asarray(tube["values"], dtype=np.float64),
    )


def _render_opengl(layers: Sequence[Layer], camera: Camera, width: int, height: int) -> Pixels:
    import pyvista as pv  # noqa: PLC0415 - seconds to load, and only pictures need it

    plotter: Any = pv.Plotter(off_screen=True, window_size=[width, height], lighting="none")
    plotter.render_window.SetMultiSamples(0)  # `render` smooths the edges
    plotter.set_background("white")
    for light in _lights(camera):
        plotter.add_light(light)
    # Glass comes last and is not peeled by depth: Mesa's software drawing loses it then.
    for layer in sorted(layers, key=lambda layer: -layer.opacity):
        poly = pv.PolyData.from_regular_faces(layer.points, layer.triangles)
        poly["colours"] = np.rint(np.clip(layer.colours, 0, 1) * 255).astype(np.uint8)
        poly = poly.compute_normals(
            cell_normals=False, point_normals=True, split_vertices=True, feature_angle=50
        )
        plotter.add_mesh(
            poly,
            scalars="colours",
            rgb=True,
            opacity=layer.opacity,
            smooth_shading=True,
            specular=0.18,
            specular_power=18,
            ambient=0.24,
            diffuse=0.85,
        )
    view = plotter.camera
    view.parallel_projection = True
    view.focal_point = tuple(camera.focus)
    view.position = tuple(camera.focus + 5 * camera.height * camera.towards_viewer)
    view.up = tuple(camera.up)
    view.parallel_scale = camera.height / 2
    plotter.renderer.ResetCameraClippingRange()
    pixels = np.asarray(plotter.screenshot(None, return_img=True))[:, :, :3].copy()
    plotter.close()
    return pixels


def _lights(camera: Camera) -> list[Any]:
    """Return a main light over the viewer's left shoulder, a fill, and one from behind."""
    import pyvista as pv  # noqa: PLC0415

    right = np.cross(camera.up, camera.towards_viewer)
    lights = []
    for aside, above, near, strength in (
        (-0.4, 0.5, 1, 0.7),
        (0.8, 0.1, 0.8, 0.34),
        (0, 0.5, -1, 0.2),
    ):
        towards = aside * right + above * camera.up + near * camera.towards_viewer
        light = pv.Light(light_type="scene light", intensity=strength, color="white")
        light.position = tuple(camera.focus + 5 * camera.height * towards)
        light.focal_point = tuple(camera.focus)
        lights.append(light)
    return lights


__all__ = ["choose_window", "render", "tubes"]
