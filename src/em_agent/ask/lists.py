"""Answers that list incidents: those of a window, those about something, those like another."""

from collections.abc import Sequence

from em_agent.ask.answers import Citation, Draft, one_line
from em_agent.ask.evidence import is_labelled_fix
from em_agent.ask.extract import pick
from em_agent.ask.quoting import ABOUT, cite, cite_title, headline
from em_agent.ask.sentences import sentences_of
from em_agent.ask.sources import Source

MOST_LISTED = 10
_FEWEST_POINTS = 2.0  # of a sentence that is quoted beside a title


def tell_list(draft: Draft, sources: Sequence[Source], question: str, *, with_fix: bool = False) -> None:
    """Write a line for each, with the sentence that says its cause, or its fix; a citation for each."""
    for source in sources[:MOST_LISTED]:
        draft.say(f"- {headline(draft, source)}")
        best = _best(source, question, with_fix=with_fix)
        if best:
            draft.quote(best)
        else:
            draft.citations.append(cite_title(source))
        if source.url:
            draft.say(f"  {source.url}")


def _best(source: Source, question: str, *, with_fix: bool) -> Citation | None:
    sentences = sentences_of(source.passages)
    for aspect in ("fix", "cause") if with_fix else ("cause", "fix"):
        telling = sentences if aspect == "fix" else [one for one in sentences if not is_labelled_fix(one)]
        found = pick(telling, aspect, question, limit=1)
        if found and found[0].score >= _FEWEST_POINTS:
            return cite(source, found[0].sentence, ABOUT[aspect])
    return None


def named(sources: Sequence[Source], most: int = 5) -> str:
    """The incidents by their numbers, in a sentence."""
    names = [source.name for source in sources[:most]]
    if len(sources) > most:
        names.append(f"{len(sources) - most} more")
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else one_line("".join(names))
