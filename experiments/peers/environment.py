"""A peer's own environment, made by pip, and what could not be installed into it."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

DOLFINX = "dolfinx-solver-real==0.11.0.post0"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A code to compare with.

    Parameters
    ----------
    name
        Its folder below that of the peers.
    packages
        Requirements that pip installs with what they require.
    alone
        Requirements installed without theirs, which do not resolve.
    """

    name: str
    packages: tuple[str, ...]
    alone: tuple[str, ...]


PULSE = Peer(
    name="fenicsx-pulse",
    packages=(DOLFINX, "pint", "rich", "rich-argparse", "packaging"),
    alone=("fenicsx-pulse==0.12.0",),
)
AMBIT = Peer(
    name="ambit",
    packages=(DOLFINX, "scipy", "pyyaml", "sympy", "matplotlib", "pandas"),
    alone=("ambit-fe==2026.1.0",),
)

SLICERHEART = Peer(name="slicerheart_4dflow", packages=("slicerheart_4dflow==0.5.0",), alone=())


def install(peer: Peer, folder: Path) -> tuple[Path, str]:
    """Return the interpreter of a peer's environment (made once), or why there is none."""
    home = folder / peer.name
    python = home / "bin" / "python"
    done = home / "complete"
    if done.exists():
        return python, ""
    commands = [
        [sys.executable, "-m", "venv", "--clear", str(home)],
        [str(python), "-m", "pip", "install", "--quiet", *peer.packages],
    ]
    if peer.alone:
        alone = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", *peer.alone]
        commands.append(alone)
    for command in commands:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if ran.returncode:
            said = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")]
            last = said[-1] if said else f"code {ran.returncode}"
            return python, f"{peer.name} could not be installed: {last}"
    done.touch()
    return python, ""
