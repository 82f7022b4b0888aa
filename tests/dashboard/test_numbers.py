"""What the pages show is what the API answers."""

from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page

from tests.dashboard.conftest import Open
from tests.parts import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")


_TARGETS = {"acknowledge_within": "5m", "resolve_within": "1h"}  # what the pages have where nothing is said


async def _shown(page: Page, scope: str) -> dict[str, str]:
    """The exact values on the page by the names that the API has for them."""
    found: list[list[str]] = await page.locator(f"{scope} [data-metric]").evaluate_all(
        "all => all.map(one => [one.dataset.metric, one.dataset.value])"
    )
    return dict(found)


def _told(value: Any) -> str:
    return "" if value is None else str(value)


async def test_list(demo: Gateway, open_page: Open) -> None:
    """The list has the incidents of the API in its order, with its durations, whatever the filters and the order."""
    page = await open_page(demo)
    since, until = await _quarter(demo)
    for asked in (
        {"since": since, "until": until},
        {"since": since, "until": until, "urgency": "low", "sort": "-time_to_resolve_seconds"},
        {"since": since, "until": until, "service": "Checkout API", "sort": "number"},
        {"since": since, "until": until, "attribute_by": "resolved", "exclude_merged": "true", "sort": "-resolved_at"},
    ):
        answer = (await demo.client.get(f"/v1/incidents?{urlencode(asked)}")).json()
        assert answer["incidents"]
        await page.goto(f"/incidents?{urlencode(asked)}")
        rows = await page.locator("tr[data-incident]").all()
        for row, incident in zip(rows, answer["incidents"], strict=True):
            shown = await row.locator("[data-metric]").evaluate_all(
                "all => all.map(one => [one.dataset.metric, one.dataset.value])"
            )
            assert await row.get_attribute("data-incident") == incident["id"]
            assert dict(shown) == {
                name: _told(incident[name])
                for name, moment in (("time_to_acknowledge_seconds", "acknowledged_at"), ("time_to_resolve_seconds", "resolved_at"))
                if incident[moment]
            }  # fmt: skip


async def test_counts(demo: Gateway, open_page: Open) -> None:
    """The counts above the list are those of all its pages."""
    since, until = await _quarter(demo)
    page = await open_page(demo, f"/incidents?{urlencode({'since': since, 'until': until})}")
    group = await _group(demo, since=since, until=until)
    shown = await _shown(page, "p.counts")
    assert int(shown["incidents"]) == group["incidents"]
    assert int(shown["resolved"]) == group["resolved"]
    assert int(shown["triggered"]) + int(shown["acknowledged"]) == group["open"]


async def test_incident(demo: Gateway, open_page: Open) -> None:
    """An incident's figures, times, notes and steps are those of the API."""
    page = await open_page(demo)
    incidents = (await demo.client.get("/v1/incidents?limit=40&sort=-time_to_resolve_seconds")).json()["incidents"]
    chosen = {(one["status"], one["merged"], one["reopen_count"] > 0): one for one in incidents}
    for one in chosen.values():
        incident = (await demo.client.get(f"/v1/incidents/{one['id']}")).json()
        await page.goto(f"/incidents/{one['number']}")
        shown = await _shown(page, "#times")
        assert shown.items() <= {name: _told(value) for name, value in incident.items()}.items()
        assert ("time_to_resolve_seconds" in shown) == (incident["resolved_at"] is not None)
        assert await page.locator("ol.timeline > li").count() == len(incident["timeline"])
        notes = await page.locator("ul.notes blockquote").all_inner_texts()
        assert notes == [note["content"] for note in incident["notes"]]
        moments = await page.locator("#times tbody time").evaluate_all("all => all.map(one => one.dateTime)")
        told = [incident[name] for name in ("triggered_at", "acknowledged_at", "resolved_at") if incident[name]]
        assert [moment.replace("+00:00", "Z") for moment in moments] == told


async def test_completeness(demo: Gateway, open_page: Open) -> None:
    """Who told of the window's incidents is what the API says."""
    page = await open_page(demo, "/health?window=365d")
    asked = (await page.locator("#completeness a[href^='/incidents?']").first.get_attribute("href") or "").partition(
        "?"
    )[2]
    answer = (await demo.client.get(f"/v1/metrics/completeness?{asked}")).json()
    shown = await _shown(page, "#completeness")
    assert int(shown["incidents"]) > 0
    assert {name: int(value) for name, value in shown.items()} == {name: answer[name] for name in shown}


async def _quarter(gateway: Gateway) -> tuple[str, str]:
    """A window that holds all that was sent, and does not move with the clock."""
    incidents = (await gateway.client.get("/v1/incidents?limit=1")).json()["incidents"]
    return "2020-01-01", incidents[0]["triggered_at"].partition("T")[0]


async def _group(gateway: Gateway, **asked: str) -> dict[str, Any]:
    (group,) = (await gateway.client.get(f"/v1/metrics/incidents?{urlencode(asked)}")).json()["groups"]
    found: dict[str, Any] = group
    return found


async def test_overview(demo: Gateway, open_page: Open) -> None:
    """The overview's key figures are the API's, for all and for a filter."""
    since, until = await _quarter(demo)
    page = await open_page(demo)
    for filters in ({}, {"urgency": "high"}, {"team": "Payments", "service": "Checkout API"}):
        asked = {"since": since, "until": until, **filters}
        group = await _group(demo, **_TARGETS, **asked)
        await page.goto(f"/?{urlencode(asked)}")
        shown = await _shown(page, "#totals")
        assert group["incidents"] > 0
        assert {"incidents", "open", "time_to_acknowledge_seconds.median", "time_to_resolve_seconds.median"} <= set(
            shown
        )
        for name, value in shown.items():
            assert value == _told(_at(group, name)), name


async def test_services(demo: Gateway, open_page: Open) -> None:
    """Each row of the table of services is the API's group of that service."""
    since, until = await _quarter(demo)
    asked = urlencode({"since": since, "until": until, "group_by": "service", **_TARGETS})
    groups = (await demo.client.get(f"/v1/metrics/incidents?{asked}")).json()["groups"]
    by_name = {group["key"]["service"] or "": group for group in groups}
    page = await open_page(demo, f"/services?{urlencode({'since': since, 'until': until})}")
    rows = await page.locator("tr[data-service]").all()
    assert len(rows) == len(by_name) > 1
    for row in rows:
        group = by_name[await row.get_attribute("data-service") or ""]
        shown = await row.locator("[data-metric]").evaluate_all(
            "all => all.map(one => [one.dataset.metric, one.dataset.value])"
        )
        assert {"incidents", "open", "time_to_resolve_seconds.median"} <= {name for name, _ in shown}
        for name, value in shown:
            assert value == _told(_at(group, name)), name


def _at(group: dict[str, Any], name: str) -> Any:
    """The value at the path in the answer; what was within a target is shown as a share."""
    value: Any = group
    for moment in ("acknowledge", "resolve"):
        if name == f"{moment}d_within":
            known = group[f"time_to_{moment}_seconds"]["count"]
            return group[name] / known if known else None
    for part in name.split("."):
        value = value[part]
    return value
