"""An answer's lines as a page shows them."""

from em_agent.ask.answers import Answer, Citation
from em_agent.dashboard.answers import Line, lay_out

QUOTE = Citation("pagerduty:incident:P1", "Title", "https://acme.example.com/P1", 'It said "full" #7', "cause", "Ada")
TITLE = Citation("pagerduty:incident:P1", "Title", None, "Title", "incident")
OTHER = Citation("runbook", "Runbook", None, "Restart it.", "note")


def test_quotes_stand_where_they_are_quoted() -> None:
    """A line that quotes is the citation, a line about an incident leads to it, a link is one; the rest is text."""
    text = 'Incident #42: Title (API)\nCause:\n  "It said "full" #7" (Ada)\nLink: https://acme.example.com/P1\n- #43: Other\n'
    shown = lay_out(Answer(text, [QUOTE]))
    assert shown.lines == [
        Line(": Title (API)", "42", "Incident "),
        Line("Cause:"),
        Line(quote=QUOTE),
        Line(url="https://acme.example.com/P1"),
        Line(": Other", "43", "- "),
    ]
    assert shown.others == []


def test_what_is_not_quoted_stands_behind() -> None:
    """The sources of a text that quotes none of them stand behind it, but a title that the quotes name anyway."""
    assert lay_out(Answer("It was the disk.", [QUOTE, OTHER])).others == [QUOTE, OTHER]
    assert lay_out(Answer('  "It said "full" #7" (Ada)', [TITLE, QUOTE, OTHER])).others == [OTHER]


def test_only_the_web_is_linked() -> None:
    """An address that is none of the web, or that stands among words, is text."""
    texts = ["Link: javascript:alert(1)", "see https://acme.example.com/", "Link: https://"]
    assert [line.url for text in texts for line in lay_out(Answer(text)).lines] == [None, None, None]
