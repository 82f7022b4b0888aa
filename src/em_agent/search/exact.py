"""What a query names outright: an incident by number, id or address, a document by its id, a text by its very words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from em_agent.kit.postgres import Connection
from em_agent.search.analyse import tokens
from em_agent.search.filters import Scope
from em_agent.search.words import Scored, WordQuery

INCIDENT_PREFIX = "pagerduty:incident:"

_FEW_DOCUMENTS = 10  # an identifier that stands in more of them points at none
_SHORT_QUERY = 8  # words; a longer one is a question, whose identifiers count as words do
_PHRASE = 3  # words that, standing in a text just so, are no chance
_READ_VERBATIM = 200
_NAMES_READ = 50
LONGEST_NUMBER = 18  # digits

_NUMBER = re.compile(r"#(\d+)\b|\bincident\s+(?:number\s+|no\.?\s*)?(\d+)\b", re.IGNORECASE)
_INCIDENT_ID = re.compile(r"(?=[A-Z]*\d)[A-Z][A-Z0-9]{5,}")
_QUOTED = re.compile(r'["“„]([^"“”„]{3,})["”]')
_LETTER_AND_DIGIT = re.compile(r"(?=.*[^\W\d_])(?=.*\d)")

_FIND = """
SELECT d.key FROM search.documents AS d
WHERE (d.id = ANY($1::text[]) OR d.url = ANY($2::text[]) OR d.number = ANY($3::bigint[])) AND {condition} LIMIT 100
"""
_WITH_TERMS = """
SELECT DISTINCT d.key FROM search.documents AS d JOIN search.postings AS p ON p.document_key = d.key
WHERE p.term_id = ANY($1::integer[]) AND {condition}
"""
# In one case, with one space between words; texts may be long, and only their keys leave the database.
_VERBATIM = """
SELECT t.key
FROM (
    SELECT p.document_key AS key, p.text FROM search.passages AS p WHERE p.document_key = ANY($1::integer[])
    UNION ALL SELECT d.key, d.title FROM search.documents AS d WHERE d.key = ANY($1::integer[])
) AS t
WHERE EXISTS (
    SELECT FROM unnest($2::text[]) AS phrase
    WHERE strpos(lower(regexp_replace(t.text, '\\s+', ' ', 'g')), lower(phrase)) > 0
)
"""


@dataclass(frozen=True, slots=True)
class Names:
    """Ids, addresses and numbers that a query holds."""

    ids: Sequence[str]
    urls: Sequence[str]
    numbers: Sequence[int]


def names(query: str) -> Names:
    """What in the query may be an id, an address or a number; a word alone may be any id, one among others not."""
    whole = query.strip()
    parts = [part.strip("()[]<>{}.,;:!?\"'“”") for part in whole.split(maxsplit=_NAMES_READ)[:_NAMES_READ]]
    urls = [part for part in parts if "://" in part]
    ends = [url.partition("?")[0].rstrip("/").rpartition("/")[2] for url in urls]
    incidents = [part for part in (*parts, *ends) if _INCIDENT_ID.fullmatch(part)]
    ids = [whole, INCIDENT_PREFIX + whole.upper(), *(part for part in parts if ":" in part)]
    numbers = [one or other for one, other in _NUMBER.findall(whole)] + [whole] * whole.isdecimal()
    return Names(
        ids=[*ids, *(INCIDENT_PREFIX + part for part in incidents)],
        urls=[*urls, *(url.rstrip("/") for url in urls)],
        numbers=[int(number) for number in numbers if len(number) <= LONGEST_NUMBER],
    )


async def find(  # noqa: PLR0913 - all that a search knows by now
    connection: Connection,
    q: str,
    counts: Mapping[str, int],
    query: WordQuery,
    by_words: Mapping[int, Scored],
    scope: Scope,
) -> dict[int, int]:
    """The documents that the query names, by their keys: 3 outright, 2 by their very words, 1 by an identifier."""
    identified = await find_identified(connection, counts, query, scope)
    verbatim = await find_verbatim(connection, q, counts, by_words)
    named = await find_named(connection, q, scope)
    return dict.fromkeys(identified, 1) | dict.fromkeys(verbatim, 2) | dict.fromkeys(named, 3)


async def find_named(connection: Connection, query: str, scope: Scope) -> set[int]:
    """The keys of the documents that the query names by number, id or address."""
    named = names(query)
    condition, values = scope.condition(4)
    sql = _FIND.format(condition=condition)
    return {row["key"] for row in await connection.fetch(sql, named.ids, named.urls, named.numbers, *values)}


async def find_identified(
    connection: Connection, counts: Mapping[str, int], query: WordQuery, scope: Scope
) -> set[int]:
    """The keys of the few documents that hold an identifier of a short query."""
    if len(counts) > _SHORT_QUERY:
        return set()
    terms = [term.id for term in query.terms if term.documents <= _FEW_DOCUMENTS and _LETTER_AND_DIGIT.match(term.text)]
    if not terms:
        return set()
    condition, values = scope.condition(2)
    rows = await connection.fetch(_WITH_TERMS.format(condition=condition), terms, *values)
    return {row["key"] for row in rows}


async def find_verbatim(
    connection: Connection, q: str, counts: Mapping[str, int], by_words: Mapping[int, Scored]
) -> set[int]:
    """Which of these documents hold what the query quotes, or all of its words just so, whatever case and spaces."""
    quoted = _QUOTED.findall(q)
    is_telling = tokens(q).total() >= _PHRASE
    have_all = [key for key, scored in by_words.items() if is_telling and scored.terms == len(counts)]
    phrases = [phrase for text in (*quoted, q) if (phrase := " ".join(text.split()))]
    best = sorted(by_words, key=lambda key: -by_words[key].score) if quoted else have_all
    if not best:
        return set()
    return {row["key"] for row in await connection.fetch(_VERBATIM, best[:_READ_VERBATIM], phrases)}
