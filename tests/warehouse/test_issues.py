"""Issues of every tracker, and their links to incidents, whatever order they are told in."""

import random
from datetime import datetime, timedelta
from typing import Any

from tests.marts import Transformer, body, execute, fetch, store
from tests.payloads import event_type_of, payload, payload_files
from tests.warehouse.issue_lives import NUMBERS, TRACKERS, lives
from tests.warehouse.test_odd_bodies import DEEP, VALUES
from tests.warehouse.trackers import START, Sent, record, sent

LINKS = "SELECT incident_id, issue_key, how FROM warehouse.fct_incident_issues ORDER BY 1, 2"


def issues(url: str) -> dict[str, dict[str, Any]]:
    """Every issue by its key."""
    return {row["issue_key"]: row for row in fetch(url, "SELECT * FROM warehouse.fct_issues")}


def state(url: str) -> list[Any]:
    """Everything that is derived of issues, without the marks of the runs."""
    found: list[Any] = []
    for name in ("fct_issues", "fct_incident_issues", "int_issues__names", "int_incidents__mentions"):
        rows = fetch(url, f"SELECT * FROM warehouse.{name}")
        found.append(sorted(({k: v for k, v in row.items() if k != "transformed_at"} for row in rows), key=repr))
    return found


def incident(number: int, title: str = "Down", *notes: str, at: datetime = START) -> list[Any]:
    """The trigger of an incident, and its notes."""
    data = {"id": f"PINC{number:03}", "type": "incident", "number": number, "title": title, "service": {"id": "S1"}}
    rows = [(f"i{number}", body("incident.triggered", data), at, at)]
    for n, text in enumerate(notes):
        note = {"id": f"N{n}", "type": "incident_note", "incident": {"id": data["id"]}, "content": text}
        rows.append((f"i{number}-{n}", body("incident.annotated", note), at, at))
    return rows


def test_any_order_gives_the_lives(database_url: str, transformer: Transformer) -> None:
    """What trackers send, shuffled and taken in by many runs, gives each issue's true state and links, as one run does."""
    told_issues, told = lives(seed=1, count=20)
    incidents = [row for n in NUMBERS for row in incident(n)]
    rng = random.Random(1)
    rest: list[Any] = [*told, *incidents]
    rng.shuffle(rest)
    while rest:
        size = rng.choice((60, 150, 300))
        part, rest = rest[:size], rest[size:]
        record(database_url, [delivery for delivery in part if isinstance(delivery, Sent)])
        store(database_url, [row for row in part if not isinstance(row, Sent)])
        transformer.run()
        if rng.random() < 0.5:
            execute(database_url, "DELETE FROM outbox")
    found = issues(database_url)
    assert found.keys() == {issue.issue_key for issue in told_issues}
    for issue in told_issues:
        truth = issue.truth()
        assert {name: found[issue.issue_key][name] for name in truth} == truth, issue
    links = {(row["incident_id"], row["issue_key"]) for row in fetch(database_url, LINKS)}
    assert links == {
        (f"PINC{n:03}", issue.issue_key) for issue in told_issues if not issue.is_deleted for n in issue.named
    }
    by_slices = state(database_url)
    transformer.run(full_refresh=True)
    assert state(database_url) == by_slices


def moment(source: str, document: dict[str, Any]) -> datetime:
    """When the payload says that it happened."""
    if source == "jira":
        return datetime.fromtimestamp(document["timestamp"] / 1000, START.tzinfo)
    told = document.get("comment") or document.get("issue") or {}
    return datetime.fromisoformat(document.get("createdAt") or document.get("changed_at") or told["updated_at"])


