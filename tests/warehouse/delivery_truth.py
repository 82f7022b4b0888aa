"""What is true of a made-up time of deliveries, worked out thing by thing in the plainest way."""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.warehouse.deliveries import START, ZERO, Commit, Incident, State, World

WINDOW = timedelta(hours=24)


@dataclass
class Deployment:
    """A deployment as all that was said of it makes it."""

    key: str
    deployment_id: str
    source: str
    service: str
    environment: str
    status: str
    kind: str
    sha: str | None
    repository: str | None
    finished_at: datetime | None
    rollback_of: str | None
    incident_id: str | None


def true_deployments(world: World) -> dict[str, Deployment]:
    """Every deployment by its key."""
    told: dict[str, list[State]] = defaultdict(list)
    for state in world.states:
        told[f"{state.source}:{state.deployment_id}"].append(state)
    return {key: _deployment(key, states, world.incidents) for key, states in told.items()}


def _deployment(key: str, states: list[State], incidents: list[Incident]) -> Deployment:
    ordered = sorted(states, key=lambda state: state.at)
    successes = [state for state in ordered if state.status == "success"]
    finals = [state for state in ordered if state.status != "in_progress"]
    chosen = successes[0] if ordered[0].source == "github" and successes else (finals or ordered)[-1]
    is_third = chosen.service == "PSVC3" and any(incident.service == "Third" for incident in incidents)
    named = (chosen.incident or "").lstrip("#")
    return Deployment(
        key=key,
        deployment_id=chosen.deployment_id,
        source=chosen.source,
        service="third" if is_third else chosen.service.lower(),
        environment=chosen.environment.lower(),
        status=chosen.status,
        kind=chosen.kind,
        sha=chosen.sha.lower() if chosen.sha else None,
        repository=chosen.repository,
        finished_at=chosen.at if chosen.status == "success" else None,
        rollback_of=f"{chosen.source}:{chosen.rollback_of}" if chosen.rollback_of else None,
        incident_id=next((i.incident_id for i in incidents if named in {i.incident_id, str(i.number)}), None),
    )


@dataclass
class Branch:
    """The default branch of a repository: each commit's first place, and what led to it then."""

    places: dict[str, int]
    made_at: dict[str, datetime | None]
    lineages: dict[str, list[str]]


def true_branches(world: World) -> dict[str, Branch]:
    """The branch of each repository, push by push in their order."""
    found: dict[str, Branch] = {}
    now: dict[str, list[str]] = defaultdict(list)
    for push in sorted(world.pushes, key=lambda push: push.at):
        branch = found.setdefault(push.repository, Branch({}, {}, {}))
        places, tip = branch.places, now[push.repository]
        if push.is_forced and push.after in places:
            tip = [sha for sha in tip if places[sha] <= places[push.after]]
        elif push.is_forced and push.before in places:
            tip = [sha for sha in tip if places[sha] <= places[push.before] - max(len(push.commits), 1)]
        elif push.before == ZERO:
            tip = []
        named = [*push.commits, Commit(push.after, START)]  # a push without commits tells of its head alone
        for commit in named:
            if commit.sha not in places:
                places[commit.sha] = len(places) + 1
                branch.made_at[commit.sha] = commit.at
            if commit.sha not in tip:
                tip = [*tip, commit.sha]
        for commit in named:
            branch.lineages.setdefault(commit.sha, tip)
        now[push.repository] = tip
    return found


def true_commits(world: World) -> set[tuple[str, str, float]]:
    """Which deployment was the first to bring which commit, and the seconds that it took."""
    branches = true_branches(world)
    reached: dict[tuple[str, str, str], int] = {}
    brought = set()
    finished = [d for d in true_deployments(world).values() if d.finished_at and d.sha]
    for deployment in sorted(finished, key=lambda d: (d.finished_at, d.key)):
        found = _locate(deployment, branches)
        if found is None:
            continue
        repository, sha = found
        branch = branches[repository]
        key = deployment.service, deployment.environment, repository
        place, before = branch.places[sha], reached.get(key)
        reached[key] = max(place, before or 0)
        for commit in branch.lineages[sha]:
            at = branch.made_at[commit]
            if (
                before is None
                or not before < branch.places[commit] <= place
                or at is None
                or deployment.finished_at is None
            ):
                continue
            if at <= deployment.finished_at:
                brought.add((deployment.key, commit, (deployment.finished_at - at).total_seconds()))
    return brought


