"""Quotations: each apart from the others and from our own words, with who wrote it and where."""

from zoneinfo import ZoneInfo

from em_agent.slack import blocks, text
from em_agent.slack.answers.figures import moment
from em_agent.slack.answers.found import Quote

_LONGEST = 1200
_LONGEST_TITLE = 200


def quotation(quote: Quote, zone: ZoneInfo) -> blocks.Block:
    """The quotation below a line that says what it is, whose, and of which incident."""
    heading = [blocks.words(quote.role.capitalize(), "bold")]
    if quote.title:
        heading += [blocks.words(" \u00b7 "), blocks.link(quote.url, text.line(quote.title, _LONGEST_TITLE))]
    by = [text.line(quote.author, 80) or "Author unknown"]
    if quote.at is not None:
        by.append(moment(quote.at, zone))
    signature: list[blocks.Element] = [blocks.words(f" \u00b7 {', '.join(by)}")]
    if not quote.title and text.link_of(quote.url):
        signature += [blocks.words(" \u00b7 "), blocks.link(quote.url, "source")]
    return blocks.rich(
        blocks.section(*heading, *signature),
        blocks.quote(blocks.words(text.shown(quote.text, _LONGEST) or "(empty)")),
    )