def test_payload_files(database_url: str, transformer: Transformer) -> None:
    """The trackers' own shapes: moved, transferred, reopened, deleted issues, comments, epics and projects."""
    deliveries = [
        sent(source, event_type_of(case), payload(source, case), moment(source, payload(source, case)), case)
        for source in TRACKERS
        for case in payload_files(source)
        if source != "github" or case.startswith("issue")
    ]
    random.Random(2).shuffle(deliveries)
    record(database_url, deliveries)
    store(
        database_url,
        [
            *incident(42, "Checkout down", "The fix is northwind-shop/checkout#321, not UTF-8 or SHA-256."),
            *incident(39, "Same as CHK-17?"),
        ],
    )
    transformer.run()
    found = issues(database_url)
    shown = {
        key: (row["key"], row["status_category"], row["reopen_count"], row["is_deleted"]) for key, row in found.items()
    }
    assert shown == {
        "github:2890040057": ("northwind-shop/ledger#57", "todo", 0, False),
        "github:2890040318": ("northwind-shop/checkout#318", "todo", 1, False),
        "github:2890040319": ("northwind-shop/checkout#319", "canceled", 0, False),
        "github:2890040320": ("northwind-shop/checkout#320", "todo", 0, True),
        "github:2890040321": ("northwind-shop/checkout#321", "todo", 0, True),
        "jira:10317": ("LDG-204", "todo", 1, False),
        "jira:10318": ("CHK-18", "todo", 0, True),
        "linear:46f86faa-6bbf-4ac9-aa7e-459509a20ed0": ("7c1f20a9d3b4", "canceled", 0, True),
        "linear:86e9e031-50b3-4875-a26f-cf6bdc4fe9c2": ("CHK-18", "todo", 0, True),
        "linear:c01bd6b5-a057-4f98-a9e0-73a08ca07593": ("LDG-204", "todo", 1, False),
        "shortcut:117": ("sc-117", "todo", 1, False),
        "shortcut:118": ("sc-118", None, 0, True),
        "shortcut:epic-105": ("epic-105", "started", 0, True),
    }
    assert found["jira:10317"]["url"] == "https://northwind-shop.atlassian.net/browse/LDG-204"
    assert found["github:2890040319"]["done_at"] == datetime.fromisoformat("2026-03-04T11:00:00Z")
    assert {tuple(row.values()) for row in fetch(database_url, LINKS)} == {
        ("PINC039", "jira:10317", "key"),  # by the key from before it was moved
        ("PINC039", "linear:c01bd6b5-a057-4f98-a9e0-73a08ca07593", "key"),
        ("PINC039", "shortcut:117", "named_by_issue"),
        ("PINC042", "github:2890040057", "key"),  # by the number from before it was transferred
        ("PINC042", "github:2890040318", "named_by_issue"),
        ("PINC042", "jira:10317", "named_by_issue"),
        ("PINC042", "linear:c01bd6b5-a057-4f98-a9e0-73a08ca07593", "named_by_issue"),
        ("PINC042", "shortcut:117", "named_by_issue"),
    }


def jira(number: int, text: Any = None, **fields: Any) -> Sent:
    """An update of an issue of Jira's."""
    issue = {
        "id": str(number), "key": f"UTF-{number}", "self": "https://acme.atlassian.net/rest/api/2/issue/1",
        "fields": {"summary": "Fix it", "description": text, **fields},
    }  # fmt: skip
    return sent("jira", "jira:issue_updated", {"webhookEvent": "jira:issue_updated", "issue": issue}, START)


