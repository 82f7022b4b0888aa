"""Answers "why do we keep having ...": incidents whose causes are alike, most frequent first."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from em_agent.ask.answers import Draft
from em_agent.ask.cues import weight_of
from em_agent.ask.extract import Pick, pick
from em_agent.ask.lists import named
from em_agent.ask.quoting import cite, cite_title, headline
from em_agent.ask.sentences import sentences_of
from em_agent.ask.sources import Source
from em_agent.ask.words import stem, telling_words, words_of
from em_agent.errors import EmAgentError

if TYPE_CHECKING:  # it brings numpy along, which a role has only when it embeds
    from em_agent.search.embedder import Embedder

log = structlog.get_logger()

MOST_READ = 200
_MOST_COMPARED = 60  # causes
_MOST_GROUPS = 5
_MOST_NAMED = 8
_QUOTED_PER_GROUP = 2
_ALIKE = 0.48  # cosine of cause sentences under their titles
_SHARED = 0.2  # of the weight of the words of one of two causes
_LABEL_WORDS = 3
_FEW = 2
_NAMED = 5.0
_FAR = 2.0  # of the cues for a fix before those for a cause


@dataclass(frozen=True, slots=True)
class Case:
    """A cause, with every incident of which the same sentence says it; without one, an incident."""

    sources: tuple[Source, ...]
    causes: tuple[Pick, ...] = ()

    @property
    def text(self) -> str:
        """What is compared: an incident's title says what its cause alone leaves open."""
        title = self.sources[0].title
        if not self.causes:
            return title
        cause = self.causes[0].sentence.text
        return f"{title}\n{cause}" if len(self.sources) == 1 else cause


def cases_of(sources: Iterable[Source], question: str) -> list[Case]:
    """The causes that the incidents have, each once, and the incidents that have none."""
    found: dict[str, list[tuple[Source, Pick]]] = {}
    without: list[Case] = []
    for source in sources:
        cause = _cause(source, question)
        if cause is None:
            without.append(Case((source,)))
        else:
            found.setdefault(" ".join(cause.sentence.text.casefold().split()), []).append((source, cause))
    known = [Case(tuple(one for one, _ in pairs), tuple(cause for _, cause in pairs)) for pairs in found.values()]
    return known + without


def _cause(source: Source, question: str) -> Pick | None:
    """The sentence that says its cause, where one does that does not rather tell a fix."""
    for one in pick(sentences_of(source.passages), "cause", question, limit=_FEW):
        text = one.sentence.text
        if one.score > 0 and weight_of(text, "fix") - weight_of(text, "cause") < _FAR:
            return one
    return None


async def tell_recurring(draft: Draft, sources: Sequence[Source], question: str, embedder: "Embedder | None") -> None:
    """Write the causes that several of the incidents share, most frequent first; then the incidents with others."""
    cases = cases_of(sources, question)
    known = [case for case in cases if case.causes]
    unknown = [case for case in cases if not case.causes]
    # Where nobody wrote of causes, what happened again is told by titles.
    compared = (known or unknown)[:_MOST_COMPARED]
    groups = group(compared, await _likeness(compared, embedder))
    repeated = [each for each in groups if sum(len(case.sources) for case in each) >= _FEW]
    draft.say(_heading(len(sources), known=sum(len(case.sources) for case in known), repeated=bool(repeated)))
    for each in groups[:_MOST_GROUPS]:
        _tell_group(draft, each, compared)
    rest = [case for each in groups[_MOST_GROUPS:] for case in each] + (known or unknown)[_MOST_COMPARED:]
    if others := [source for case in rest for source in case.sources]:
        draft.say(f"- {len(others)} with {'other causes' if known else 'other titles'}: {named(others, _MOST_NAMED)}.")
    if known and unknown:
        silent = sorted((source for case in unknown for source in case.sources), key=_newest_first)
        draft.say(f"- {len(silent)} without a note that tells a cause: {named(silent, _MOST_NAMED)}.")


def _heading(count: int, *, known: int, repeated: bool) -> str:
    fit = "1 incident fits" if count == 1 else f"{count} incidents fit"
    if not known:
        return f"{fit}, and no note tells a cause{'; by their titles:' if repeated else ':'}"
    told = f"notes tell the cause of {known}" if known < count else "notes tell their causes"
    if repeated:
        return f"{fit}, and {told}, the most frequent first:"
    return f"{fit}, and {told}{'' if known == 1 else ', of which no two are alike'}:"


def _tell_group(draft: Draft, cases: Sequence[Case], everyone: Sequence[Case]) -> None:
    sources = sorted((source for case in cases for source in case.sources), key=_newest_first)
    if len(sources) == 1:
        _tell_case(draft, cases[0], mark="-")
        return
    # Where causes are told, one that is quoted says more than words that they share.
    alike = f": {label(cases, everyone)}" if len(cases) > 1 and not cases[0].causes else ""
    draft.say(f"- {len(sources)} incidents ({named(sources, _MOST_NAMED)}){alike}")
    first = sorted(cases, key=_tells_most)
    for case in first[:_QUOTED_PER_GROUP]:
        _tell_case(draft, case)
    cited = {min(case.sources, key=_newest_first).id for case in first[:_QUOTED_PER_GROUP]}
    draft.citations += [cite_title(source) for source in sources[:_MOST_NAMED] if source.id not in cited]


def _tells_most(case: Case) -> tuple[bool, int, float]:
    """What names the cause outright comes first, then what several incidents say alike, then what is surest."""
    score = max((one.score for one in case.causes), default=0.0)
    return score < _NAMED, -len(case.sources), -score


def _newest_first(source: Source) -> float:
    return -source.at.timestamp() if source.at else 0.0


def _tell_case(draft: Draft, case: Case, mark: str = " ") -> None:
    source = min(case.sources, key=_newest_first)
    draft.say(f"{mark} {headline(draft, source)}")
    if case.causes:
        draft.quote(cite(source, case.causes[case.sources.index(source)].sentence, "cause"))
    else:
        draft.citations.append(cite_title(source))
    if source.url:
        draft.say(f"  Link: {source.url}")


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
    sizes = {index: len(case.sources) for index, case in enumerate(cases)}
    ordered = sorted(groups, key=lambda indexes: (-sum(sizes[index] for index in indexes), indexes[0]))
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
