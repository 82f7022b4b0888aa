"""Overview, services and DORA: numbers are the API's, each leads somewhere, and signing in works."""

import csv
import io
import re
from collections.abc import AsyncIterator
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.dashboard.conftest import KEY, NO_MODEL
from tests.parts import Gateway, gateway_on

pytestmark = pytest.mark.asyncio(loop_scope="session")

# The demo's quarter ends when it is made: this holds all of it, and is the same in every question.
WINDOW = "since=2020-01-01&until=2100-01-01"
QUARTER = "window=90d"


class _Read(HTMLParser):
    """What stands on a page: named numbers in their order, links, texts of panels by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.numbers: list[tuple[str, str]] = []
        self.links: list[str] = []
        self.scripts_or_styles = 0
        self._tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if metric := given.get("data-metric"):
            self.numbers.append((metric, given.get("data-value") or ""))
        if tag == "a":
            self.links.append(given.get("href") or "")
        inline = (tag == "script" and not given.get("src")) or tag == "style" or "style" in given
        self.scripts_or_styles += inline or any(name.startswith("on") for name in given)

    def number(self, metric: str) -> str:
        return next(value for name, value in self.numbers if name == metric)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(demo_url: str) -> AsyncIterator[Gateway]:
    """A gateway on the demo's data, for clients that are no browser."""
    async with gateway_on(demo_url, **NO_MODEL) as gateway:
        yield gateway


async def _open(gateway: Gateway, path: str) -> _Read:
    answer = await gateway.client.get(path)
    assert answer.status_code == 200, answer.text
    return _Read(answer.text)


async def _ask(gateway: Gateway, path: str) -> dict[str, Any]:
    answer = await gateway.client.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _exact(value: float | None) -> str:
    return "" if value is None else str(value)


@pytest.mark.parametrize(
    "filters", ["", "&urgency=high", "&service=Checkout+API", "&exclude_merged=true&attribute_by=resolved"]
)
async def test_key_figures_are_those_of_the_api(shop: Gateway, filters: str) -> None:
    """The overview's figures have the exact values of the API's answer to the same question."""
    page = await _open(shop, f"/?{WINDOW}{filters}&resolve_within=2h&acknowledge_within=300")
    api = (await _ask(shop, f"/v1/metrics/incidents?{WINDOW}{filters}&resolve_within=2h&acknowledge_within=300"))[
        "groups"
    ][0]
    assert api["incidents"] >= 5  # figures of something: how many there are follows the hour at which the demo ends
    assert page.number("incidents") == str(api["incidents"])
    assert page.number("open") == str(api["open"])
    for name in ("time_to_resolve_seconds", "time_to_acknowledge_seconds"):
        assert page.number(f"{name}.median") == _exact(api[name]["median"])
    assert page.number("resolved_within") == str(api["resolved_within"] / api["time_to_resolve_seconds"]["count"])


async def test_services_are_those_of_the_api(shop: Gateway) -> None:
    """The table of services has the API's groups, in the order asked for, whatever column that is."""
    groups = (await _ask(shop, f"/v1/metrics/incidents?{WINDOW}&group_by=service"))["groups"]
    for sort, metric in (("-incidents", "incidents"), ("resolve", "time_to_resolve_seconds.median"), ("-open", "open")):
        page = await _open(shop, f"/services?{WINDOW}&sort={sort}")
        shown = [float(value) for name, value in page.numbers if name == metric and value]
        name, _, statistic = metric.partition(".")
        told = [group[name][statistic] if statistic else group[name] for group in groups]
        assert shown == sorted((float(value) for value in told if value is not None), reverse=sort.startswith("-"))


