"""Many runs of one job: each member in a folder and a process of its own, one table at the end.

A member's folder is named by its options, so that the same call finds it again: finished members
are skipped, others go on. A member that fails, or is killed, stops none of the others.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cardiotwin.errors import InputError
from cardiotwin.run.application import VERBATIM, compose, run_hydra
from cardiotwin.run.folder import RUNS
from cardiotwin.run.logs import elapsed
from cardiotwin.run.mistakes import explain
from cardiotwin.run.reading import place
from cardiotwin.run.table import Member, print_table, write_table
from cardiotwin.run.volunteer import SHARED
from cardiotwin.twin.files import write_bytes

OUTCOME = "outcome.json"
MEMBER = ("-m", "cardiotwin.run.main")  # the program of a member
_NAME_LENGTH = 100
_KEPT = 20_000  # characters of what a failed member said
_NOT_IN_NAMES = ("output", "force", "pictures")  # they change where, not what


def run_sweep(job: str, words: Sequence[str]) -> int:
    """Return the worst member's exit code after all members ran and the table is written."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # as many members as cores
    overrides = [word for word in words if not word.startswith("-")]
    members = _members(job, overrides)
    folder = sweep_folder(_output(overrides))
    for member in members:
        (folder / member_folder(member) / OUTCOME).unlink(missing_ok=True)
    try:
        run_hydra(job, run_member, words)
    except InputError:
        raise
    except Exception as error:
        if not any((folder / member_folder(member) / OUTCOME).exists() for member in members):
            msg = f"The launcher started no member: {error}. Choose another hydra/launcher."
            raise InputError(msg) from error
        print(f"The launcher stopped early: {error}", file=sys.stderr)  # noqa: T201 - and go on
    listed = [_listed(folder / member_folder(member), member) for member in members]
    write_table(folder, listed)
    print_table(folder, listed)
    return max(member.exit_code for member in listed)


def run_member(_config: Any) -> None:
    """Run one member in a process of its own, and leave its outcome in its folder."""
    hydra: Any = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    words = [word for word in hydra.overrides.task if word.partition("=")[0] != "output"]
    options = [_unescaped(word) for word in words]
    command = [sys.executable, *MEMBER, hydra.job.config_name, *options]
    start = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own program with options that Hydra has parsed
        [*command, f"output={folder}"],
        env={SHARED: str(folder.parent / "volunteers"), **os.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    outcome = {"exit_code": _exit_code(done.returncode), "reason": _reason(done)}
    if done.returncode:
        outcome["stderr"] = done.stderr[-_KEPT:]
    write_bytes(folder / OUTCOME, json.dumps(outcome).encode())
    word = outcome["reason"] or "finished"
    print(f"{folder.name}: {word} ({elapsed(start)})", file=sys.stderr)  # noqa: T201 - progress


def _unescaped(word: str) -> str:
    """Return a verbatim value as it was before Hydra wrote it with escapes; others as they are."""
    override = OverridesParser.create().parse_override(word)
    key, value = override.get_key_element(), override.value()
    return f"{key}={value}" if key in VERBATIM and isinstance(value, str) else word


def member_folder(overrides: Sequence[str]) -> str:
    """Return the name of a member's folder: its options, readable, one folder for each.

    >>> member_folder(["seed=1", "force=true"])
    'seed=1'
    >>> member_folder(["path=/data/a/seg.nii.gz", "seed=1"])
    'path=seg.nii.gz,seed=1-0bfdac3b'
    """
    named = [word for word in overrides if word.partition("=")[0] not in _NOT_IN_NAMES]
    whole = ",".join(sorted(named))
    short = re.sub(r"=[^,=]*/", "=", whole)
    safe = (
        re.sub(r"[^\w.,=+-]+", "_", short, flags=re.ASCII)[:_NAME_LENGTH].strip("_") or "default"
    )
    return safe if safe == whole else f"{safe}-{sha256(whole.encode()).hexdigest()[:8]}"


def sweep_folder(output: str | None) -> Path:
    """Return the folder of a sweep."""
    return (RUNS / "sweep" if output is None else place("output", output)).absolute()


OmegaConf.register_new_resolver(
    "member_folder", lambda overrides: member_folder(list(overrides)), replace=True
)
OmegaConf.register_new_resolver(
    "sweep_folder", lambda output: str(sweep_folder(output)), replace=True
)


def _members(job: str, overrides: Sequence[str]) -> list[list[str]]:
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
        own = [one for one in parsed if not one.is_hydra_override()]
        batches = BasicSweeper.split_arguments(own, max_batch_size=None)
        compose(job, batches[0][0])  # refuses a wrong option before a folder is made
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(explain(error, job, overrides, compose)) from error
    return [list(member) for batch in batches for member in batch]


def _output(overrides: Sequence[str]) -> str | None:
    for word in reversed(overrides):
        override = OverridesParser.create().parse_override(word)
        if override.get_key_element() == "output":
            value = override.value()
            return None if value is None else str(value)
    return None


def _listed(folder: Path, overrides: Sequence[str]) -> Member:
    """Return what became of a member."""
    outcome = _json(folder / OUTCOME)
    if outcome is None:
        outcome = {"exit_code": 1, "reason": "did not end; the same call goes on with it"}
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    options = {one.get_key_element(): str(one.value()) for one in parsed}
    finished = outcome["exit_code"] == 0
    return Member(
        folder=folder,
        options=options,
        exit_code=int(outcome["exit_code"]),
        reason=str(outcome["reason"]),
        record=(_json(folder / "twin.json") or {}) if finished else {},
    )


def _json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return dict(content) if isinstance(content, Mapping) else None


def _exit_code(returned: int) -> int:
    return returned if returned >= 0 else 128 - returned


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return the sentence that a member ended with, empty if all is fine."""
    if done.returncode == 0:
        return ""
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        return f"ended by {name}" + (" (memory?)" if name == "SIGKILL" else "")
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1].removeprefix("cardiotwin: ") if lines else f"exit code {done.returncode}"
