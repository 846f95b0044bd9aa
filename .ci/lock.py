"""Write requirements.lock: what pip chooses for the project and its tools, version by version."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"
HEADER = (
    "# What cardiotwin is tested with, on Python 3.12 to 3.14 (Linux, x86-64). "
    "Made by: make lock\n"
)


def main() -> None:
    """Resolve without installing, and keep every name with its version."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
        groups = [f"--group={name}" for name in ("build", "test", "lint")]
        command = [*pip, "--ignore-installed", f"--report={report}", *groups, "."]
        subprocess.run(command, check=True, cwd=LOCK.parent)  # noqa: S603
        found = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    pins = sorted(
        f"{item['name'].lower().replace('_', '-')}=={item['version']}"
        for item in found
        if item["name"] != "cardiotwin"
    )
    LOCK.write_text(HEADER + "\n".join(pins) + "\n")


if __name__ == "__main__":
    main()
