"""Whole lives of issues, invented first; then what each tracker's webhooks tell of them. The truth is the life itself."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.warehouse.trackers import START, Sent, sent

TRACKERS = ("github", "jira", "linear", "shortcut")
LABELS = ("bug", "database", "incident", "later")
NUMBERS = range(1, 9)  # of the incidents that may be named
_JIRA = {"todo": ("new", "To Do"), "started": ("indeterminate", "Doing"), "done": ("done", "Done")}
_LINEAR = {"todo": ("unstarted", "Todo"), "started": ("started", "Doing"), "done": ("completed", "Done")}
_SHORTCUT = {"todo": (1, "unstarted", "To Do"), "started": (2, "started", "Doing"), "done": (3, "done", "Done")}


@dataclass
class Life:
    """An issue as it is now."""

    tracker: str
    number: int
    title: str = ""
    body: str = ""
    category: str = "todo"
    labels: set[str] = field(default_factory=set)
    comments: dict[int, str] = field(default_factory=dict)
    created_at: datetime = START
    updated_at: datetime = START
    done_at: datetime | None = None
    reopen_count: int = 0
    is_deleted: bool = False

    @property
    def issue_id(self) -> str:
        return str(900_000 + self.number)

    @property
    def issue_key(self) -> str:
        return f"{self.tracker}:{self.number if self.tracker == 'shortcut' else self.issue_id}"

    @property
    def named(self) -> set[int]:
        """The numbers of the incidents that it names."""
        texts = [self.title, self.body, *self.comments.values()]
        return {n for n in NUMBERS for text in texts if f"incident #{n}." in text}

    def truth(self) -> dict[str, Any]:
        """The columns of `fct_issues` that follow."""
        return {
            "title": self.title,
            "status_category": self.category,
            "is_done": self.category == "done",
            "created_at": self.created_at,
            "done_at": self.done_at,
            "reopen_count": self.reopen_count,
            "labels": sorted(self.labels),
            "is_deleted": self.is_deleted,
        }


def lives(seed: int, count: int) -> tuple[list[Life], list[Sent]]:
    """Some lives of each tracker's, and everything that is sent of them, in any order."""
    rng = random.Random(seed)
    issues = [Life(tracker, n) for tracker in TRACKERS for n in range(1, count + 1)]
    told = [delivery for issue in issues for delivery in _live(rng, issue)]
    rng.shuffle(told)
    return issues, told


def _live(rng: random.Random, issue: Life) -> Iterator[Sent]:
    at = START + timedelta(seconds=rng.randrange(10**6))
    issue.title, issue.body = _words(rng), _words(rng)
    issue.labels = {label for label in LABELS if rng.random() < 0.3}
    issue.created_at = issue.updated_at = at
    yield _told(issue, "create", at, {})
    for _ in range(rng.randrange(9)):
        at += timedelta(seconds=rng.randrange(1, 10_000))
        step = rng.choice(("move", "move", "move", "title", "body", "label", "comment", "edit", "unsay"))
        if step in {"comment", "edit", "unsay"}:
            yield from _comment(rng, issue, step, at)
            continue
        issue.updated_at = at
        yield _told(issue, "update", at, _change(rng, issue, step, at))
    if rng.random() < 0.15:
        at += timedelta(seconds=5)
        issue.is_deleted = True
        yield _told(issue, "delete", at, {})


def _words(rng: random.Random) -> str:
    return rng.choice(("Slow", "Broken", "Flaky")) + (f", see incident #{rng.choice(NUMBERS)}." * rng.randrange(2))


def _change(rng: random.Random, issue: Life, step: str, at: datetime) -> dict[str, Any]:
    """Do it, and give what Shortcut says changed."""
    if step == "title":
        issue.title = _words(rng)
        return {"name": {"new": issue.title}}
    if step == "body":
        issue.body = rng.choice(("", _words(rng)))
        return {"description": {"new": issue.body} if issue.body else {"old": "x"}}
    if step == "label":
        label = rng.choice(LABELS)
        issue.labels ^= {label}
        return {"label_ids": {"adds" if label in issue.labels else "removes": [LABELS.index(label)]}}
    before, issue.category = issue.category, rng.choice(("todo", "done") if issue.tracker == "github" else tuple(_JIRA))
    changes: dict[str, Any] = {"workflow_state_id": {"new": _SHORTCUT[issue.category][0]}}
    if issue.category == "done" and before != "done":
        issue.done_at = at
        changes["completed_at"] = {"new": at.isoformat()}
    if issue.category != "done" and before == "done":
        issue.done_at = None
        issue.reopen_count += 1
    return changes


def _comment(rng: random.Random, issue: Life, step: str, at: datetime) -> Iterator[Sent]:
    if step == "comment":
        number = len(issue.comments) + 1 + rng.randrange(10**6)
    elif issue.comments:
        number = rng.choice(sorted(issue.comments))
    else:
        return
    if step == "unsay":
        del issue.comments[number]
        yield _said(issue, "delete", number, "gone", at)
        return
    issue.comments[number] = _words(rng)
    yield _said(issue, "create" if step == "comment" else "update", number, issue.comments[number], at)


