"""Answers "why do we keep having ...": incidents whose causes are alike, most frequent first."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from em_agent.ask.answers import Draft
from em_agent.ask.extract import Pick, pick
from em_agent.ask.lists import named
from em_agent.ask.quoting import cite, headline
from em_agent.ask.sentences import sentences_of
from em_agent.ask.sources import Source
from em_agent.ask.words import stem, telling_words, words_of
from em_agent.errors import EmAgentError

if TYPE_CHECKING:  # it brings numpy along, which a role has only when it embeds
    from em_agent.search.embedder import Embedder

log = structlog.get_logger()

MOST_READ = 200
MOST_COMPARED = 60
_MOST_GROUPS = 5
_QUOTED_PER_GROUP = 2
_ALIKE = 0.48  # cosine of cause sentences under their titles
_SHARED = 0.2  # of the weight of the words of one of two causes
_LABEL_WORDS = 3
_FEW = 2


@dataclass(frozen=True, slots=True)
class Case:
    """An incident with the sentence that says its cause, where one does."""

    source: Source
    cause: Pick | None

    @property
    def text(self) -> str:
        """What is compared."""
        return f"{self.source.title}\n{self.cause.sentence.text}" if self.cause else self.source.title


def cases_of(sources: Sequence[Source], question: str) -> list[Case]:
    """The incidents with their causes."""
    found = []
    for source in sources[:MOST_COMPARED]:
        causes = pick(sentences_of(source.passages), "cause", question, limit=1)
        found.append(Case(source, causes[0] if causes and causes[0].score > 0 else None))
    return found


async def tell_recurring(draft: Draft, sources: Sequence[Source], question: str, embedder: "Embedder | None") -> None:
    """Write the causes that several of the incidents share, with their incidents; then the others."""
    cases = cases_of(sources, question)
    groups = group(cases, await _likeness(cases, embedder))
    repeated = [each for each in groups if len(each) >= _FEW]
    if not repeated:
        draft.say(f"{len(cases)} incidents fit, and no two of them have causes that are alike:")
    else:
        draft.say(f"{len(cases)} incidents fit; these causes come back:")
    for each in repeated[:_MOST_GROUPS]:
        draft.say(f"- {len(each)} incidents ({named([case.source for case in each], 8)}): {label(each, cases)}")
        _quote(draft, each)
    rest = [case for each in groups if len(each) < _FEW for case in each]
    if rest and repeated:
        draft.say(f"- {len(rest)} with a cause of their own: {named([case.source for case in rest], 8)}.")
    for case in rest[: 0 if repeated else _MOST_GROUPS]:
        _quote(draft, [case])


def _quote(draft: Draft, cases: Sequence[Case]) -> None:
    best = sorted((case for case in cases if case.cause), key=lambda case: -case.cause.score if case.cause else 0.0)
    for case in best[:_QUOTED_PER_GROUP]:
        draft.say(f"  {headline(draft, case.source)}")
        if case.cause:
            draft.quote(cite(case.source, case.cause.sentence, "cause"))
    for case in cases if not best else ():
        draft.say(f"  {headline(draft, case.source)}")


Likeness = Sequence[Sequence[float]]


async def _likeness(cases: Sequence[Case], embedder: "Embedder | None") -> tuple[Likeness, float]:
    """How alike each two are, and from where on they are one group."""
    if embedder is not None and cases:
        try:
            vectors = await embedder.embed([case.text for case in cases], is_query=True)
        except (EmAgentError, TimeoutError) as error:
            log.warning("ask.degraded", side="dense", error=str(error))
        else:
            return (vectors @ vectors.T).tolist(), _ALIKE
    return _shared_words(cases), _SHARED


def _shared_words(cases: Sequence[Case]) -> list[list[float]]:
    """The part of the words of the shorter of two cases that both have; a word weighs by how rare it is among all."""
    words = [set(telling_words(case.text)) for case in cases]
    counts = Counter(word for own in words for word in own)
    weights = {word: math.log(1 + len(cases) / count) for word, count in counts.items()}

    def shared(one: set[str], other: set[str]) -> float:
        total = min(sum(weights[word] for word in words) for words in (one, other))
        return sum(weights[word] for word in one & other) / total if total else 0.0

    return [[shared(one, other) for other in words] for one in words]


def group(cases: Sequence[Case], likeness: tuple[Likeness, float]) -> list[list[Case]]:
    """The cases in groups, largest first: the two groups that are most alike on average are joined, while they are."""
    alike, least = likeness
    groups = [[index] for index in range(len(cases))]
    while True:
        best, pair = least, None
        for first in range(len(groups)):
            for second in range(first + 1, len(groups)):
                pairs = [alike[a][b] for a in groups[first] for b in groups[second]]
                mean = sum(pairs) / len(pairs)
                if mean >= best:
                    best, pair = mean, (first, second)
        if pair is None:
            break
        groups[pair[0]] += groups.pop(pair[1])
    ordered = sorted(groups, key=lambda indexes: (-len(indexes), indexes[0]))
    return [[cases[index] for index in indexes] for indexes in ordered]


def label(cases: Sequence[Case], everyone: Sequence[Case]) -> str:
    """The words that the group's causes share and others do not, as they are written there."""
    own = Counter(word for case in cases for word in set(telling_words(case.text)))
    others = Counter(word for case in everyone for word in set(telling_words(case.text)))
    written: dict[str, str] = {}
    for case in cases:
        for word in words_of(case.text):
            written.setdefault(stem(word), word)
    telling = [word for word, count in own.items() if count >= _FEW and not word.isdigit()]
    best = sorted(telling, key=lambda word: (-own[word] * own[word] / others[word], word))[:_LABEL_WORDS]
    return ", ".join(written.get(word, word) for word in best) or "alike in meaning"
