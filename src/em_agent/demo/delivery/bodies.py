"""Webhook bodies of pushes, deployments and issues, as GitHub, Jira and CI systems send them."""

from datetime import UTC, datetime
from typing import Any

from em_agent.demo.delivery.releases import OWNER, Commit, Push, Release
from em_agent.demo.delivery.trouble import FollowUp
from em_agent.demo.ids import id_of
from em_agent.demo.payloads import to_seconds

Json = dict[str, Any]
_API = "https://api.github.com/repos"
_JIRA = f"https://{OWNER}.atlassian.net"


def push(pushed: Push) -> Json:
    """GitHub's `push` to the default branch."""
    page = f"https://github.com/{pushed.repository}"
    commits = [_commit(page, commit) for commit in pushed.commits]
    sender = pushed.commits[-1].author
    return {
        "ref": "refs/heads/main",
        "before": pushed.before,
        "after": pushed.after,
        "repository": {**_repository(pushed.repository), "pushed_at": int(pushed.at.timestamp())},
        "pusher": {"name": _login(sender), "email": f"{_login(sender)}@users.noreply.github.com"},
        "sender": _user(sender),
        "created": False,
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "compare": f"{page}/compare/{pushed.before[:12]}...{pushed.after[:12]}",
        "commits": commits,
        "head_commit": commits[-1],
    }


def deployment_status(release: Release, state: str, at: datetime) -> Json:
    """GitHub's `deployment_status`: a deployment reached that state."""
    repository = release.pipeline.repository
    own = f"{_API}/{repository}/deployments/{release.id}"
    environment = release.environment
    return {
        "action": "created",
        "deployment_status": {
            "url": f"{own}/statuses/{_number_of(release.id, state)}",
            "id": _number_of(release.id, state),
            "state": state,
            "creator": _user("deploy bot"),
            "description": "",
            "environment": environment,
            "target_url": f"https://github.com/{repository}/actions/runs/{release.id}",
            "log_url": f"https://github.com/{repository}/actions/runs/{release.id}",
            "created_at": to_seconds(at),
            "updated_at": to_seconds(at),
            "deployment_url": own,
            "repository_url": f"{_API}/{repository}",
        },
        "deployment": {
            "url": own,
            "id": int(release.id),
            "task": "deploy",
            "original_environment": environment,
            "environment": environment,
            "description": None,
            "created_at": to_seconds(release.started_at),
            "updated_at": to_seconds(at),
            "statuses_url": f"{own}/statuses",
            "repository_url": f"{_API}/{repository}",
            "creator": _user("deploy bot"),
            "sha": release.sha,
            "ref": "main",
            "payload": {},
            "transient_environment": False,
            "production_environment": release.environment == "production",
        },
        "repository": _repository(repository),
        "sender": _user("deploy bot"),
    }


def post(release: Release, *, is_over: bool = True) -> Json:
    """What a CI system posts of a deployment: how it ended, or before that that it has begun."""
    body: Json = {
        "id": release.id,
        "service": release.pipeline.posted_name,
        "environment": release.environment,
        "sha": release.sha,
        "repository": release.pipeline.repository,
        "status": release.status if is_over else "in_progress",
        "started_at": to_seconds(release.started_at),
        "kind": release.kind,
        "url": f"https://ci.example.com/deployments/{release.id}",
    }
    if is_over and release.finished_at is not None:
        body["finished_at"] = to_seconds(release.finished_at)
    if release.rollback_of is not None:
        body["rollback_of"] = release.rollback_of
    if release.incident is not None:
        body["incident"] = release.incident
    return body


def github_issue(issue: FollowUp, *, is_closed: bool) -> Json:
    """GitHub's `issues`, opened or closed."""
    repository = issue.repository or ""
    at = issue.closed_at if is_closed and issue.closed_at else issue.opened_at
    return {
        "action": "closed" if is_closed else "opened",
        "issue": {
            "url": f"{_API}/{repository}/issues/{issue.number}",
            "html_url": issue.url,
            "id": 2_900_000_000 + issue.number,
            "number": issue.number,
            "title": issue.title,
            "user": _user("review bot"),
            "labels": [
                {"id": 7_340_001, "name": "follow-up", "color": "d93f0b", "default": False, "description": None}
            ],
            "state": "closed" if is_closed else "open",
            "state_reason": "completed" if is_closed else None,
            "created_at": to_seconds(issue.opened_at),
            "updated_at": to_seconds(at),
            "closed_at": to_seconds(at) if is_closed else None,
            "body": f"Out of the review of incident {issue.incident}.",
        },
        "repository": _repository(repository),
        "sender": _user("review bot"),
    }


def jira_issue(issue: FollowUp, *, is_closed: bool) -> Json:
    """Jira's `jira:issue_created` or `jira:issue_updated`."""
    at = issue.closed_at if is_closed and issue.closed_at else issue.opened_at
    number = 10_000 + issue.number
    category = {"id": 3, "key": "done", "name": "Done"} if is_closed else {"id": 2, "key": "new", "name": "To Do"}
    status = {"name": "Done" if is_closed else "To Do", "statusCategory": category}
    return {
        "timestamp": int(at.timestamp() * 1000),
        "webhookEvent": "jira:issue_updated" if is_closed else "jira:issue_created",
        "user": {"accountId": "712020:demo", "displayName": "Review bot", "active": True},
        "issue": {
            "id": str(number),
            "self": f"{_JIRA}/rest/api/2/{number}",
            "key": issue.key,
            "fields": {
                "summary": issue.title,
                "description": f"Out of the review of incident {issue.incident}.",
                "issuetype": {"id": "10009", "name": "Task", "subtask": False},
                "project": {"id": "10004", "key": issue.key.partition("-")[0], "name": "Shop"},
                "labels": ["follow-up"],
                "created": _jira_time(issue.opened_at),
                "updated": _jira_time(at),
                "resolutiondate": _jira_time(at) if is_closed else None,
                "resolution": {"id": "10000", "name": "Done"} if is_closed else None,
                "status": status,
            },
        },
    }


def _repository(full_name: str) -> Json:
    owner, _, name = full_name.partition("/")
    return {
        "id": _number_of(full_name),
        "name": name,
        "full_name": full_name,
        "private": True,
        "owner": {"login": owner, "id": _number_of(owner), "type": "Organization"},
        "html_url": f"https://github.com/{full_name}",
        "url": f"{_API}/{full_name}",
        "default_branch": "main",
        "master_branch": "main",
    }


def _commit(page: str, commit: Commit) -> Json:
    person = {
        "name": commit.author,
        "email": f"{_login(commit.author)}@users.noreply.github.com",
        "username": _login(commit.author),
    }
    return {
        "id": commit.sha,
        "tree_id": commit.sha[::-1],
        "distinct": True,
        "message": commit.title,
        "timestamp": commit.at.astimezone(UTC).isoformat(timespec="seconds"),
        "url": f"{page}/commit/{commit.sha}",
        "author": person,
        "committer": person,
        "added": [],
        "removed": [],
        "modified": ["src/service.py"],
    }


def _user(name: str) -> Json:
    return {"login": _login(name), "id": _number_of(name), "type": "User", "site_admin": False}


def _login(name: str) -> str:
    return name.lower().replace(" ", "-")


def _number_of(*names: str) -> int:
    """A number that belongs to the names."""
    return int(id_of("number", "/".join(names))[1:], 36)


def _jira_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
