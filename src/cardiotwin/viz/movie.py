"""`beat.mp4`: from end-diastole to end-systole, linear between the two, as each frame says."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from jaxtyping import Float
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.twin.files import write_atomically
from cardiotwin.twin.twin import Twin
from cardiotwin.units import ML
from cardiotwin.viz import theme
from cardiotwin.viz.fibres import standing
from cardiotwin.viz.layers import Pixels
from cardiotwin.viz.scene import render
from cardiotwin.viz.solid import half_wall, opened_towards

FRAMES_PER_SECOND = 16
N_MOVING = 16
N_RESTING = 8  # frames at either end
SIZE = (640, 640)  # pixels; even, as the codec wants them
HEART = (420, 500)  # pixels


def draw_beat(twin: Twin, path: Path) -> Path | None:
    """Write the film; return None for a twin without end-systole."""
    states = [twin.states.get(name) for name in ("end_diastole", "end_systole")]
    if None in states:
        return None
    strain = twin.state_fields.get("end_systole", {}).get("circumferential_strain")
    target = np.zeros(len(twin.mesh.cells)) if strain is None else 100 * np.asarray(strain)
    ends = [twin.mesh.points + state.displacement for state in states if state is not None]
    shares = np.linspace(0, 1, N_MOVING)
    moving = [_frame(twin, ends, target, float(share)) for share in shares]
    frames = [moving[0]] * N_RESTING + moving + [moving[-1]] * N_RESTING + moving[::-1]
    return write_film(frames, path, rate=FRAMES_PER_SECOND)


def write_film(frames: Sequence[Pixels], path: Path, *, rate: int) -> Path:
    """Write pictures of one size, even as the codec wants it, as H.264 that any browser plays."""
    height, width = frames[0].shape[:2]

    def write(part: Path) -> None:
        done = subprocess.run(  # noqa: S603 - the program that imageio-ffmpeg brings
            [*_command(f"{width}x{height}", rate), str(part)],
            input=b"".join(frame.tobytes() for frame in frames),
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise OSError(done.stderr.decode(errors="replace").strip().splitlines()[-1])

    write_atomically(path, write)
    return path


def _command(size: str, rate: int) -> list[str]:
    """Return what encodes raw frames."""
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(rate), "-i", "-"]
    coded = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "20", "-movflags", "+faststart"]
    program = imageio_ffmpeg.get_ffmpeg_exe()
    return [program, "-y", "-loglevel", "error", *raw, *coded, "-threads", "1"]


def _frame(
    twin: Twin,
    ends: list[Float[np.ndarray, "nodes 3"]],
    target: Float[np.ndarray, " cells"],
    share: float,
) -> Pixels:
    """Return the picture at a share of the way from end-diastole to end-systole."""
    limit = max(5.0, float(np.ceil(np.quantile(np.abs(target), 0.97) / 5) * 5))
    scale = Normalize(-limit, limit)
    side = opened_towards(twin.mesh)
    camera = standing(
        twin.mesh, side, above=0.35, extent=1.06, aspect=HEART[0] / HEART[1], shown=ends
    )
    points = np.asarray((1 - share) * ends[0] + share * ends[1])
    wall = half_wall(
        twin.mesh, points, share * target, side, scale=scale, colour_map=theme.STRAIN_MAP
    )
    with theme.figure(SIZE[0] / theme.DOTS_PER_INCH, SIZE[1] / theme.DOTS_PER_INCH) as fig:
        plot = fig.add_axes((0.03, 0.14, HEART[0] / SIZE[0], HEART[1] / SIZE[1]))
        plot.imshow(render([wall], camera, width=HEART[0], height=HEART[1]))
        plot.set_axis_off()
        bar = fig.add_axes((0.8, 0.28, 0.03, 0.5))
        fig.colorbar(ScalarMappable(scale, theme.STRAIN_MAP), cax=bar, extend="both")
        bar.set_ylabel("circumferential strain, %", fontsize=7)
        bar.tick_params(labelsize=7)
        fig.text(0.5, 0.955, _where(share), ha="center", fontweight="bold", fontsize=8.5)
        volume = cavity_volume(points, twin.mesh) / ML
        fig.text(0.06, 0.095, f"cavity {volume:.0f} mL", fontsize=8)
        fig.text(0.06, 0.045, "Linear interpolation between two states,", fontsize=6.5)
        fig.text(0.06, 0.015, "not a measured motion.", fontsize=6.5)
        track = fig.add_axes((0.55, 0.1, 0.4, 0.02))
        track.barh([0], [share], color=theme.BLUE)
        track.set_xlim(0, 1)
        track.set_yticks([])
        track.set_xticks([0, 1], ["ED", "ES"], fontsize=7)
        return theme.pixels(fig)


def _where(share: float) -> str:
    if share == 0:
        return "end-diastole (model)"
    if share == 1:
        return "end-systole (model)"
    return f"interpolated, {100 * share:.0f} % of the way to end-systole"


__all__ = ["draw_beat", "write_film"]
