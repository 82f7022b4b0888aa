"""`ask`: a question in plain words, answered from the memory and the metrics."""

from em_agent.errors import InvalidError
from em_agent.slack import blocks, text
from em_agent.slack.answers.answer import Answer, plain_answer
from em_agent.slack.answers.quotes import quotation
from em_agent.slack.answers.sources import Sources

LONGEST_QUESTION = 2000
AT_FIRST = 3


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
    if sources.teller is None:
        return plain_answer("There is no memory to ask here.")
    told = await sources.teller.tell(question, sources.now(), context=context)
    shown = [blocks.rich(blocks.section(blocks.words(text.shown(told.answer, 2500) or "I do not know.")))]
    quotes = [quotation(quote, sources.zone) for quote in told.quotes]
    pages = [[*shown, *quotes[:AT_FIRST]]] + ([quotes[AT_FIRST:]] if quotes[AT_FIRST:] else [])
    said = "\n".join(text.harmless(line, 1000) for line in told.answer.splitlines() if line.strip())
    return Answer(text.cut(said, blocks.LONGEST_FALLBACK), pages, can_share=not told.abstained)
