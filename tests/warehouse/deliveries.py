"""A made-up time of pushes, deployments and incidents, as webhooks tell it, to be compared with what is true of it."""

import asyncio
import hashlib
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

START = datetime(2026, 3, 1, tzinfo=UTC)
REPOSITORIES = ("acme/checkout", "acme/search", "acme/mono")
ZERO = "0" * 40


@dataclass(frozen=True)
class Commit:
    """A commit, and when it was made."""

    sha: str
    at: datetime | None


@dataclass
class Push:
    """A push to the default branch."""

    repository: str
    before: str
    after: str
    commits: list[Commit]
    at: datetime
    is_forced: bool = False
    pushed_at: int | None = None


@dataclass
class State:
    """One word of a deployment: a post, or a status at GitHub."""

    source: str
    deployment_id: str
    service: str
    environment: str
    status: str
    at: datetime
    repository: str | None = None
    sha: str | None = None
    kind: str = "planned"
    rollback_of: str | None = None
    incident: str | None = None


@dataclass
class Incident:
    """An incident, with what its notes say."""

    incident_id: str
    number: int
    service: str
    title: str
    at: datetime
    notes: list[tuple[str, datetime]] = field(default_factory=list)


@dataclass
class World:
    """All that happened, in its order."""

    pushes: list[Push] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)


def make_world(seed: int, *, pushes: int, deployments: int, incidents: int) -> World:
    """A world of that size; some pushes are lost."""
    rng = random.Random(seed)
    world = World()
    for repository in REPOSITORIES:
        world.pushes += [push for push in _pushes(rng, repository, pushes) if rng.random() > 0.04]
    known = [commit.sha for push in world.pushes for commit in push.commits]
    for number in range(deployments):
        world.states += _deployment(rng, number, known, world.pushes, incidents)
    ids = [state.deployment_id for state in world.states]
    shas = [state.sha for state in world.states if state.sha]
    world.incidents = [_incident(rng, number, ids, shas) for number in range(1, incidents + 1)]
    return world


def _moment(rng: random.Random, days: int = 30) -> datetime:
    return START + timedelta(seconds=rng.randrange(days * 86_400))


def _pushes(rng: random.Random, repository: str, count: int) -> list[Push]:
    at, branch, tip = START - timedelta(hours=3), list[Commit](), ZERO
    dropped: list[Commit] = []
    fresh = True  # whether the last commits lie side by side
    found = []
    for _ in range(count):
        at += timedelta(seconds=rng.randrange(1, 43_200))
        chance = rng.random()
        if chance < 0.06 and len(branch) > 4:  # back to an earlier commit
            back = rng.randrange(1, 4)
            branch, dropped, fresh = branch[:-back], branch[-back:], False
            push = Push(repository, tip, branch[-1].sha, [], at, is_forced=True)
        elif chance < 0.12 and len(branch) > 4:  # the last commits written anew
            back = rng.randrange(1, 3) if fresh else 1
            new = [_commit(rng, at) for _ in range(back)]
            branch, dropped = [*branch[:-back], *new], []
            push = Push(repository, tip, branch[-1].sha, new, at, is_forced=True)
            fresh = False
        elif chance < 0.3 and dropped:  # what was taken off comes again
            branch, push = branch + dropped, Push(repository, tip, dropped[-1].sha, dropped, at)
            dropped, fresh = [], False
        else:
            new = [_commit(rng, at) for _ in range(rng.randrange(1, 5))]
            branch, push = branch + new, Push(repository, tip, new[-1].sha, new, at)
            dropped, fresh = [], len(new) > 2
        push.pushed_at = int(at.timestamp())
        tip = push.after
        found.append(push)
    return found


def _commit(rng: random.Random, at: datetime) -> Commit:
    moment = at - timedelta(seconds=rng.randrange(90_000)) if rng.random() > 0.03 else at + timedelta(days=3)
    return Commit(hashlib.sha1(rng.randbytes(8), usedforsecurity=False).hexdigest(), moment.replace(microsecond=0))


def _deployment(rng: random.Random, number: int, known: list[str], pushes: list[Push], incidents: int) -> list[State]:
    source = rng.choice(("github", "deployment", "deployment"))
    repository = rng.choice(REPOSITORIES)
    service = repository.split("/")[1] if source == "github" else rng.choice(("Checkout", "search", "PSVC3", "other"))
    at = _moment(rng)
    sha: str | None = rng.choice(known)
    if rng.random() < 0.7:  # near the tip of that time
        before = [
            push for push in pushes if push.at <= at and (source == "deployment" or push.repository == repository)
        ]
        sha = before[-1].after if before else sha
    if rng.random() < 0.2 and sha:
        sha = sha[: rng.randrange(7, 13)].upper()
    if rng.random() < 0.08:
        sha = rng.choice((None, "f" * 40, "abcd"))
    named = source == "github" or rng.random() < 0.3
    first = State(
        source,
        str(1000 + number) if source == "github" else rng.choice((f"d-{number}", f"rel/{number}.1", f"v1.{number}")),
        service,
        rng.choice(("production", "Production", "production", "staging")),
        "in_progress",
        at,
        repository if named else None,
        sha,
    )
    if rng.random() < 0.2:
        first.kind = rng.choice(("rollback", "hotfix"))
        if rng.random() < 0.6:
            first.incident = rng.choice((f"PI{rng.randrange(1, incidents + 1)}", f"#{rng.randrange(1, incidents + 3)}"))
        if rng.random() < 0.5 and source == "deployment":
            first.rollback_of = f"d-{rng.randrange(number + 3)}"
    states = [first]
    for _ in range(rng.randrange(1, 4)):
        at += timedelta(seconds=rng.randrange(1, 4000))
        status = rng.choice(("success", "success", "success", "failure", "in_progress"))
        states.append(State(**{**first.__dict__, "status": status, "at": at}))
    return states if rng.random() < 0.8 else states[1:]


