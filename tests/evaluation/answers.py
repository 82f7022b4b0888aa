"""What becomes of each question: whether it is answered, from which incidents, and whether the fact is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from em_agent.ask.answers import Answer
from em_agent.ask.asker import Asker
from tests.evaluation.corpus import ANSWER, Question, incidents
from tests.evaluation.measures import is_quoted, mean


@dataclass(frozen=True, slots=True)
class Verdict:
    """A question with its answer."""

    question: Question
    answer: Answer

    @property
    def groups(self) -> Sequence[str]:
        """The measures that the question counts for."""
        kind = self.question.kind
        groups = ["abstained" if kind == "none" else "answered"]
        if kind in {"cause", "fix"}:
            groups.append(f"{kind}, {'near' if self.question.is_near else 'far'} words")
        return groups + [kind] * (kind not in {"none", "search"})

    def is_right(self, group: str) -> bool:
        """Whether the answer is what the measure asks for."""
        if group == "abstained":
            return self.answer.abstained
        if group == "answered":
            return not self.answer.abstained
        if group == "time":
            return self.is_in_time and self.tells_an_answer
        if group in {"identifier", "recurring"}:
            return self.tells_an_answer
        return self.tells_the_fact

    @property
    def tells_the_fact(self) -> bool:
        """Whether the fact stands in the first three sentences that are quoted."""
        return is_quoted(self.question.fact, [citation.quote for citation in self.answer.citations])

    @property
    def is_in_time(self) -> bool:
        """Whether nothing is cited that began at another time than was asked for."""
        begun = {one.document_id: one.triggered for one in incidents().values()}
        cited = [begun[citation.id] for citation in self.answer.citations]
        since, until = self.question.since, self.question.until
        return all(since <= at < until for at in cited) if since and until else True

    @property
    def tells_an_answer(self) -> bool:
        """Whether an incident that answers it is cited first; of those that recur, whether most are named."""
        right = {key for key, grade in self.question.grades.items() if grade == ANSWER}
        if self.question.kind == "recurring":
            return self.share_named >= 0.5
        return any(citation.id in right for citation in self.answer.citations[:1])

    @property
    def share_named(self) -> float:
        """The share of the incidents that answer it which the answer names."""
        named = [one for one in incidents().values() if self.question.grades.get(one.document_id) == ANSWER]
        return mean([float(f"#{one.number}" in self.answer.answer) for one in named])


async def judge(asker: Asker, questions: Sequence[Question]) -> list[Verdict]:
    """Ask each question at its time."""
    return [Verdict(question, await asker.ask(question.q, question.now)) for question in questions]


def shares(verdicts: Sequence[Verdict]) -> dict[str, tuple[int, float]]:
    """For each measure the number of questions and the share of right answers."""
    groups: dict[str, list[float]] = {}
    for verdict in verdicts:
        for group in verdict.groups:
            groups.setdefault(group, []).append(float(verdict.is_right(group)))
    return {group: (len(values), mean(values)) for group, values in groups.items()}
