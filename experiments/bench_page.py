"""The page of benchmarks: sections that are rewritten one by one."""

from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

What `make bench` measured; `experiments/bench.py` writes this page, a section at a time. CPU
seconds are one process's own; others by the wall clock, one process at a time.
"""


def with_section(page: str, heading: str, text: str) -> str:
    """Return a page with the section of a heading rewritten, or put at its end."""
    before, _, after = page.partition(f"{heading}\n")
    _, begin, rest = after.partition("\n## ")
    return f"{before.rstrip()}\n\n{heading}\n\n{text.strip()}\n{begin}{rest}"


def write_section(heading: str, text: str, path: Path = PAGE) -> None:
    """Rewrite one section of the page, which need not be there yet."""
    page = path.read_text() if path.exists() else HEAD
    path.write_text(with_section(page, heading, text))
