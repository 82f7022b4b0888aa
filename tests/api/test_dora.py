"""The DORA metrics, deployments and links by hand over HTTP."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from em_agent.domain.incidents import Snapshot
from em_agent.incidents import store
from em_agent.kit.postgres import Pool
from tests.delivered import Broken, Deployed, World, build
from tests.domain.test_incidents import ev
from tests.marts import bare_url as database_url  # noqa: F401
from tests.parts import Gateway, gateway_on

PATH = "/v1/metrics/dora"
DAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = {"since": "2026-03-02", "until": "2026-03-12"}
WORLD = World(
    [
        Deployed(id="d-1", service="Checkout", finished_at=DAY + HOUR, leads=(3600.0, 7200.0)),
        Deployed(id="d-2", service="Checkout", finished_at=DAY + 30 * HOUR),
        Deployed(id="d-3", service="Search", finished_at=DAY + 40 * HOUR),
        Deployed(id="r-3", service="Search", finished_at=DAY + 41 * HOUR, kind="rollback", rollback_of="d-3"),
        Deployed(id="d-4", service="Search", finished_at=None, started_at=DAY + 50 * HOUR, status="in_progress"),
        Deployed(id="s-1", service="Search", environment="staging", finished_at=DAY),
    ],
    [
        Broken(
            id="P1",
            number=7,
            deployment="d-1",
            triggered_at=DAY + 2 * HOUR,
            resolved_at=DAY + 3 * HOUR,
            confidence=0.55,
        ),
        Broken(id="P2", number=8, triggered_at=DAY + 60 * HOUR),
    ],
    as_of=DAY + 100 * HOUR,
)


@pytest.fixture
async def gateway(database_url: str, pool: Pool) -> AsyncIterator[Gateway]:  # noqa: F811
    """A gateway on a database with some deployments, and the two incidents."""
    async with pool.acquire() as connection:
        await build(connection, WORLD)
        for place, (incident_id, number) in enumerate((("P1", 7), ("P2", 8)), 1):
            event = ev("triggered", 0, snapshot=Snapshot(number=number, title="It broke"))
            await store.apply(connection, [replace(event, event_id=place, incident_id=incident_id)])
    async with gateway_on(database_url) as opened:
        yield opened


async def _get(gateway: Gateway, path: str, **parameters: Any) -> Any:
    answer = await gateway.client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _span(value: float | None = None, count: int = 0, band: str | None = None) -> dict[str, Any]:
    return {"count": count, **dict.fromkeys(("mean", "median", "p75", "p90", "p95"), value), "band": band}


async def test_the_shape(gateway: Gateway) -> None:
    """The answer has exactly the documented fields, and null for what is unknown."""
    answer = await _get(gateway, PATH, **WINDOW, group_by="service")
    assert answer == {
        "since": "2026-03-02T00:00:00Z", "until": "2026-03-12T00:00:00Z", "timezone": "UTC", "edition": "2023",
        "as_of": "2026-03-06T04:00:00Z",
        "groups": [
            {
                "key": {"service": "Checkout"},
                "deployment_frequency": {
                    "deployments": 2, "per_day": 0.2, "median_deploy_days_per_week": 1.0, "band": "high"
                },
                "lead_time_for_changes_seconds": {
                    "count": 2, "mean": 5400.0, "median": 5400.0, "p75": 6300.0, "p90": 6840.0, "p95": 7020.0,
                    "band": "elite",
                },
                "change_failure_rate": {
                    "failed": 1, "deployments": 2, "ratio": 0.5,
                    "by_method": {"manual": 0, "explicit": 0, "rollback": 0, "window": 1}, "band": "low",
                },
                "failed_deployment_recovery_time_seconds": _span(7200.0, 1, "high"),
                "deployment_rework_rate": {"rework": 0, "deployments": 2, "ratio": 0.0},
                "links": [{"incident": "P1", "deployment": "d-1", "method": "window", "confidence": 0.55}],
            },
            {
                "key": {"service": "Search"},
                "deployment_frequency": {
                    "deployments": 2, "per_day": 0.2, "median_deploy_days_per_week": 0.5, "band": "high"
                },
                "lead_time_for_changes_seconds": _span(),
                "change_failure_rate": {
                    "failed": 1, "deployments": 2, "ratio": 0.5,
                    "by_method": {"manual": 0, "explicit": 0, "rollback": 1, "window": 0}, "band": "low",
                },
                "failed_deployment_recovery_time_seconds": _span(3600.0, 1, "high"),
                "deployment_rework_rate": {"rework": 1, "deployments": 2, "ratio": 0.5},
                "links": [],
            },
        ],
    }  # fmt: skip
    empty = await _get(gateway, PATH, since="2026-01-01", until="2026-01-02")
    assert empty["groups"] == [
        {
            "key": {},
            "deployment_frequency": {
                "deployments": 0, "per_day": None, "median_deploy_days_per_week": None, "band": None
            },
            "lead_time_for_changes_seconds": _span(),
            "change_failure_rate": {
                "failed": 0, "deployments": 0, "ratio": None,
                "by_method": {"manual": 0, "explicit": 0, "rollback": 0, "window": 0}, "band": None,
            },
            "failed_deployment_recovery_time_seconds": _span(),
            "deployment_rework_rate": {"rework": 0, "deployments": 0, "ratio": None},
            "links": [],
        }
    ]  # fmt: skip


async def test_the_edition_of_2025_has_scores(gateway: Gateway) -> None:
    """It has no bands, but scores, and the means that were published with them."""
    answer = await _get(gateway, PATH, **WINDOW, edition="2025", compare="previous")
    (group,) = answer["groups"]
    assert group["deployment_frequency"]["band"] is None
    assert [group[name]["score"] for name in group if name not in {"key", "links", "score"}] == [6, 8, 5, 8, 7.5]
    assert group["score"] == pytest.approx(6.9)
    assert answer["published_means"]["name"] == "All industries, 2025"
    assert answer["previous"]["groups"][0]["score"] is None


BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"edition": "2024"}, "2023 or 2025"),
    ({"group_by": "team"}, "group_by"),
    ({"urgency": "medium"}, "urgency"),
    ({"environment": "a\x00"}, "NUL"),
    ({"since": "yesterday"}, "since"),
    ({"timezone": "Mars/Olympus"}, "timezone"),
    ({"clock": "received"}, "clock"),
    ({"since": "0001-01-01T00:00:00Z", "until": "0001-02-01", "timezone": "America/Lima"}, "calendar"),
    ({"since": "1900-01-01", "group_by": "day"}, "4000"),
)


async def test_a_bad_parameter_is_named(gateway: Gateway) -> None:
    """A wrong parameter is 422 with one sentence that names it."""
    for parameters, word in BAD:
        answer = await gateway.client.get(PATH, params=parameters)
        assert answer.status_code == 422, parameters
        assert word in answer.json()["detail"]


async def test_every_time_zone(gateway: Gateway) -> None:
    """PostgreSQL knows the names of time zones that are taken, and weeks are those of the zone."""
    for zone in ("Europe/Berlin", "America/Argentina/ComodRivadavia", "Pacific/Chatham", "UTC"):
        assert len((await _get(gateway, PATH, **WINDOW, timezone=zone))["groups"]) == 1


async def test_csv(gateway: Gateway) -> None:
    """A row for each group, a column for each figure."""
    answer = await gateway.client.get(PATH, params={**WINDOW, "group_by": "service", "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    checkout, search = csv.DictReader(io.StringIO(answer.text))
    assert (checkout["service"], checkout["deployment_frequency_deployments"]) == ("Checkout", "2")
    assert checkout["change_failure_rate_by_method_window"] == "1"
    assert search["lead_time_for_changes_seconds_median"] == ""
    assert not [name for name in checkout if name.endswith("score")]


async def _say(gateway: Gateway, incident: str, body: object) -> Any:
    return await gateway.client.put(f"/v1/incidents/{incident}/deployment", json=body)


async def test_links_by_hand(gateway: Gateway, pool: Pool) -> None:
    """What is said by hand shows at once in the metrics and on the incident, and can be taken back."""
    url = "https://ci.example.com/d-2"
    said = await _say(gateway, "8", {"deployment": "d-2", "caused_by_change": True})
    assert said.json() == {
        "incident": "P2", "deployment": "d-2", "method": "manual", "confidence": 1.0, "url": url, "caused_by_change": True
    }  # fmt: skip
    (group,) = (await _get(gateway, PATH, **WINDOW, service="checkout"))["groups"]
    assert group["change_failure_rate"]["by_method"] == {"manual": 1, "explicit": 0, "rollback": 0, "window": 1}
    assert (await _get(gateway, "/v1/incidents/P2"))["deployment"] == {
        "deployment": "d-2", "method": "manual", "confidence": 1.0, "url": url
    }  # fmt: skip

    none = await _say(gateway, "P1", {"deployment": None, "caused_by_change": False})
    assert none.json() == {
        "incident": "P1", "deployment": None, "method": None, "confidence": None, "url": None, "caused_by_change": False
    }  # fmt: skip
    (group,) = (await _get(gateway, PATH, **WINDOW, service="checkout"))["groups"]
    assert [link["incident"] for link in group["links"]] == ["P2"]
    assert (await _get(gateway, "/v1/incidents/P1"))["deployment"] is None

    back = await _say(gateway, "%237", {"deployment": None, "caused_by_change": True})
    assert (back.json()["deployment"], back.json()["method"], back.json()["caused_by_change"]) == (
        "d-1",
        "window",
        None,
    )
    by_key = await _say(gateway, "P1", {"deployment": "deployment:d-2"})
    assert by_key.json()["deployment"] == "d-2"


REFUSED: tuple[tuple[str, object, int, str], ...] = (
    ("P9", {"deployment": "d-1"}, 404, "P9"),
    ("P1", {"deployment": "d-9"}, 404, "d-9"),
    ("P1", {"deployment": "twin"}, 422, "github:twin"),
    ("P1", {"deployment": 7}, 422, "deployment"),
    ("P1", {"deployment": ""}, 422, "deployment"),
    ("P1", {"deployment": "a\x00"}, 422, "NUL"),
    ("P1", {"deployment": "d-1", "caused_by_change": "yes"}, 422, "caused_by_change"),
    ("P1", {"deployment": "d-1", "sure": True}, 422, "sure"),
    ("P1", {}, 422, "caused_by_change"),
    ("P1", [], 422, "body"),
)


async def test_what_cannot_be_said(gateway: Gateway, pool: Pool) -> None:
    """What does not exist is 404, what cannot be understood 422, each with a sentence; nothing is written."""
    for key in ("github:twin", "deployment:twin"):
        await pool.execute(
            "INSERT INTO warehouse.fct_deployments (deployment_key, deployment_id) VALUES ($1, 'twin')", key
        )
    for incident, body, status, word in REFUSED:
        answer = await _say(gateway, incident, body)
        assert answer.status_code == status, body
        assert word in answer.json()["detail"]
    assert await pool.fetchval("SELECT count(*) FROM incident_deployments_by_hand") == 0


async def test_deployments_are_listed(gateway: Gateway) -> None:
    """Newest first, in pages without gaps, each with its incidents, what rolled it back and the commits it brought."""
    pages: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await _get(gateway, "/v1/deployments", limit=1, **cursor)
        pages += answer["deployments"]
        if answer["next_cursor"] is None:
            break
        cursor = {"cursor": answer["next_cursor"]}
    assert [page["id"] for page in pages] == ["r-3", "d-3", "d-2", "d-1"]
    assert pages[3] == {
        "id": "d-1", "key": "deployment:d-1", "source": "deployment", "service": "Checkout", "repository": None,
        "environment": "production", "sha": None, "status": "success", "kind": "planned", "started_at": None,
        "finished_at": "2026-03-02T01:00:00Z", "rollback_of": None, "url": "https://ci.example.com/d-1", "commits": 2,
        "median_lead_time_seconds": 5400.0, "failed": True, "recovery_seconds": 7200.0, "rolled_back_by": [],
        "incidents": [
            {
                "incident": "P1", "number": 7, "title": "It broke", "status": "resolved", "method": "window",
                "confidence": 0.55,
            }
        ],
    }  # fmt: skip
    assert (pages[1]["rolled_back_by"], pages[1]["failed"], pages[1]["recovery_seconds"]) == (["r-3"], True, 3600.0)
    assert (pages[0]["rollback_of"], pages[0]["failed"], pages[0]["commits"]) == ("d-3", False, 0)
    assert pages[0]["median_lead_time_seconds"] is None

    async def ids(**parameters: Any) -> list[str]:
        return [each["id"] for each in (await _get(gateway, "/v1/deployments", **parameters))["deployments"]]

    assert await ids(status=["success", "in_progress"], service="search") == ["d-4", "r-3", "d-3"]
    assert await ids(status="in_progress", limit=1) == ["d-4"]
    assert await ids(environment="STAGING") == ["s-1"]
    assert await ids(since="2026-03-03", until="2026-03-03T12:00:00Z") == ["d-2"]
    low = await _get(gateway, "/v1/deployments", urgency="low")
    assert not any(each["incidents"] for each in low["deployments"])
    table = await gateway.client.get("/v1/deployments", params={"format": "csv", "limit": 3})
    lines = list(csv.DictReader(io.StringIO(table.text)))
    assert [line["id"] for line in lines] == ["r-3", "d-3", "d-2"]
    rest = await gateway.client.get(
        "/v1/deployments", params={"format": "csv", "cursor": table.headers["X-Next-Cursor"]}
    )
    (line,) = csv.DictReader(io.StringIO(rest.text))
    assert (line["id"], line["incidents"]) == ("d-1", "P1 window")


async def test_a_list_that_cannot_be_had(gateway: Gateway) -> None:
    """A cursor that is none of ours, and a value that there is not, are 422."""
    cases: list[dict[str, Any]] = [
        {"cursor": "x"}, {"cursor": "WyJ4IiwgInkiXQ=="}, {"cursor": "W251bGwsInkiXQ=="}, {"limit": 0}, {"status": "done"},
        {"since": "2026-03-02", "until": "2026-03-01"},
    ]  # fmt: skip
    for parameters in cases:
        answer = await gateway.client.get("/v1/deployments", params=parameters)
        assert answer.status_code == 422, parameters
        assert next(iter(parameters)) in answer.json()["detail"]


async def test_before_the_marts_are_built(gateway: Gateway, pool: Pool) -> None:
    """Without marts nothing fails: there are no deployments."""
    await pool.execute("DROP SCHEMA warehouse CASCADE")
    assert (await _get(gateway, "/v1/deployments"))["deployments"] == []
    assert (await _get(gateway, PATH))["groups"][0]["deployment_frequency"]["deployments"] == 0
    assert (await _get(gateway, "/v1/incidents/P1"))["deployment"] is None
    assert (await _say(gateway, "P1", {"deployment": "d-1"})).status_code == 404
    assert (await _say(gateway, "P1", {"caused_by_change": False})).json()["caused_by_change"] is False
