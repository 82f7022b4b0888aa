"""`GET /v1/incidents`: filters, orders, pages without gaps or doubles, and one incident with its story."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from em_agent.domain.incidents import IncidentEvent, Note, Ref, Snapshot
from em_agent.incidents import store
from em_agent.incidents.query import SORT_COLUMNS
from em_agent.kit.postgres import Pool
from tests.domain.test_incidents import ADA, BO, MERGED, ev, t
from tests.parts import Gateway, gateway_on

SERVICES = (Ref("S1", "Checkout"), Ref("S2", "Production Database"), None)
COUNT = 23


def _of(number: int, events: list[IncidentEvent]) -> list[IncidentEvent]:
    return [
        replace(event, event_id=100 * number + place, incident_id=f"P{number:02d}")
        for place, event in enumerate(events)
    ]


def _history(number: int) -> list[IncidentEvent]:
    """An incident whose facts follow from its number; some are unknown."""
    snapshot = Snapshot(
        number=number if number % 5 else None,
        title=f"Incident {number}",
        urgency="high" if number % 2 else "low",
        service=SERVICES[number % 3],
        teams=(Ref("T1", "Storage"), Ref("T2", "Web")) if number % 4 == 0 else (Ref("T2", "Web"),),
        priority=Ref("PR1", "P1") if number % 3 == 1 else None,
        is_priority_stated=True,
    )
    start = 3600.0 * (number // 2)  # two at a time, so that orders have ties
    events = [] if number == 7 else [ev("triggered", start, snapshot=snapshot)]
    if number % 3 or number == 7:
        events.append(ev("acknowledged", start + 60 * (number % 4), snapshot=snapshot))
    if number % 4 != 3:
        events.append(ev("resolved", start + 600 * (1 + number % 3), snapshot=MERGED if number % 6 == 5 else snapshot))
    return _of(number, events)


@pytest.fixture
async def gateway(database_url: str, pool: Pool) -> AsyncIterator[Gateway]:
    """A gateway on a database with some incidents."""
    async with pool.acquire() as connection:
        await store.apply(connection, [event for number in range(COUNT) for event in _history(number)])
    async with gateway_on(database_url) as opened:
        yield opened


async def _all(gateway: Gateway, **parameters: Any) -> list[dict[str, Any]]:
    """Every incident of every page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await gateway.client.get("/v1/incidents", params={**parameters, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["incidents"]
        if page["next_cursor"] is None:
            return found
        assert len(page["incidents"]) == int(parameters.get("limit", 50))
        cursor = {"cursor": page["next_cursor"]}


async def test_pages(gateway: Gateway) -> None:
    """For every order and size of page, the pages together have each incident once, in order, unknown values last."""
    for column in SORT_COLUMNS:
        for sort in (column, f"-{column}"):
            for limit in (1, 4, COUNT, COUNT + 1):
                found = await _all(gateway, sort=sort, limit=limit)
                assert sorted(each["id"] for each in found) == [f"P{n:02d}" for n in range(COUNT)], (sort, limit)
                values = [each[column] for each in found]
                known = [value for value in values if value is not None]
                assert known == sorted(known, reverse=sort.startswith("-")), sort
                assert values == known + [None] * (len(values) - len(known)), sort


async def test_filters(gateway: Gateway) -> None:
    """Each filter, by id or name, alone and repeated, gives those incidents which have the value, and no other."""
    everything = await _all(gateway)
    assert await _all(gateway, service="S1") == await _all(gateway, service="Checkout")
    assert await _all(gateway, team="T1") == await _all(gateway, team="Storage")
    assert await _all(gateway, priority="PR1") == await _all(gateway, priority="P1")

    async def check(keeps: Any, **parameters: Any) -> None:
        expected = [each["id"] for each in everything if keeps(each)]
        assert expected, parameters
        assert [each["id"] for each in await _all(gateway, **parameters)] == expected, parameters

    await check(lambda each: (each["service"] or {}).get("id") == "S2", service="Production Database")
    await check(lambda each: each["service"] is not None, service=["S1", "Production Database"])
    await check(lambda each: "Storage" in each["teams"], team="Storage")
    await check(lambda each: each["urgency"] == "high", urgency="high")
    await check(lambda each: each["priority"] == "P1", priority="P1")
    await check(lambda each: each["status"] == "resolved", status="resolved")
    await check(lambda each: each["status"] != "resolved", status=["triggered", "acknowledged"])
    await check(lambda each: not each["merged"], exclude_merged="true")
    await check(
        lambda each: each["urgency"] == "high" and each["status"] == "resolved", urgency="high", status="resolved"
    )
    assert await _all(gateway, service="nobody's") == []


async def test_windows(gateway: Gateway) -> None:
    """A window holds its begin and not its end, by the trigger or by the resolution, in any way a time is written."""
    everything = await _all(gateway)
    begin, end = "2026-03-01T12:00:00Z", "2026-03-01T15:00:00Z"
    for column, parameters in (("triggered_at", {}), ("resolved_at", {"attribute_by": "resolved"})):
        expected = [each["id"] for each in everything if each[column] and begin <= each[column] < end]
        assert expected
        assert [each["id"] for each in await _all(gateway, since=begin, until=end, **parameters)] == expected
    same = {"since": "2026-03-01T13:00:00+01:00", "until": "2026-03-01T16:00:00+01:00"}
    assert await _all(gateway, **same) == await _all(gateway, since=begin, until=end)
    assert len(await _all(gateway, since="2026-03-01", until="2026-03-02", timezone="Pacific/Auckland")) < COUNT
    assert len(await _all(gateway, since="0001-01-01T00:00:00Z", until="9999-12-31T23:59:59.999999Z")) == COUNT - 1


async def test_cursors_of_other_orders(gateway: Gateway) -> None:
    """A cursor of another order is refused or gives a page, and never fails."""
    orders = [sort for column in SORT_COLUMNS for sort in (column, f"-{column}")]
    for one in orders:
        cursor = (await gateway.client.get("/v1/incidents", params={"sort": one, "limit": 2})).json()["next_cursor"]
        for other in orders:
            answer = await gateway.client.get("/v1/incidents", params={"sort": other, "cursor": cursor})
            assert answer.status_code in {200, 422}


async def test_one_incident(gateway: Gateway, pool: Pool) -> None:
    """An incident is found by its id, its number, and its number as people write it; its story is in order."""
    events = [
        ev("triggered", 0, snapshot=Snapshot(number=4242, title="Story", assignees=(ADA,))),
        ev("annotated", 30, note=Note("N1", "cause: disk", is_trimmed=True), text="cause: disk", snapshot=None),
        ev("resolved", 30, snapshot=Snapshot(assignees=())),
        ev("acknowledged", 30, snapshot=None),
    ]
    async with pool.acquire() as connection:
        await store.apply(connection, _of(99, events))
    found = (await gateway.client.get("/v1/incidents/P99")).json()
    for name in ("4242", "%234242"):
        assert (await gateway.client.get(f"/v1/incidents/{name}")).json() == found
    assert [entry["type"] for entry in found["timeline"]] == ["triggered", "acknowledged", "annotated", "resolved"]
    assert {entry["from"] for entry in found["timeline"]} == {"webhook"}
    assert found["events"] == [9900, 9901, 9902, 9903]
    (note,) = found["notes"]
    assert (note["content"], note["author"], note["trimmed"]) == ("cause: disk", "Ada", True)
    assert found["assignees"] == []
    assert (found["status"], found["time_to_resolve_seconds"]) == ("resolved", 30)
    summary = next(each for each in (await _all(gateway)) if each["id"] == "P99")
    assert {name: found[name] for name in summary} == summary
    assert found["triggered_at"] == t(0).isoformat().replace("+00:00", "Z")


async def test_told_by_both(gateway: Gateway, pool: Pool) -> None:
    """What webhook and API both tell is shown once, with where each time is from; both events are named."""

    def entry(kind: str, seconds: float, **fields: Any) -> IncidentEvent:
        return replace(ev(kind, seconds, f"R{kind}{seconds}", **fields), source="pagerduty_api", snapshot=None)

    note = replace(
        ev("annotated", 30, "P98:note", note=Note("N1", "cause: disk full", is_trimmed=False), actor=BO, snapshot=None),
        source="pagerduty_snapshot",
    )
    events = [
        ev("triggered", 0, snapshot=Snapshot(number=4243)), entry("triggered", 1), entry("acknowledged", 20), note,
        entry("annotated", 30), entry("resolved", 60), entry("resolved", 90),
        replace(ev("observed", 99, "P98:x", snapshot=Snapshot(title="Seen")), source="pagerduty_snapshot"),
    ]  # fmt: skip
    async with pool.acquire() as connection:
        await store.apply(connection, _of(98, events))
    found = (await gateway.client.get("/v1/incidents/P98")).json()
    assert [(entry["type"], entry["from"]) for entry in found["timeline"]] == [
        ("triggered", "webhook"), ("acknowledged", "api"), ("annotated", "api"), ("resolved", "api"), ("resolved", "api"),
    ]  # fmt: skip
    assert found["sources"] == {"triggered_at": "webhook", "acknowledged_at": "api", "resolved_at": "api"}
    assert len(found["events"]) == len(events)
    assert [(note["content"], note["author"]) for note in found["notes"]] == [("cause: disk full", "Bo")]
    assert (found["title"], found["reopen_count"], found["active_seconds"]) == ("Seen", 1, None)
    assert [(episode["started_by"], episode["started_at"] is None) for episode in found["episodes"]] == [
        ("triggered", False), ("unseen", True),
    ]  # fmt: skip


async def test_renamed(gateway: Gateway, pool: Pool) -> None:
    """A service's incidents from before its new name are found by that name, and by the old one."""
    renamed = Snapshot(service=Ref("S1", "Shop"), priority=Ref("PR1", "SEV-1"), is_priority_stated=True)
    async with pool.acquire() as connection:
        await store.apply(connection, _of(90, [ev("triggered", 9.0, snapshot=renamed)]))
    for names in (("Shop", "SEV-1"), ("Checkout", "P1"), ("S1", "PR1")):
        found = {row["id"] for row in await _all(gateway, service=names[0])}
        assert found == {"P90", *(f"P{number:02d}" for number in range(COUNT) if number % 3 == 0)}
        assert "P90" in {row["id"] for row in await _all(gateway, priority=names[1])}


async def test_unknown_parameter(gateway: Gateway) -> None:
    """A parameter that does not exist is refused rather than ignored, since the answer would be to another question."""
    answer = await gateway.client.get("/v1/incidents", params={"servise": "Checkout"})
    assert answer.status_code == 422
    assert "servise" in answer.json()["detail"]
