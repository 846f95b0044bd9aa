"""`cardiotwin JOB [key=value ...] [-m]`: chooses the job, and turns errors into one line each."""

import difflib
import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from importlib import import_module

from cardiotwin import __version__
from cardiotwin.errors import CardiotwinError, InputError

JOBS = {
    "check": "what is in a folder, what is missing or wrong, before anything runs",
    "information": "the bits that images hold, a protocol tells, or a twin has gained",
    "twin": "the personalised twin of one heart, or of many (-m)",
    "exam": "a virtual examination: a heart scanned into a subject folder with its truth",
    "view": "the pictures of a finished run, drawn again",
}
_ADVICE = {
    errno.ENOSPC: "Make room on the disk; the same command goes on from the last finished stage.",
    errno.EDQUOT: "Make room on the disk; the same command goes on from the last finished stage.",
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR),
        "Name a folder with output=... that you may write to.",
    ),
}
_OTHERWISE = "Run it again with -v to see where."
INTERRUPTED = 130  # as a shell reports a program ended by Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0, 2 for bad input, 3 for a solver that did not converge."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    verbose = "-v" in words or os.environ.get("HYDRA_FULL_ERROR") == "1"
    words = [word for word in words if word != "-v"]
    _end_as_by_ctrl_c()
    try:
        return _dispatch(words)
    except KeyboardInterrupt:
        _say("Interrupted. The same command goes on from the last finished stage.")
        return INTERRUPTED
    except BrokenPipeError:  # `cardiotwin check ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except (CardiotwinError, OSError) as error:
        if verbose:
            traceback.print_exc()
        _say(sentence(error))
        return error.exit_code if isinstance(error, CardiotwinError) else InputError.exit_code


def _end_as_by_ctrl_c() -> None:
    """Let a batch system's SIGTERM end the job as Ctrl-C does, without a page of PETSc's own."""
    options = os.environ.get("PETSC_OPTIONS", "")
    if "-no_signal_handler" not in options:
        os.environ["PETSC_OPTIONS"] = f"{options} -no_signal_handler".strip()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def sentence(error: BaseException) -> str:
    """Return what to tell a person of an error, in one line."""
    if isinstance(error, CardiotwinError):
        return " ".join(str(error).split())
    if isinstance(error, OSError):
        reason = error.strerror or " ".join(str(error).split())
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{reason.rstrip('.')}. {_ADVICE.get(error.errno or 0, _OTHERWISE)}"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def page() -> str:
    """Return the page of `cardiotwin --help`."""
    width = max(map(len, JOBS))
    jobs = "\n".join(f"  {job:{width}}  {purpose}" for job, purpose in JOBS.items())
    return (
        f"cardiotwin {__version__}: functional cardiac digital twins from MR images\n\n"
        "usage: cardiotwin JOB [key=value ...] [-m] [-v]\n\n"
        f"jobs:\n{jobs}\n\n"
        "  cardiotwin twin                             the built-in volunteer\n"
        "  cardiotwin twin path=labels.nii.gz output=folder\n"
        "  cardiotwin twin -m path=a,b,c               a sweep, on all local cores\n\n"
        "cardiotwin JOB --help shows a job's options. -m sweeps over comma-separated values, -v\n"
        "shows where an error came from. Exit codes: 0 done, 2 bad input, 3 no convergence."
    )


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in {"--help", "-h", "help"}:
        print(page())  # noqa: T201 - the command's answer
        return 0 if words else InputError.exit_code
    if words[0] == "--version":
        print(f"cardiotwin {__version__}")  # noqa: T201 - the command's answer
        return 0
    job, *rest = words
    if job not in JOBS:
        near = difflib.get_close_matches(job, JOBS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the jobs are {', '.join(JOBS)}."
        msg = f"There is no job {job!r}; {hint}"
        raise InputError(msg)
    code: int = import_module(f"cardiotwin.run.{job}").run(rest)
    return code


def _say(line: str) -> None:
    print(f"cardiotwin: {line}", file=sys.stderr)  # noqa: T201 - the one line for a person


if __name__ == "__main__":
    sys.exit(main())