async def test_delivery_is_that_of_the_api(shop: Gateway) -> None:
    """The page of DORA has the exact values of the API, for all and for each service, and as many deployments."""
    asked = f"{WINDOW}&environment=production&edition=2023"
    (told,) = (await _ask(shop, f"/v1/metrics/dora?{asked}"))["groups"]
    text = (await shop.client.get(f"/dora?{asked}")).text
    totals, _, rest = text.partition('id="by-service"')
    shown = _Read(totals).numbers
    assert len(shown) == 5
    assert told["deployment_frequency"]["deployments"] > 10
    assert shown == [(name, _exact(_value(told, name))) for name, _ in shown]
    by_service = {
        group["key"]["service"]: group
        for group in (await _ask(shop, f"/v1/metrics/dora?{asked}&group_by=service"))["groups"]
    }
    rows = re.findall(r'<tr data-service="([^"]*)">(.*?)</tr>', rest, re.DOTALL)
    assert [unescape(name) for name, _ in rows] == list(by_service)
    for name, row in rows:
        numbers = _Read(row).numbers
        assert len(numbers) == 6
        assert numbers == [(one, _exact(_value(by_service[unescape(name)], one))) for one, _ in numbers]
    behind = unescape(re.findall(r'href="(/dora[^"]+)#deployments"', rows[0][1])[0])
    listed = (await shop.client.get(behind)).text.partition('id="deployments"')[2]
    deployed = by_service[unescape(rows[0][0])]["deployment_frequency"]["deployments"]
    assert listed.count('<td class="when">') == min(deployed, 25)


def _value(group: dict[str, Any], name: str) -> float | None:
    """The value at the path in the group."""
    for part in name.split("."):
        group = group[part]
    return group  # type: ignore[return-value]


async def test_every_link_of_a_page_leads_somewhere(shop: Gateway) -> None:
    """Each link on the pages is answered: incidents behind numbers, services, CSV with the same parameters."""
    links: set[str] = set()
    for path in (
        f"/?{QUARTER}",
        f"/services?{QUARTER}",
        f"/dora?{QUARTER}",
        f"/services/{quote('Checkout API')}?{QUARTER}",
    ):
        links.update((await _open(shop, path)).links)
    kinds: dict[str, list[str]] = {}
    for link in sorted(links):
        if link.startswith("/"):
            kinds.setdefault(re.sub(r"=[^&]*", "=", link), []).append(link)
    for alike in kinds.values():
        assert (await shop.client.get(unescape(alike[0]))).status_code == 200, alike[0]


async def test_the_incidents_behind_a_number_are_as_many(shop: Gateway) -> None:
    """The list that a number leads to has as many incidents as the number says."""
    text = (await shop.client.get(f"/?{QUARTER}")).text
    found = re.findall(
        r'<a href="([^"]+)">\s*<span class="number" data-metric="(incidents|open)" data-value="(\d+)"', text
    )
    assert {metric for _, metric, _ in found} >= {"incidents"}
    for url, _, value in found:
        listed = await _ask(shop, "/v1" + unescape(url) + "&limit=500")
        assert len(listed["incidents"]) == int(value)


async def test_csv_beside_a_chart_is_the_chart(shop: Gateway) -> None:
    """The CSV beside a chart has the rows of the chart's table."""
    text = (await shop.client.get(f"/?{QUARTER}")).text
    figure = text.partition('id="time_to_resolve_seconds-chart"')[2].partition("</figure>")[0]
    told = re.findall(r'<td class="n"[^>]*data-value="([^"]*)"', figure)
    url = unescape(re.findall(r'<a class="csv" href="([^"]+)"', figure)[0])
    rows = list(csv.DictReader(io.StringIO((await shop.client.get(url)).text)))
    assert len(rows) > 10
    assert told[::2] == [row["time_to_resolve_seconds_median"] for row in rows]
    assert told[1::2] == [row["time_to_resolve_seconds_p90"] for row in rows]


async def test_headers_of_every_page(shop: Gateway) -> None:
    """Pages and errors have the strict policy, nothing inline, and are kept by nobody else."""
    for path, status in (
        ("/", 200),
        ("/services", 200),
        ("/dora", 200),
        ("/services/none", 404),
        ("/services/%00", 404),
        ("/incidents/%00", 404),
        ("/?window=x", 422),
        ("/ask/x", 404),
    ):
        answer = await shop.client.get(path)
        assert answer.status_code == status, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "private, no-cache"
        assert _Read(answer.text).scripts_or_styles == 0