def _incident(rng: random.Random, number: int, ids: list[str], shas: list[str]) -> Incident:
    def text() -> str:
        token = rng.choice((rng.choice(ids), rng.choice(shas), rng.choice(shas)[:7].upper(), "nothing"))
        return rng.choice(
            (f"after {token} it broke", f"since ({token}).", f"{token}-x is down", f"x.{token}", f"see {token}, maybe", "slow")
        )  # fmt: skip

    at = _moment(rng)
    service = rng.choice(("checkout", "SEARCH", "Third", "mono"))
    notes = [(text(), at + timedelta(minutes=n)) for n in range(rng.randrange(3))]
    return Incident(f"PI{number}", number, service, text(), at, notes)


# Delivery id, body, occurred_at, received_at, source and event type.
Row = tuple[str, str, datetime | None, datetime, str, str]


def rows(world: World) -> list[Row]:
    """The deliveries that tell of the world."""
    found: list[Row] = [_push_row(n, push) for n, push in enumerate(world.pushes)]
    found += [_state_row(n, state) for n, state in enumerate(world.states)]
    for incident in world.incidents:
        found += _incident_rows(incident)
    return found


def _push_row(n: int, push: Push) -> Row:
    commits = [
        {"id": commit.sha, "message": "change\nmore", "timestamp": commit.at.isoformat() if commit.at else None}
        for commit in push.commits
    ]
    body: dict[str, Any] = {
        "ref": "refs/heads/main", "before": push.before, "after": push.after, "created": push.before == ZERO,
        "deleted": push.after == ZERO, "forced": push.is_forced, "commits": commits,
        "head_commit": commits[-1] if commits else {"id": push.after, "timestamp": START.isoformat()},
        "repository": {"full_name": push.repository, "default_branch": "main", "pushed_at": push.pushed_at},
    }  # fmt: skip
    return f"push-{n}", json.dumps(body), None, push.at + timedelta(minutes=1), "github", "push"


def _state_row(n: int, state: State) -> Row:
    received = state.at + timedelta(minutes=2)
    if state.source == "deployment":
        post = {
            "id": state.deployment_id, "service": state.service, "environment": state.environment, "sha": state.sha,
            "repository": state.repository, "status": state.status, "kind": state.kind,
            "rollback_of": state.rollback_of, "incident": state.incident,
            "started_at" if state.status == "in_progress" else "finished_at": state.at.isoformat(),
        }  # fmt: skip
        return f"state-{n}", json.dumps(post), None, received, "deployment", f"deployment.{state.status}"
    deployment = {
        "id": int(state.deployment_id), "sha": state.sha, "environment": state.environment,
        "task": "deploy" if state.kind == "planned" else f"deploy:{state.kind}",
        "payload": {"incident": state.incident} if state.incident else {},
    }  # fmt: skip
    body = {
        "action": "created",
        "repository": {"full_name": state.repository},
        "deployment": deployment,
        "deployment_status": {"state": state.status, "created_at": state.at.isoformat()},
    }
    return f"state-{n}", json.dumps(body), None, received, "github", "deployment_status.created"


def _incident_rows(incident: Incident) -> list[Row]:
    key = incident.incident_id
    data = {
        "id": key, "type": "incident", "number": incident.number, "title": incident.title,
        "service": {"id": "PSVC3" if incident.service == "Third" else f"X{incident.service}", "summary": incident.service},
    }  # fmt: skip
    found = [_pagerduty(f"{key}-t", "incident.triggered", data, incident.at)]
    for n, (text, at) in enumerate(incident.notes):
        note = {"id": f"{key}N{n}", "type": "incident_note", "content": text, "incident": {"id": key}}
        found.append(_pagerduty(f"{key}-n{n}", "incident.annotated", note, at))
    return found


def _pagerduty(delivery_id: str, kind: str, data: dict[str, Any], at: datetime) -> Row:
    body = json.dumps({"event": {"event_type": kind, "data": data, "occurred_at": at.isoformat()}})
    return delivery_id, body, at, at + timedelta(seconds=5), "pagerduty", kind


def store_rows(url: str, deliveries: Iterable[Row]) -> None:
    """Put them into `events_raw` and the outbox, as the gateway does."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.executemany(
                "WITH e AS (INSERT INTO events_raw "
                "(delivery_id, payload, occurred_at, received_at, source, event_type) "
                "VALUES ($1, $2::text::json, $3, $4, $5, $6) RETURNING id, source) "
                "INSERT INTO outbox (event_id, source) SELECT id, source FROM e",
                list(deliveries),
            )
        finally:
            await connection.close()

    asyncio.run(run())
