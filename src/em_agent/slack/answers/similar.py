"""`similar`: past incidents like one, with what mended them."""

from em_agent.incidents.read import find_incident
from em_agent.slack import blocks, text
from em_agent.slack.answers.answer import Answer, plain_answer
from em_agent.slack.answers.found import Alike, Quote
from em_agent.slack.answers.incident import read_number
from em_agent.slack.answers.incidents import name_of
from em_agent.slack.answers.quotes import quotation
from em_agent.slack.answers.sources import Sources

MOST = 8
AT_FIRST = 3


async def similar_answer(sources: Sources, given: str) -> Answer:
    """The incidents that are most like the one of that number or id.

    Raises:
        InvalidError: nothing is named.
        NotFoundError: there is no such incident.
        RetriableError: the memory does not answer.

    """
    detail = await find_incident(sources.pool, read_number(given))
    row = detail.incident
    found = await sources.finder.similar(row["id"], MOST)
    name = f"{name_of(row)} {text.line(row['title'], 300)}"
    if not found:
        return plain_answer(f"I know of no past incident like {name}.")
    title = blocks.rich(blocks.section(blocks.words("Like ", "bold"), blocks.link(row["url"], name, "bold")))
    entries = [quotation(_quote(alike), sources.zone) for alike in found]
    pages = [[title, *entries[:AT_FIRST]]] + ([entries[AT_FIRST:]] if entries[AT_FIRST:] else [])
    lines = [text.harmless(alike.title, 200) for alike in found[:AT_FIRST]]
    return Answer("\n".join([f"Like {text.harmless(name, 400)}:", *lines]), pages)


def _quote(alike: Alike) -> Quote:
    return Quote(alike.role, alike.snippet, alike.author, alike.at, alike.title, alike.url)