async def test_static_files_are_kept_as_long_as_they_are_the_same(shop: Gateway) -> None:
    """A static file at its address with the hash may be kept for good, at another it is asked for again; one that is none is 404."""
    text = (await shop.client.get("/")).text
    address = re.findall(r'href="(/static/app\.css\?[^"]+)"', text)[0]
    kept = await shop.client.get(address)
    assert "immutable" in kept.headers["cache-control"]
    assert (await shop.client.get("/static/app.css")).headers["cache-control"] == "no-cache"
    assert (await shop.client.get(address, headers={"If-None-Match": kept.headers["etag"]})).status_code == 304
    for name in ("none.css", "..%2fsite.py", "%2e%2e/site.py"):
        assert (await shop.client.get(f"/static/{name}")).status_code == 404


async def test_a_page_that_is_the_same_is_not_sent_again(shop: Gateway) -> None:
    """Who asks again with the page's tag gets 304 while nothing changed."""
    path = "/?since=2020-01-01&until=2020-02-01"
    first = await shop.client.get(path)
    again = await shop.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code in {200, 304}
    assert again.status_code == 304 or "ago" in first.text


async def test_one_failed_panel_leaves_the_others(shop: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one question fails, its panel says so, and the others show what they have."""
    monkeypatch.setattr("em_agent.dashboard.pages.overview.count", _refuse)
    monkeypatch.setattr("em_agent.dashboard.pages.overview.find_page", _refuse)
    text = (await shop.client.get(f"/?{QUARTER}")).text
    assert text.count("This could not be loaded.") == 1
    assert 'data-metric="incidents"' in text


async def _refuse(*_: object) -> None:
    raise TimeoutError


async def test_signing_in_and_out(demo_url: str) -> None:
    """A wrong key opens nothing and is slowed down, a right one leads to the page that was wanted, until one signs out."""
    async with gateway_on(demo_url, EM_AGENT_API_KEYS=f"other,{KEY}", **NO_MODEL) as gateway:
        here = {"Origin": gateway.url}
        wanted = await gateway.client.get("/services?sort=open")
        assert wanted.headers["location"] == "/login?next=%2Fservices%3Fsort%3Dopen"
        form = await gateway.client.get(wanted.headers["location"])
        assert 'value="/services?sort=open"' in form.text
        wrong = await gateway.client.post("/login", data={"key": "wrong", "next": "/services"}, headers=here)
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
        assert (await gateway.client.post("/login", data={"key": KEY})).status_code == 403
        right = await gateway.client.post("/login", data={"key": KEY, "next": "/services?sort=open"}, headers=here)
        assert (right.status_code, right.headers["location"]) == (303, "/services?sort=open")
        cookie = right.headers["set-cookie"]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age="))
        assert KEY not in cookie
        assert (await gateway.client.get("/services?sort=open")).status_code == 200
        assert (await gateway.client.get("/v1/metrics/incidents?format=csv")).status_code == 200
        left = await gateway.client.post("/logout", headers=here)
        assert left.headers["location"] == "/login"
        assert (await gateway.client.get("/services")).status_code == 303


async def test_guessing_is_slow(demo_url: str) -> None:
    """After five wrong keys even a right one has to wait."""
    async with gateway_on(demo_url, EM_AGENT_API_KEYS=KEY, **NO_MODEL) as gateway:
        here = {"Origin": gateway.url}
        for _ in range(5):
            assert (await gateway.client.post("/login", data={"key": "guess"}, headers=here)).status_code == 401
        slowed = await gateway.client.post("/login", data={"key": KEY}, headers=here)
        assert slowed.status_code == 429
        assert 0 < int(slowed.headers["retry-after"]) <= 60


async def test_nobody_is_led_elsewhere(demo_url: str) -> None:
    """Signing in leads to a page of ours, whatever the link said."""
    async with gateway_on(demo_url, EM_AGENT_API_KEYS=KEY, **NO_MODEL) as gateway:
        here = {"Origin": gateway.url}
        for wanted in (
            "//evil.example.com",
            "https://evil.example.com/",
            "/\\evil.example.com",
            "javascript:1",
            "",
            "x",
            "/\tx",
        ):
            right = await gateway.client.post("/login", data={"key": KEY, "next": wanted}, headers=here)
            assert right.headers["location"] == "/", wanted
