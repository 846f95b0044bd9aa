"""`cardiotwin view`: the pictures of a finished run, drawn again."""

import webbrowser
from collections.abc import Sequence
from pathlib import Path

from cardiotwin.errors import InputError
from cardiotwin.run.application import Options, run_job
from cardiotwin.run.folder import locked
from cardiotwin.run.logs import logged
from cardiotwin.run.options import ViewOptions, store
from cardiotwin.run.reading import place

store("view", ViewOptions)
_PICTURES = (".png", ".mp4", ".html")


def run(words: Sequence[str]) -> int:
    """Return the exit code of the job."""
    return run_job("view", show_pictures, words)


def show_pictures(options: Options) -> None:
    """Draw a run folder's pictures again and list them."""
    from cardiotwin.twin.store import load_twin, read_record  # noqa: PLC0415 - brings pyarrow

    if options["path"] is None:
        msg = "view needs the path of a run folder, found none. Write cardiotwin view path=folder."
        raise InputError(msg)
    folder = place("path", options["path"])
    read_record(folder)
    if options["draw"]:
        from cardiotwin.run.drawing import draw  # noqa: PLC0415 - brings PyVista

        with locked(folder), logged():
            draw(load_twin(folder), folder)
    for path in pictures(folder):
        print(path)  # noqa: T201 - the command's answer
    report = folder / "report.html"
    if options["open"] and report.is_file():
        webbrowser.open(report.resolve().as_uri())


def pictures(folder: Path) -> list[Path]:
    """Return the pictures, films and reports in a run folder."""
    return sorted(path for path in folder.iterdir() if path.suffix in _PICTURES)
