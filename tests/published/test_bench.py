"""The page of benchmarks: a section is rewritten, the others stay."""

from bench_mechanics import HEADING
from bench_page import with_section

PAGE = "# Benchmarks\n\nhearts\n"


def test_a_section_is_put_at_the_end_and_rewritten_in_its_place():
    first = with_section(PAGE, HEADING, "one\n")
    assert first == f"{PAGE}\n{HEADING}\n\none\n"
    more = f"{first}\n## What was tried\n\nmuch\n"
    again = with_section(more, HEADING, "two\n")
    assert again == f"{PAGE}\n{HEADING}\n\ntwo\n\n## What was tried\n\nmuch\n"
    assert with_section(again, HEADING, "two\n") == again
