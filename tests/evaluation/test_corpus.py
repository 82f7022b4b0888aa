"""Proves that the incidents and questions are what they are said to be."""

from collections import Counter

from tests.evaluation.corpus import ANSWER, incidents, questions


def test_there_are_enough_of_each() -> None:
    """The set is large and varied enough to tell one search from a better one."""
    kinds = Counter(question.kind for question in questions()[1])
    notes = [note for incident in incidents().values() for note in incident.notes]
    assert len(incidents()) >= 200
    assert len({note.text for note in notes}) == len(notes)
    assert len({incident.service for incident in incidents().values()}) >= 15
    assert kinds["time"] >= 15
    assert kinds["none"] >= 12
    assert sum(kinds.values()) >= 80


def test_times_run_forward() -> None:
    """No incident is acknowledged, noted or resolved before it was triggered."""
    for incident in incidents().values():
        later = (incident.acknowledged, incident.resolved, *(note.at for note in incident.notes))
        assert all(at >= incident.triggered for at in later if at), incident.key


def test_every_fact_stands_in_an_answer() -> None:
    """What counts as the fact is a verbatim piece of an incident that answers the question."""
    texts = {one.document_id: " ".join(note.text for note in one.notes).split() for one in incidents().values()}
    for question in questions()[1]:
        answers = [" ".join(texts[key]) for key, grade in question.grades.items() if grade == ANSWER]
        assert bool(answers) == (question.kind != "none"), question.q
        for fact in question.fact:
            assert any(" ".join(fact.split()) in text for text in answers), fact


def test_what_is_meant_by_a_time_holds_the_answers() -> None:
    """Each incident that answers a question of a time began in that time."""
    begun = {one.document_id: one.triggered for one in incidents().values()}
    for question in questions()[1]:
        if question.since and question.until:
            assert all(question.since <= begun[key] < question.until for key in question.grades), question.q
