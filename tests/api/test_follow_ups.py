"""Issues of incidents, and follow-ups, over HTTP."""

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, get_args

import yaml

from em_agent.domain.incidents import Snapshot
from em_agent.incidents import store as live
from em_agent.kit import cursors
from em_agent.kit.postgres import open_pool
from em_agent.metrics.follow_ups import Tracker
from tests.domain.test_incidents import ev
from tests.marts import Transformer, body, database_url, execute, store, transformer  # noqa: F401
from tests.parts import Gateway, gateway_on
from tests.warehouse.trackers import START, Sent, record, sent

DAY = timedelta(days=1)
DONE_AT = START + 10 * DAY
# What came back: the title but for its numbers, within 30 days of the follow-up, within 90, never; another service.
INCIDENTS: list[tuple[str, str, str, datetime]] = [
    ("PFIRST1", "Disk 97% full on db-1, see CHK-1", "S1", START),
    ("PAGAIN1", "disk 8% full on db-22,  see CHK-1", "S1", DONE_AT + 30 * DAY),
    ("PAGAIN2", "Disk 99.5% full on db-1, see CHK-2", "S1", DONE_AT + 30 * DAY + timedelta(seconds=1)),
    ("PAGAIN3", "Disk 97% full on db-1, see CHK-1", "S1", DONE_AT + 90 * DAY + timedelta(seconds=1)),
    ("PBEFORE", "Disk 97% full on db-1, see CHK-1", "S1", DONE_AT),
    ("POTHER1", "Disk 97% full on db-1, see CHK-1", "S2", DONE_AT + DAY),
    ("PUNLIKE", "Disk 97% full on web, see CHK-1", "S1", DONE_AT + DAY),
]


def jira(key: str, at: datetime, category: str, **fields: Any) -> Sent:
    """An update of an issue of Jira's."""
    status = {"name": category.title(), "statusCategory": {"key": category}}
    issue = {
        "id": key, "key": key, "self": "https://acme.atlassian.net/rest/api/2/issue/1",
        "fields": {"summary": f"Fix {key}", "created": START.isoformat(), "status": status, "updated": at.isoformat(), **fields},
    }  # fmt: skip
    return sent("jira", "jira:issue_updated", {"webhookEvent": "jira:issue_updated", "issue": issue}, at)


def build(url: str, runs: Transformer) -> None:
    """Incidents and issues in the marts, and the first incident in the live state."""
    rows: list[Any] = []
    for n, (incident_id, title, service, at) in enumerate(INCIDENTS, 1):
        data = {"id": incident_id, "type": "incident", "number": n, "title": title}
        named = {"service": {"id": service, "summary": f"Service {service}"}}
        rows.append((incident_id, body("incident.triggered", {**data, **named}), at, at))
    store(url, rows)
    record(url, [jira("CHK-1", DONE_AT, "done", resolutiondate=DONE_AT.isoformat(), project={"key": "CHK"})])
    record(url, [jira("CHK-2", START, "new", labels=["=later"]), jira("CHK-3", START, "new")])
    execute(url, "INSERT INTO service_mapping VALUES ('jira', 'chk', 'Checkout')")
    runs.run()


def over_http(url: str, ask: Callable[[Gateway], Awaitable[None]]) -> None:
    """Ask a gateway on the database."""

    async def run() -> None:
        async with open_pool(url, name="test", size=2) as pool, pool.acquire() as connection:
            event = ev("triggered", 0, snapshot=Snapshot(number=1, title="Disk full"))
            await live.apply(connection, [replace(event, event_id=1, incident_id="PFIRST1")])
        async with gateway_on(url) as gateway:
            await ask(gateway)

    asyncio.run(run())


