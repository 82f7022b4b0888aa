"""An answer as a page shows it: its lines in their order, each quote with its source, and what leads further."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from em_agent.ask.answers import Answer, Citation
from em_agent.dashboard.links import web_link

# What a line about one incident begins with, where the answer is of our own making.
_NAMED = re.compile(r"(?P<before>(?:- )?(?:Incident )?)#(?P<number>[0-9]{1,18})\b(?P<after>.*)", re.DOTALL)
_LINK = re.compile(r"(?:Link: |\s+)(?P<url>https?://\S+)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the answer: text, with the number of the incident that it begins with; a quote; or an address."""

    text: str = ""
    number: str | None = None
    before: str = ""
    quote: Citation | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """The answer's lines, and the citations that stand in none of them."""

    lines: Sequence[Line]
    others: Sequence[Citation]


def lay_out(answer: Answer) -> Shown:
    """The answer, with each citation where it is quoted; a model's answer quotes none, and has them all behind."""
    lines, left = [], list(answer.citations)
    for text in answer.answer.splitlines():
        quoted = next((one for one in left if text.startswith(f'  "{one.quote}"')), None)
        if quoted is not None:
            left.remove(quoted)
            lines.append(Line(quote=quoted))
        else:
            lines.append(_line(text))
    # A title that only says which incident is meant stands in the line itself.
    told = {line.quote.id for line in lines if line.quote}
    return Shown(lines, [one for one in left if one.id not in told or one.about not in {"incident", "title"}])


def _line(text: str) -> Line:
    link = _LINK.fullmatch(text)
    if link and (url := web_link(link["url"])):
        return Line(url=url)
    named = _NAMED.fullmatch(text)
    return Line(named["after"], named["number"], named["before"]) if named else Line(text)
