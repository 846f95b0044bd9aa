"""Progress: a moving line with seconds on a terminal, plain lines elsewhere, `run.log` always."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

LOG = "run.log"
_ROOT = logging.getLogger("cardiotwin")


@contextmanager
def logged(folder: Path | None = None) -> Iterator[None]:
    """Send the package's messages to the terminal and, with a folder, to its `run.log`."""
    handlers: list[logging.Handler] = [_terminal()]
    if folder is not None:
        handlers.append(_LogFile(folder / LOG, encoding="utf-8"))
        form = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")
        handlers[-1].setFormatter(form)
    before = _ROOT.level
    _ROOT.setLevel(logging.INFO)
    for handler in handlers:
        _ROOT.addHandler(handler)
    try:
        yield
    finally:
        _ROOT.setLevel(before)
        for handler in handlers:
            _ROOT.removeHandler(handler)
            handler.close()


def _terminal() -> logging.Handler:
    return _MovingLine() if sys.stderr.isatty() else logging.StreamHandler(sys.stderr)


class _LogFile(logging.FileHandler):
    """A log that fails as any file does: a full disk ends the run with one line."""

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exception()
        if isinstance(error, OSError):
            raise error
        super().handleError(record)


class _MovingLine(logging.Handler):
    """The stage at work with its seconds; a line for each that ended."""

    def __init__(self) -> None:
        super().__init__()
        self._console = Console(stderr=True, highlight=False)
        self._progress: Progress | None = None

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event is not None:
            self._stop()
        if event == "started":
            columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            self._progress = Progress(*columns, console=self._console, transient=True)
            self._progress.add_task(str(getattr(record, "stage", "")), total=None)
            self._progress.start()
        else:
            self._console.print(self.format(record), markup=False)

    def close(self) -> None:
        self._stop()
        super().close()

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def elapsed(start: float) -> str:
    """Return the time since `start` (`time.perf_counter`) for a person."""
    seconds = time.perf_counter() - start
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
