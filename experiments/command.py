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

from cardiotwin.errors import CardiotwinError, InputError
from cardiotwin.run.recipe import kept_options
from cardiotwin.twin import Twin, load_twin


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
        kind = InputError if child.returncode == InputError.exit_code else CardiotwinError
        raise kind(msg)
    seconds = time.perf_counter() - start
    record = json.loads((folder / "twin.json").read_text())
    return Run(
        record=record,
        seconds=seconds,
        cpu=usage.ru_utime + usage.ru_stime,
        memory=usage.ru_maxrss * 1024 / 1e9,
    )


def finished_twin(folder: Path, path: str, anatomy: str) -> Twin:
    """Return a subject's twin (the volunteer's without `path`), built where it is not finished.

    Raises
    ------
    InputError
        If the finished one is of another subject or anatomy.
    """
    words = [f"path={path}"] if path else []
    if not (folder / "twin.json").exists():
        build_twin(folder, *words, f"anatomy={anatomy}", "pictures=false", fresh=False)
    kept = kept_options(folder)
    before = kept["path"] or ""
    same = Path(before).resolve() == Path(path).resolve() if before and path else before == path
    if not same or kept["anatomy"] != anatomy:
        msg = (
            f"{folder} holds another twin, found path={before or '(the volunteer)'} "
            f"anatomy={kept['anatomy']}. Give these options, or another folder with output=..."
        )
        raise InputError(msg)
    return load_twin(folder)
