"""`ask`: a question in plain words, answered from the memory and the metrics."""

from em_agent.errors import InvalidError
from em_agent.slack import blocks, text
from em_agent.slack.answers.answer import Answer
from em_agent.slack.answers.found import Told
from em_agent.slack.answers.quotes import quotation
from em_agent.slack.answers.sources import Sources

LONGEST_QUESTION = 2000
AT_FIRST = 3
_LONGEST_ANSWER = 2500


async def ask_answer(sources: Sources, question: str, *, context: str | None = None) -> Answer:
    """The answer; `context` is the question before in the same conversation.

    Raises:
        InvalidError: there is no question.
        RetriableError: the memory does not answer.

    """
    question = " ".join(question.split())[:LONGEST_QUESTION]
    if not question:
        message = "Ask something: ask what caused the database outage last week?"
        raise InvalidError(message)
    told = await sources.teller.tell(question, sources.now(), context=context)
    shown = [blocks.rich(blocks.section(*_lines(told)))]
    quotes = [quotation(quote, sources.zone) for quote in told.quotes]
    pages = [[*shown, *quotes[:AT_FIRST]]] + ([quotes[AT_FIRST:]] if quotes[AT_FIRST:] else [])
    return Answer(_fallback(told), pages, can_share=not told.abstained)


def _lines(told: Told) -> list[blocks.Element]:
    """The answer's own words, a line each; addresses of its sources as links."""
    parts: list[blocks.Element] = []
    for line in text.shown(told.answer, _LONGEST_ANSWER).split("\n"):
        url = line.strip().removeprefix("Link: ")
        parts.append(blocks.link(url, url) if url in told.urls else blocks.words(line))
        parts.append(blocks.words("\n"))
    return parts[:-1] if told.answer.strip() else [blocks.words("I do not know.")]


def _fallback(told: Told) -> str:
    """The same, and the first quotation, without blocks."""
    lines = [text.harmless(line, 500) for line in told.answer.splitlines() if line.strip()]
    for quote in told.quotes[:AT_FIRST]:
        by = text.harmless(f"{quote.role.capitalize()}, {quote.author or 'author unknown'}:", 200)
        lines += [by, *text.quoted(quote.text, 400).split("\n")]
    said = ""
    for line in lines:
        if text.length(said) + text.length(line) + 1 > blocks.LONGEST_FALLBACK:
            break
        said = f"{said}\n{line}" if said else line
    return said or "I do not know."
