"""One twin by the command line, in a process of its own, with its seconds and its memory."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardiotwin.errors import CardiotwinError


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a process left: `twin.json`'s record, wall and CPU seconds, peak memory in GB."""

    record: dict[str, Any]
    seconds: float
    cpu: float
    memory: float


def build_twin(folder: Path, *words: str, fresh: bool = True) -> Run:
    """Build one twin in a run folder, afresh or from its finished stages; `words` are options.

    Raises
    ------
    CardiotwinError
        If the process ends with another code than 0.
    """
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    program = Path(sys.executable).parent / "cardiotwin"
    command = [str(program), "twin", f"output={folder}", *words]
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # noqa: S603
    try:
        said = child.stderr.read().decode() if child.stderr else ""
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        child.wait()
        raise
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        last = said.strip().splitlines()[-1:] or ["nothing"]
        msg = f"cardiotwin twin ended with code {child.returncode} and said: {last[0]}"
        raise CardiotwinError(msg)
    seconds = time.perf_counter() - start
    record = json.loads((folder / "twin.json").read_text())
    return Run(
        record=record,
        seconds=seconds,
        cpu=usage.ru_utime + usage.ru_stime,
        memory=usage.ru_maxrss * 1024 / 1e9,
    )
