"""Texts as paragraphs."""

from hypothesis import given
from hypothesis import strategies as st

from em_agent.search.chunks import LONGEST_CHARACTERS, paragraphs

PIECES = st.sampled_from(
    ["word", " ", "\n", "\n\n", ". ", "! ", "x" * 120, "é", "\r\n", "\t", "数据。", " " * 30, "\n \n", "?"]
)
TEXTS = st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=400)


@given(TEXTS, st.sampled_from([20, 100, LONGEST_CHARACTERS]))
def test_nothing_is_lost_or_made_up(text: str, longest: int) -> None:
    """Paragraphs are verbatim pieces of the text, in their order, and only space lies between them."""
    at = 0
    for paragraph in paragraphs(text, longest):
        assert paragraph
        found = text.index(paragraph, at)
        assert not text[at:found].strip()
        at = found + len(paragraph)
        assert len(paragraph) <= longest
    assert not text[at:].strip()


def test_a_blank_line_divides() -> None:
    """Paragraphs are what blank lines divide; a heading goes with what follows."""
    first, second = "a" * 90, "b" * 90
    assert paragraphs(f"{first}\n\n{second}\n") == [first, second]
    assert paragraphs(f"Cause\n\n{first}\r\n\r\nFix\n\n{second}") == [f"Cause\n\n{first}", f"Fix\n\n{second}"]


def test_long_ones_are_cut_at_sentences() -> None:
    """A paragraph that is too long is cut where a sentence ends."""
    sentence = "The disk of the primary was full. "
    parts = paragraphs(sentence * 60)
    assert len(parts) == 3
    assert all(part.endswith("full.") for part in parts)
