"""Write requirements.lock: what pip chooses for the project and its tools, version by version."""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
HEADER = (
    "# What cardiotwin is tested with, on Python 3.12 to 3.14 (Linux, x86-64). "
    "Made by: make lock\n"
)


def main() -> None:
    """Resolve without installing, and keep every name with its version."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
        groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
        tools = [requirement for group in groups.values() for requirement in group]
        command = [*pip, "--ignore-installed", f"--report={report}", *tools, "."]
        subprocess.run(command, check=True, cwd=ROOT)  # noqa: S603
        found = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    pins = sorted(
        f"{item['name'].lower().replace('_', '-')}=={item['version']}"
        for item in found
        if item["name"] != "cardiotwin"
    )
    LOCK.write_text(HEADER + "\n".join(pins) + "\n")


if __name__ == "__main__":
    main()