def test_names_in_incidents(database_url: str, transformer: Transformer) -> None:
    """Keys count as whole words in upper case, addresses whatever stands around them, and both only of known issues."""
    linear = {
        "id": "L8",
        "identifier": "UTF-8",
        "url": "https://linear.app/acme/issue/UTF-8/read-it",
        "title": "Read it",
    }
    told = [
        jira(8),
        sent("linear", "Issue.create", {"type": "Issue", "action": "create", "data": linear}, START),
        sent(
            "github", "issues.opened",
            {"action": "opened", "repository": {"full_name": "Acme/Web.App"}, "issue": {
                "id": 5, "number": 12, "html_url": "https://github.com/Acme/Web.App/issues/12", "state": "open"}},
            START,
        ),
        sent("shortcut", "story.create", {"actions": [{"id": 7, "entity_type": "story", "action": "create"}]}, START),
    ]  # fmt: skip
    both = {"jira:8", "linear:L8"}
    cases: list[tuple[str, set[str]]] = [
        ("UTF-8", both),
        ("(UTF-8), done", both),
        ("branch fix/UTF-8-read-it", both),
        ("[UTF-8](https://elsewhere.example)", both),
        ("utf-8", set()),
        ("UTF-80 UTF-08 XUTF-8 X-UTF-8 UTF-8x UTF_8 UTF-9 SHA-256 ISO-8601 P1-3", set()),
        ("https://acme.atlassian.net/browse/UTF-8?focusedCommentId=1", {"jira:8"}),
        ("<https://acme.atlassian.net/browse/utf-8|the issue>", {"jira:8"}),
        ("https://acme.atlassian.net/jira/software/projects/UTF/boards/1?selectedIssue=UTF-8", {"jira:8"}),
        ("see https://linear.app/acme/issue/UTF-8.", {"linear:L8"}),
        ("https://linear.app/acme/issue/UTF-8/an-older-title#comment-1", {"linear:L8"}),
        ("acme/web.app#12 and sc-7", {"github:5", "shortcut:7"}),
        ("#12, web.app#12, xacme/web.app#12, acme/web.app#123, acme/web.app#1", set()),
        ("https://github.com/acme/web.app/issues/12#issuecomment-9", {"github:5"}),
        ("https://github.com/acme/web.app/issues/120 https://github.com/acme/web.app/pull/12", set()),
        ("CH-7!", {"shortcut:7"}),
        ("sc-77 xsc-7 sc7", set()),
        ("https://app.shortcut.com/acme/story/7/some-title", {"shortcut:7"}),
        ("https://app.shortcut.com/acme/epic/7", set()),
        ("https://grafana.example/d/UTF-8?x=1", both),
        ("http://" * 10_000 + " UTF-8", both),
    ]
    record(database_url, told)
    store(database_url, [row for n, (text, _) in enumerate(cases) for row in incident(n, "Down", text)])
    transformer.run()
    found: dict[str, set[str]] = {}
    for row in fetch(database_url, LINKS):
        found.setdefault(row["incident_id"], set()).add(row["issue_key"])
    for n, (text, expected) in enumerate(cases):
        assert found.get(f"PINC{n:03}", set()) == expected, text[:100]


def test_names_in_issues(database_url: str, transformer: Transformer) -> None:
    """An issue names incidents by address, by id as a word, and by numbers after a word that says of what."""
    atlassian = {"type": "doc", "content": [{"type": "paragraph", "content": [
        {"type": "text", "text": "After"}, {"type": "inlineCard", "attrs": {"url": "https:\\/\\/x.pagerduty.com/incidents/PINC003"}},
        {"type": "text", "text": "\nPINC004"}]}]}  # fmt: skip
    cases: list[tuple[Any, set[int]]] = [
        ("https://acme.pagerduty.com/incidents/PINC001/timeline", {1}),
        ("PINC001, PINC002", {1, 2}),
        ("xPINC001 PINC0011 pinc001", set()),
        ("PagerDuty #3 and incidents #4, #5 and #1.", {1, 3, 4, 5}),
        ("Incident #2", {2}),
        ("#2, issue #3, incident 4, coincident #5", set()),
        (atlassian, {3, 4}),
        (None, set()),
    ]
    store(database_url, [row for n in range(1, 6) for row in incident(n)])
    record(database_url, [jira(n, text) for n, (text, _) in enumerate(cases)])
    transformer.run()
    found: dict[str, set[int]] = {}
    for row in fetch(database_url, LINKS):
        assert row["how"] == "named_by_issue"
        found.setdefault(row["issue_key"], set()).add(int(row["incident_id"][-3:]))
    for n, (text, expected) in enumerate(cases):
        assert found.get(f"jira:{n}", set()) == expected, text


def test_the_number_of_two_incidents(database_url: str, transformer: Transformer) -> None:
    """A number that two accounts gave means the newer incident, whichever came first."""
    store(database_url, incident(7, at=START))
    record(database_url, [jira(1, "incident #7")])
    transformer.run()
    assert [row["incident_id"] for row in fetch(database_url, LINKS)] == ["PINC007"]
    data = {"id": "PNEWER1", "type": "incident", "number": 7}
    later = START + timedelta(days=1)
    store(database_url, [("n", body("incident.triggered", data), later, later)])
    transformer.run()
    assert [row["incident_id"] for row in fetch(database_url, LINKS)] == ["PNEWER1"]