def _told(issue: Life, verb: str, at: datetime, changes: dict[str, Any]) -> Sent:
    if issue.tracker == "shortcut":
        return _shortcut(issue, {"action": verb, **_story(issue, verb, changes)}, at)
    if issue.tracker == "linear":
        action = {"delete": "remove"}.get(verb, verb)
        body = {"type": "Issue", "action": action, "data": _linear(issue), "createdAt": at.isoformat()}
        return sent("linear", f"Issue.{action}", body, at)
    if issue.tracker == "jira":
        kind = f"jira:issue_{verb}d"
        return sent("jira", kind, {"webhookEvent": kind, "issue": _jira(issue)}, at)
    action = {"create": "opened", "delete": "deleted"}.get(verb, "edited")
    return sent("github", f"issues.{action}", {"action": action, **_github(issue)}, at)


def _said(issue: Life, verb: str, number: int, text: str, at: datetime) -> Sent:
    stamp = at.isoformat()
    if issue.tracker == "shortcut":
        url = f"https://app.shortcut.com/acme/story/{issue.number}#activity-{number}"
        comment = {"id": number, "entity_type": "story-comment", "action": verb, "text": text, "app_url": url}
        return _shortcut(issue, comment, at)
    if issue.tracker == "linear":
        data = {"id": f"c{number}", "body": text, "issueId": issue.issue_id, "updatedAt": stamp}
        action = {"delete": "remove"}.get(verb, verb)
        return sent("linear", f"Comment.{action}", {"type": "Comment", "action": action, "data": data}, at)
    if issue.tracker == "jira":
        kind = f"comment_{verb}d"
        short = {"id": issue.issue_id, "key": f"CHK-{issue.number}", "fields": {}}
        comment = {"id": number, "body": text, "updated": stamp}
        return sent("jira", kind, {"webhookEvent": kind, "issue": short, "comment": comment}, at)
    action = {"update": "edited"}.get(verb, f"{verb}d")
    comment = {"id": number, "body": text, "updated_at": stamp}
    return sent("github", f"issue_comment.{action}", {"action": action, **_github(issue), "comment": comment}, at)


def _jira(issue: Life) -> dict[str, Any]:
    key, name = _JIRA[issue.category]
    fields = {
        "summary": issue.title, "description": issue.body or None, "labels": sorted(issue.labels),
        "created": issue.created_at.isoformat(), "updated": issue.updated_at.isoformat(),
        "status": {"name": name, "statusCategory": {"key": key}}, "project": {"key": "CHK"},
        "resolutiondate": issue.done_at.isoformat() if issue.done_at and issue.number % 2 else None,
    }  # fmt: skip
    url = f"https://acme.atlassian.net/rest/api/2/issue/{issue.issue_id}"
    return {"id": issue.issue_id, "key": f"CHK-{issue.number}", "self": url, "fields": fields}


def _linear(issue: Life) -> dict[str, Any]:
    kind, name = _LINEAR[issue.category]
    return {
        "id": issue.issue_id, "identifier": f"ENG-{issue.number}", "title": issue.title, "description": issue.body or None,
        "state": {"type": kind, "name": name}, "labels": [{"name": label} for label in issue.labels],
        "createdAt": issue.created_at.isoformat(), "updatedAt": issue.updated_at.isoformat(),
        "completedAt": issue.done_at.isoformat() if issue.done_at else None, "team": {"key": "ENG"},
    }  # fmt: skip


def _github(issue: Life) -> dict[str, Any]:
    document = {
        "id": int(issue.issue_id), "number": issue.number, "title": issue.title, "body": issue.body or None,
        "state": "closed" if issue.category == "done" else "open", "labels": [{"name": label} for label in issue.labels],
        "created_at": issue.created_at.isoformat(), "updated_at": issue.updated_at.isoformat(),
        "closed_at": issue.done_at.isoformat() if issue.done_at else None,
        "html_url": f"https://github.com/acme/checkout/issues/{issue.number}",
    }  # fmt: skip
    return {"issue": document, "repository": {"full_name": "acme/checkout"}}


def _story(issue: Life, verb: str, changes: dict[str, Any]) -> dict[str, Any]:
    story: dict[str, Any] = {"id": issue.number, "entity_type": "story", "name": issue.title}
    if verb == "create":
        labels = [LABELS.index(label) for label in issue.labels]
        return {**story, "description": issue.body, "workflow_state_id": 1, "label_ids": labels}
    return {**story, "changes": changes} if verb == "update" else story


def _shortcut(issue: Life, action: dict[str, Any], at: datetime) -> Sent:
    states = [
        {"id": n, "entity_type": "workflow-state", "type": kind, "name": name} for n, kind, name in _SHORTCUT.values()
    ]
    labels = [{"id": n, "entity_type": "label", "name": name} for n, name in enumerate(LABELS)]
    body = {
        "changed_at": at.isoformat(),
        "primary_id": action["id"],
        "actions": [action],
        "references": states + labels,
    }
    return sent("shortcut", f"{action['entity_type']}.{action['action']}", body, at.astimezone(UTC))