def _locate(deployment: Deployment, branches: dict[str, Branch]) -> tuple[str, str] | None:
    sha = deployment.sha or ""
    for repository in sorted(branches):
        if deployment.repository not in {None, repository}:
            continue
        for known in branches[repository].places:
            if known == sha or (len(sha) >= 7 and known.startswith(sha)):
                return repository, known
    return None


Link = tuple[str, str, float]


def true_links(world: World) -> dict[tuple[str, str], Link]:
    """Deployment, method and confidence of each incident and environment that has a link."""
    deployments = list(true_deployments(world).values())
    by_key = {deployment.key: deployment for deployment in deployments}
    found = {}
    for incident in world.incidents:
        for environment in {deployment.environment for deployment in deployments}:
            there = [d for d in deployments if d.environment == environment and d.finished_at]
            link = _explicit(incident, there) or _rollback(incident, there, by_key) or _window(incident, there)
            if link:
                found[incident.incident_id, environment] = link
    return found


def _is_same_service(incident: Incident, deployment: Deployment) -> bool:
    return incident.service.lower() == deployment.service


def _has_word(incident: Incident, pattern: str, flags: int = 0) -> bool:
    whole = rf"(?<!\w)(?<!\w[-.]){pattern}(?!\w)(?![-.]\w)"
    return any(re.search(whole, text, flags) for text in [incident.title, *(text for text, _ in incident.notes)])


def _has_sha(incident: Incident, sha: str | None) -> bool:
    if sha is None or len(sha) < 7:
        return False
    texts = [incident.title, *(text for text, _ in incident.notes)]
    words = [
        word.lower()
        for text in texts
        for word in re.findall(r"(?<!\w)(?<!\w[-.])[0-9a-fA-F]{7,}(?!\w)(?![-.]\w)", text)
    ]
    return any(sha.startswith(word) or word.startswith(sha) for word in words)


def _explicit(incident: Incident, there: list[Deployment]) -> Link | None:
    earlier = [d for d in there if d.finished_at and d.finished_at < incident.at]
    for confidence, fits in (
        (1.0, [d for d in earlier if _has_word(incident, re.escape(d.deployment_id))]),
        (0.95, [d for d in earlier if _has_sha(incident, d.sha)]),
    ):
        if fits:
            chosen = max(fits, key=lambda d: (_is_same_service(incident, d), d.finished_at, d.key))
            return chosen.key, "explicit", confidence
    return None


def _rollback(incident: Incident, there: list[Deployment], by_key: dict[str, Deployment]) -> Link | None:
    repairs = [d for d in there if d.kind != "planned" and d.incident_id == incident.incident_id]
    found = []
    for repair in repairs:
        stated = by_key.get(repair.rollback_of or "")
        if stated in there and stated is not None:
            found.append((False, repair.finished_at, stated.key))
            continue
        earlier = [
            d for d in there
            if d.service == repair.service and d.finished_at and d.finished_at < incident.at and d is not repair
        ]  # fmt: skip
        if earlier:
            found.append((True, repair.finished_at, max(earlier, key=lambda d: (d.finished_at, d.key)).key))
    return (min(found)[2], "rollback", 0.9) if found else None


def _window(incident: Incident, there: list[Deployment]) -> Link | None:
    near = [
        d for d in there
        if d.finished_at and timedelta(0) < incident.at - d.finished_at <= WINDOW and _is_same_service(incident, d)
    ]  # fmt: skip
    if not near:
        return None
    chosen = max(near, key=lambda d: (d.finished_at, d.key))
    assert chosen.finished_at is not None
    return chosen.key, "window", 0.8 - 0.4 * ((incident.at - chosen.finished_at) / WINDOW)
