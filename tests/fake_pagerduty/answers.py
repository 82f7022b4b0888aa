"""What PagerDuty answers to each question, from the account."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request

from tests.fake_pagerduty.account import Account, Entry, Incident, user

CAP = 10_000
LONGEST = timedelta(days=184)
EVER = datetime(2000, 1, 1, tzinfo=UTC)


class RefusalError(Exception):
    """An error answer."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        errors: list[str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.errors, self.headers = status, code, message, errors, headers or {}


def answer(account: Account, request: Request) -> dict[str, Any]:
    """The object for this request."""
    path, query = request.url.path.removesuffix(".json"), request.query_params
    parts = path.strip("/").split("/")
    if path == "/incidents":
        return _page(query, "incidents", _sort(_filter(account, query), query), account.show)
    if path == "/log_entries":
        return _page(query, "log_entries", _log(account, query), account.show_entry)
    if path == "/abilities":
        return {"abilities": ["teams", "urgencies"]}
    if path == "/users/me":
        return {"user": {**user(0), "type": "user", "email": "ada@example.com"}}
    if parts[0] == "incidents" and len(parts) in {2, 3}:
        return _of_incident(account, _incident(account, parts[1]), parts[2] if len(parts) == 3 else "", query)
    raise RefusalError(404, 2100, "Not Found")


def _incident(account: Account, name: str) -> Incident:
    found = account.incidents.get(name) or (account.by_number.get(int(name)) if name.isdigit() else None)
    if found is None:
        raise RefusalError(404, 2100, "Not Found")
    return found


def _of_incident(account: Account, incident: Incident, part: str, query: Mapping[str, str]) -> dict[str, Any]:
    if part == "":
        return {"incident": account.show(incident)}
    if part == "notes":
        return {
            "notes": [
                account.show_note(note) for note in sorted(incident.notes, key=lambda note: note.at, reverse=True)
            ]
        }
    if part == "log_entries":
        return _page(
            query, "log_entries", sorted(incident.log, key=lambda entry: entry.order, reverse=True), account.show_entry
        )
    if part == "alerts":
        return _page(query, "alerts", account.show_alerts(incident), lambda alert: alert)
    raise RefusalError(404, 2100, "Not Found")


def _time(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        moment = datetime.fromisoformat(query[name])
    except ValueError:
        raise RefusalError(400, 2001, "Invalid Input Provided", [f"{name} is invalid."]) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _window(query: Mapping[str, str]) -> tuple[datetime, datetime]:
    """The days of the window: its ends count whole days only."""
    since, until = _time(query, "since"), _time(query, "until")
    month = timedelta(days=30)
    if since is None and until is None:
        until = datetime.now(UTC) + timedelta(days=1)
        since = until - month
    elif since is None or until is None:
        since, until = (since, since + month) if since else ((until or EVER) - month, until)
    assert since is not None
    assert until is not None
    if until - since > LONGEST:
        raise RefusalError(400, 2001, "Invalid Input Provided", [" is invalid."])
    return _day(since), _day(until)


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _filter(account: Account, query: Any) -> list[Incident]:
    is_all = query.get("date_range") == "all"
    found = list(account.by_time) if is_all else account.created_between(*_window(query))
    statuses = query.getlist("statuses[]")
    return [incident for incident in found if not statuses or incident.status in statuses]


def _sort(found: list[Incident], query: Mapping[str, str]) -> list[Incident]:
    column, _, direction = query.get("sort_by", "created_at:asc").partition(":")
    if column not in {"created_at", "incident_number", "resolved_at", "urgency"} or direction not in {
        "asc",
        "desc",
        "",
    }:
        raise RefusalError(400, 2001, "Invalid Input Provided", ["sort_by is invalid."])
    keys: dict[str, Any] = {
        "incident_number": lambda one: one.number,
        "resolved_at": lambda one: one.resolved_at or EVER,
        "urgency": lambda one: one.urgency,
    }
    if column == "created_at":  # as they come
        return found[::-1] if direction == "desc" else found
    return sorted(found, key=keys[column], reverse=direction == "desc")


def _log(account: Account, query: Mapping[str, str]) -> list[Entry]:
    since, until = _time(query, "since") or EVER, _time(query, "until") or datetime.now(UTC) + timedelta(days=1)
    found = account.logged_between(since, until)[::-1]
    if query.get("is_overview") == "true":
        found = [entry for entry in found if entry.kind != "notify"]
    return found


def _page(query: Mapping[str, str], member: str, rows: list[Any], show: Any) -> dict[str, Any]:
    limit, offset = _number(query, "limit", 25), _number(query, "offset", 0)
    if offset + min(limit, 100) > CAP:
        message = "Offset+limit exceeds maximum allowed value of 10000. Please try a smaller date range."
        raise RefusalError(400, 2002, "Arguments Caused Error", [message])
    limit = max(1, min(limit, 100))
    return {
        member: [show(row) for row in rows[offset : offset + limit]],
        "limit": limit,
        "offset": offset,
        "total": len(rows) if query.get("total") == "true" else None,
        "more": offset + limit < len(rows),
    }


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, "")
    return int(value) if re.fullmatch(r"\d{1,9}", value) else default
