"""Sentences and which of them tell a cause or a fix."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.ask.cues import weight_of
from em_agent.ask.extract import pick, review_of
from em_agent.ask.sentences import LONGEST_CHARACTERS, heading_of, sentences_of, split
from em_agent.domain.documents import Passage

REAL = Path(__file__).parents[3] / "shared/data/github-incidents.jsonl"


@given(st.text(alphabet="aB.!? \n\t。，e.g.1-*\"'’é🔥", max_size=300) | st.text(max_size=300))
def test_sentences_are_verbatim(text: str) -> None:
    """Sentences are pieces of the text in its order, none twice, none too long; every letter is in one, or nearly alone."""
    last = 0
    for begin, end in split(text):
        assert last <= begin < end <= len(text)
        assert end - begin <= LONGEST_CHARACTERS
        assert text[begin:end] == text[begin:end].strip()
        last = end


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It broke. We fixed it.", ["It broke.", "We fixed it."]),
        (
            "Use e.g. nginx 1.2.3 and db-7.prod.example.com. Done!",
            ["Use e.g. nginx 1.2.3 and db-7.prod.example.com.", "Done!"],
        ),
        ("- rolled back\n- restarted pods", ["rolled back", "restarted pods"]),
        ("1. First cause\n2. Second cause", ["First cause", "Second cause"]),
        ("数据库已满。重启了服务。", ["数据库已满。", "重启了服务。"]),
        ('He said "it is down." Then it came back', ['He said "it is down."', "Then it came back"]),
        ("p99 was 3.5 s vs. 0.2 s before", ["p99 was 3.5 s vs. 0.2 s before"]),
        ("...\n---\n42", []),
    ],
)
def test_where_sentences_end(text: str, sentences: list[str]) -> None:
    """Abbreviations, versions and hosts do not end a sentence; lines, marks and list items do."""
    assert [text[begin:end] for begin, end in split(text)] == sentences


CAUSES = [
    "Root cause: the certificate had expired.", "This was caused by a bad deploy.", "The disk was full because logs were never rotated.",
    "It turned out that the new config pointed at staging.", "Traced it back to a missing index.", "Triggered by the failover of the primary.",
    "The culprit was a cron job.", "An expired token led to the failures.", "A bug in the scheduler sent every job twice.",
    "The quota was exhausted.", "Someone deleted the queue by mistake.", "The migration dropped the index on orders.",
]  # fmt: skip
FIXES = [
    "Rolled back to 1.4.2.", "Restarted the pods and all is well.", "Fixed by renewing the certificate.", "Failed over to the replica.",
    "We increased the pool to 200.", "Disabled the feature flag.", "Mitigated by shifting traffic to eu-2.", "Reverted the commit.",
    "Deployed a fix.", "Killed the stuck query.", "Scaled out to 12 nodes.", "Purged the queue.", "Added the missing index.",
]  # fmt: skip
NEITHER = [
    "We are investigating.", "Looking into it.", "Next update in 30 minutes.", "Paged the database team.", "Hello everybody.",
    "Customers saw errors.", "Thanks all!", "Is anybody on it?", "Dashboards are red.",
]  # fmt: skip


@pytest.mark.parametrize("text", CAUSES)
def test_causes(text: str) -> None:
    """A sentence that tells a cause weighs more than chatter, a denial or a guess."""
    assert weight_of(text, "cause") > max(weight_of(other, "cause") for other in NEITHER)
    assert weight_of(text, "cause") > weight_of(f"We ruled out that {text}", "cause")
    assert weight_of(text, "cause") > weight_of(f"We suspect that maybe {text}", "cause")


@pytest.mark.parametrize("text", FIXES)
def test_fixes(text: str) -> None:
    """A sentence that tells a fix weighs more than chatter, and than one that says it did not help."""
    assert weight_of(text, "fix") > max(weight_of(other, "fix") for other in NEITHER)
    assert weight_of(text, "fix") > weight_of(f"{text[:-1]}, but that did not help.", "fix")


def note(text: str, author: str = "Ada", minute: int = 0) -> Passage:
    """A note of that minute."""
    return Passage("note", text, author, datetime(2026, 3, 1, 12, minute, tzinfo=UTC))


def test_the_best_are_picked() -> None:
    """Of many notes the sentences that tell are picked, without repetitions; the question decides between equals."""
    passages = [
        Passage("title", "Root cause: nothing"),
        note("We are investigating. Customers see errors."),
        note("Not caused by the deploy. We suspect the network.", minute=1),
        note(
            "The orders queue was full because the consumer crashed. The mail queue was full because of a loop.",
            minute=2,
        ),
        note("The mail queue was full because of a loop.", minute=3),
        note("Restarting did not help. Purged the mail queue.", minute=4),
    ]
    sentences = sentences_of(passages)
    assert all(passages[s.passage].text[s.start :].startswith(s.text) for s in sentences)
    assert pick(sentences, "cause", "why was the orders queue full?")[0].sentence.text.startswith("The orders queue")
    mail = pick(sentences, "cause", "why was the mail queue full?", limit=2)
    assert [one.sentence.text for one in mail] == [
        "The mail queue was full because of a loop.", "The orders queue was full because the consumer crashed.",
    ]  # fmt: skip
    assert pick(sentences, "fix", "how was it fixed?")[0].sentence.text == "Purged the mail queue."


def test_headings_tell_what_follows() -> None:
    """Under a heading for causes stands the cause, under one for remedies the fix; headings are not quoted."""
    text = "Summary\nPeople waited.\n\nTrigger:\nTwo jobs met at noon.\n\nRemedies\nThey start an hour apart."
    sentences = sentences_of([note(text)])
    assert [sentence.section for sentence in sentences] == ["other", "cause", "fix"]
    assert pick(sentences, "cause", "why", limit=1)[0].sentence.text == "Two jobs met at noon."
    assert pick(sentences, "fix", "how", limit=1)[0].sentence.text == "They start an hour apart."
    assert heading_of("Root cause analysis:") == "cause"
    assert heading_of("The cause was rust") is None


def test_the_note_that_looks_back() -> None:
    """The post-mortem note is the one that says so, else a long one after the resolution."""
    resolved = datetime(2026, 3, 1, 12, 2, tzinfo=UTC)
    said = [note("on it"), note("Resolution Note: it was DNS.", minute=1), note("bye " * 60, minute=9)]
    assert review_of(said, resolved) == 1
    assert review_of([note("on it"), note("It was DNS again. " * 12, minute=5)], resolved) == 1
    assert review_of([note("on it"), note("done", minute=5)], resolved) is None


@pytest.mark.skipif(not REAL.exists(), reason="the incidents of a real status page are not here")
def test_real_incidents() -> None:
    """Of real incidents that name cause and mitigation outright, the sentences that do are among the three quoted."""
    found = {"cause": [0, 0], "fix": [0, 0]}
    marks = {"cause": "was caused by", "fix": "mitigated"}
    with REAL.open() as lines:
        incidents = [json.loads(line) for line in lines]
    for incident in incidents:
        sentences = sentences_of(
            [note(update["message"], minute=n % 60) for n, update in enumerate(incident["updates"])]
        )
        for aspect, mark in marks.items():
            if len(sentences) > 6 and any(mark in sentence.text for sentence in sentences):
                picked = pick(sentences, aspect, incident["title"])  # type: ignore[arg-type]
                found[aspect][0] += any(mark in one.sentence.text for one in picked)
                found[aspect][1] += 1
    assert found["cause"][0] >= 0.85 * found["cause"][1] > 10
    assert found["fix"][0] >= 0.9 * found["fix"][1] > 10