def test_links_and_follow_ups(database_url: str, transformer: Transformer) -> None:  # noqa: F811
    """An incident and a list tell of each follow-up whether it is done and whether the trouble came back after it."""
    build(database_url, transformer)

    async def ask(gateway: Gateway) -> None:
        incident = (await gateway.client.get("/v1/incidents/1")).json()
        assert incident["links"] == [
            {
                "source": "jira", "key": "CHK-1", "url": "https://acme.atlassian.net/browse/CHK-1", "title": "Fix CHK-1",
                "status": "Done", "done": True, "created_at": "2026-03-01T00:00:00Z", "done_at": "2026-03-11T00:00:00Z",
                "how": "key", "recurred_within_30_days": 1, "recurred_within_90_days": 2,
            }
        ]  # fmt: skip
        listed = (await gateway.client.get("/v1/follow-ups", params={"done": "true"})).json()
        (follow_up,) = listed["follow_ups"]
        assert [link["incident"] for link in follow_up["incidents"]] == [
            "PFIRST1", "PBEFORE", "POTHER1", "PUNLIKE", "PAGAIN1", "PAGAIN3"
        ]  # fmt: skip
        assert (follow_up["age_seconds"], follow_up["service"]) == (10 * 86_400, "Checkout")
        assert (follow_up["recurred_within_30_days"], follow_up["recurred_within_90_days"]) == (1, 2)
        (still_open,) = (await gateway.client.get("/v1/follow-ups", params={"done": "false"})).json()["follow_ups"]
        assert still_open["key"] == "CHK-2"
        assert still_open["recurred_within_30_days"] is None
        assert still_open["age_seconds"] > 0

    over_http(database_url, ask)


def test_filters_pages_and_csv(database_url: str, transformer: Transformer) -> None:  # noqa: F811
    """Filters look at the incidents, pages follow each other, and CSV has the same without formulas."""
    build(database_url, transformer)

    async def keys(gateway: Gateway, **parameters: Any) -> list[str]:
        answer = await gateway.client.get("/v1/follow-ups", params=parameters)
        assert answer.status_code == 200, answer.text
        return [follow_up["key"] for follow_up in answer.json()["follow_ups"]]

    async def ask(gateway: Gateway) -> None:
        assert await keys(gateway) == ["CHK-2", "CHK-1"]
        assert await keys(gateway, service="Service S2") == ["CHK-1"]
        assert await keys(gateway, service="S2", done="false") == []
        assert await keys(gateway, since="2026-04-10", until="2026-04-11") == ["CHK-2", "CHK-1"]
        assert await keys(gateway, since="2026-06-10") == []
        assert await keys(gateway, source="github") == []
        first = (await gateway.client.get("/v1/follow-ups", params={"limit": 1})).json()
        assert await keys(gateway, limit=1, cursor=first["next_cursor"]) == ["CHK-1"]
        text = await gateway.client.get("/v1/follow-ups", params={"format": "csv", "limit": 1})
        (row,) = csv.DictReader(io.StringIO(text.text))
        assert (row["key"], row["labels"], row["incidents"]) == ("CHK-2", "'=later", "PAGAIN2 key")
        assert text.headers["X-Next-Cursor"] == first["next_cursor"]
        timeless = cursors.encode(None, "CHK-1")  # one that lists with unknown times give
        for wrong in (
            {"cursor": "x"}, {"cursor": timeless}, {"done": "maybe"}, {"since": "soon"}, {"nothing": "1"},
            {"source": "x"}, {"since": "2026-03-02", "until": "2026-03-01"},
        ):  # fmt: skip
            answer = await gateway.client.get("/v1/follow-ups", params=wrong)
            assert (answer.status_code, list(answer.json())) == (422, ["detail"])

    over_http(database_url, ask)


def test_before_the_marts(database_url: str) -> None:  # noqa: F811
    """Before the marts are built an incident has no links, and there are no follow-ups."""

    async def ask(gateway: Gateway) -> None:
        assert (await gateway.client.get("/v1/incidents/1")).json()["links"] == []
        assert (await gateway.client.get("/v1/follow-ups")).json() == {"follow_ups": [], "next_cursor": None}

    over_http(database_url, ask)


def test_every_tracker_can_be_asked_for() -> None:
    """What `source` may be are the trackers of the dbt project."""
    project = yaml.safe_load((files("em_agent") / "warehouse" / "dbt_project.yml").read_text("utf-8"))
    assert list(get_args(Tracker)) == project["vars"]["trackers"]
