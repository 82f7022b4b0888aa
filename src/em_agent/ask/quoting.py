"""The parts of an answer that quote one incident: its cause, its resolution, the note that looks back."""

from collections.abc import Sequence

from em_agent.ask.answers import Citation, Draft, one_line, span
from em_agent.ask.cues import Aspect, weight_of
from em_agent.ask.evidence import Evidence
from em_agent.ask.extract import Pick
from em_agent.ask.sentences import Sentence
from em_agent.ask.sources import Source
from em_agent.ask.words import telling_words

_NOTE_SENTENCES = 2
_FEWEST_WORDS = 3  # of a sentence that says something by itself
SURE = 1.6  # of a score: that sentence tells it
_NAMED = 4.0  # what the words alone of a sentence are worth that says outright what it was
_FAR = 2.0
_BEHIND = 0.4  # of the best sentence: others say little beside it
_HEADINGS: dict[Aspect, tuple[str, str]] = {
    "cause": ("Cause:", "No note names the cause outright; nearest to it:"),
    "fix": ("Resolution:", "No note says outright what resolved it; nearest to it:"),
}
_BOTH = "Cause and resolution, told together:"
ABOUT: dict[Aspect, str] = {"cause": "cause", "fix": "resolution"}


def tell(draft: Draft, evidence: Evidence, first: Aspect, *, in_full: bool = True) -> None:
    """Write what is known of the incident: head, the asked aspect first, the other, the note, the link."""
    source, quoted = evidence.source, set[Place]()
    draft.say(headline(draft, source))
    second: Aspect = "fix" if first == "cause" else "cause"
    own, others = evidence.causes, evidence.fixes
    if first == "fix":
        own, others = others, own
    own, others, is_both = _apart(own, others, first)
    for aspect, picks in ((first, own), (second, others)):
        if picks:
            sure, unsure = _HEADINGS[aspect]
            heading = sure if max(one.score for one in picks) >= SURE else unsure
            draft.say(_BOTH if is_both else heading)
            sentences = [one.sentence for one in (picks if in_full else picks[:1])]
            quoted |= _quote(draft, evidence, _in_order(sentences, aspect), ABOUT[aspect])
        elif aspect == first and others:
            draft.say(f"No note names the {ABOUT[aspect]}.")
    if in_full and (note := _fresh(evidence.note, quoted)):
        draft.say("Post-mortem note:")
        quoted |= _quote(draft, evidence, note, "note")
    if not quoted and (newest := _fresh(evidence.newest, quoted)):
        draft.say("No note tells what it was; the newest says:")
        quoted |= _quote(draft, evidence, newest, "note")
    if not quoted:
        draft.say("Nobody wrote a note about it.")
        draft.citations.append(cite_title(source))
    if source.url:
        draft.say(f"Link: {source.url}")


Place = tuple[int, int]  # of a sentence: the index of its passage, and where it begins there


def _place(sentence: Sentence) -> Place:
    return sentence.passage, sentence.start


def _in_order(sentences: Sequence[Sentence], aspect: Aspect) -> list[Sentence]:
    """The sentences, best first, in the order of the text; but first the best where it names the aspect outright."""
    best, *rest = sentences
    if weight_of(best.text, aspect) < _NAMED:
        return sorted(sentences, key=_place)
    return [best, *sorted(rest, key=_place)]


def _quote(draft: Draft, evidence: Evidence, sentences: Sequence[Sentence], about: str) -> set[Place]:
    """Quote them, and say of those that are from the note that looks back that they are; where they stand."""
    looking_back = set() if about == "note" else {_place(sentence) for sentence in evidence.note}
    for sentence in sentences:
        of = "post-mortem note" if _place(sentence) in looking_back else ""
        draft.quote(cite(evidence.source, sentence, about), of)
    return {_place(sentence) for sentence in sentences}


def _fresh(note: Sequence[Sentence], quoted: set[Place]) -> list[Sentence]:
    """The first sentences of the note that say something, of those that were not quoted."""
    fresh = [sentence for sentence in note if _place(sentence) not in quoted]
    telling = [sentence for sentence in fresh if len(set(telling_words(sentence.text))) >= _FEWEST_WORDS]
    return (telling or ([] if quoted else fresh))[:_NOTE_SENTENCES]


def _apart(told: Sequence[Pick], others: Sequence[Pick], first: Aspect) -> tuple[list[Pick], list[Pick], bool]:
    """What stands under each of the headings, each sentence once, and whether the first heading names both.

    The other aspect has what is its own, and surely. Where it has nothing of its own, but its best is told already,
    that stands there instead where its words tell it by far more than the asked one.
    """
    scores = {_place(one.sentence): one.score for one in told}
    fresh = [one for one in others if _place(one.sentence) not in scores]
    kept = [one for one in fresh if one.score >= max(SURE, _BEHIND * others[0].score)]
    best = others[0] if others else None
    if kept or best is None or best.score < max(SURE, scores.get(_place(best.sentence), best.score + 1)):
        return list(told), kept, False
    second: Aspect = "fix" if first == "cause" else "cause"
    asked, other = (weight_of(best.sentence.text, aspect) for aspect in (first, second))
    if other - asked >= _FAR:
        return [one for one in told if _place(one.sentence) != _place(best.sentence)], [best], False
    return list(told), [], min(asked, other) >= SURE


def headline(draft: Draft, source: Source) -> str:
    """Number and title, and when and where it was."""
    row = source.incident
    facts = [source.service or "", draft.time(row.get("triggered_at") or source.at)]
    if row.get("status") == "resolved":
        seconds = row.get("time_to_resolve_seconds")
        facts.append(f"resolved after {span(seconds)}" if seconds is not None else "resolved")
    elif row:
        facts.append(f"still {row['status']}")
    if row.get("merged_into"):
        number = row.get("merged_into_number")
        facts.append(f"merged into {f'#{number}' if number is not None else row['merged_into']}")
    details = ", ".join(one_line(fact, 80) for fact in facts if fact)
    prefix = f"Incident {source.name}: " if row or source.number is not None else ""
    return f"{prefix}{one_line(source.title)}{f' ({details})' if details else ''}"


def cite(source: Source, sentence: Sentence, about: str) -> Citation:
    """The citation of a sentence."""
    return Citation(source.id, source.title, source.url, sentence.text, about, sentence.author, sentence.at)


def cite_title(source: Source) -> Citation:
    """The citation of a document of which only the title is quoted."""
    return Citation(source.id, source.title, source.url, source.title, "incident", None, source.at)