def test_an_older_update_never_wins(database_url: str, transformer: Transformer) -> None:
    """By the tracker's clock, not by that of the receipt; one that is a day ahead is not believed."""
    old, new = START.isoformat(), (START + timedelta(hours=1)).isoformat()
    record(database_url, [jira(1, summary="New", updated=new), jira(2, summary="New", updated=new)])
    transformer.run()
    record(database_url, [jira(1, summary="Old", updated=old), jira(2, summary="Odd", updated="2036-01-01T00:00:00Z")])
    transformer.run()
    assert {key: row["title"] for key, row in issues(database_url).items()} == {"jira:1": "New", "jira:2": "New"}


def odd_deliveries() -> list[Sent]:
    """Every odd value in every place that is read."""
    values = [value for value in VALUES if len(value) < 1000 or value == DEEP] + ['"' + "P" * 3000 + '"']
    shapes = {
        "jira": '{"webhookEvent":"jira:issue_updated","issue":{"id":"1","fields":{"%s":%s}}}',
        "linear": '{"type":"Issue","action":"update","data":{"id":"1","%s":%s}}',
        "github": '{"action":"opened","repository":{"full_name":"a/b"},"issue":{"id":1,"number":1,"%s":%s}}',
        "shortcut": '{"actions":[{"id":1,"entity_type":"story","action":"update","%s":%s}],"references":[null,{"id":[]}]}',
    }
    fields = {
        "jira": ("summary", "description", "created", "updated", "labels", "resolution", "resolutiondate", "status", "project"),
        "linear": ("identifier", "team", "url", "title", "description", "state", "labels", "previousIdentifiers", "issueId", "trashed"),
        "github": ("number", "html_url", "title", "body", "state", "state_reason", "updated_at", "labels", "pull_request"),
        "shortcut": ("name", "app_url", "changes", "description", "state", "workflow_state_id", "label_ids", "labels", "completed"),
    }  # fmt: skip
    tops = {
        "jira": ("webhookEvent", "issue", "comment"), "linear": ("type", "data", "url"),
        "github": ("action", "issue", "repository", "comment", "changes"), "shortcut": ("actions", "references"),
    }  # fmt: skip
    found = []
    for source in TRACKERS:
        for n, value in enumerate(values):
            texts = [shapes[source] % (name, value) for name in fields[source]]
            whole = shapes[source] % ("x", "1")
            texts += [whole[:-1] + f',"{name}":{value}}}' for name in tops[source]]
            texts.append(f'{{"type":"Comment","data":{{"id":{value},"issueId":{value},"body":{value}}}}}')
            texts.append(f'{{"actions":[{{"id":{value},"entity_type":"story-comment","text":{value}}}, {value}]}}')
            moved = f'"changes":{{"new_issue":{value},"new_repository":{value}}}'
            texts.append(f'{{"action":"transferred","issue":{value},{moved}}}')
            found += [
                sent(source, "issues.opened", text, START, f"odd {n} {place}") for place, text in enumerate(texts)
            ]
    return found


def test_odd_bodies_stop_nothing(database_url: str, transformer: Transformer) -> None:
    """No body, however odd, stops a run, and the issue beside it is read."""
    record(database_url, [*odd_deliveries(), jira(77)])
    store(database_url, incident(1, "UTF-77"))
    transformer.run()
    transformer.run()
    assert issues(database_url)["jira:77"]["title"] == "Fix it"
    assert [row["issue_key"] for row in fetch(database_url, LINKS)] == ["jira:77"]


def test_links_follow_either(database_url: str, transformer: Transformer) -> None:
    """A link is there whichever came first, and goes with the issue, or with a title that names it no longer."""
    record(database_url, [jira(5)])
    store(database_url, incident(2, "UTF-6"))
    transformer.run()
    record(database_url, [jira(6)])
    store(database_url, incident(1, "UTF-5"))
    transformer.run()
    assert [row["issue_key"] for row in fetch(database_url, LINKS)] == ["jira:5", "jira:6"]
    later = START + timedelta(hours=1)
    renamed = {"id": "PINC002", "type": "incident", "title": "Down"}
    store(database_url, [("r", body("incident.acknowledged", renamed), later, later)])
    gone = {"webhookEvent": "jira:issue_deleted", "issue": {"id": "5", "key": "UTF-5"}}
    record(database_url, [sent("jira", "jira:issue_deleted", gone, START + timedelta(hours=1))])
    transformer.run()
    assert fetch(database_url, LINKS) == []
    assert issues(database_url)["jira:5"]["is_deleted"]
