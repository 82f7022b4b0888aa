"""`POST /crawl/pagerduty` and `GET /v1/crawls`, as a caller sees them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from em_agent.app import build_connectors
from em_agent.services import open_connectors
from em_agent.settings import load_settings
from tests.connectors.conftest import Stand
from tests.fake_pagerduty import ADMIN, Token, fail, say
from tests.parts import NO_NATS, gateway_on, serving


@asynccontextmanager
async def connectors_on(stand: Stand, **environment: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the connectors service."""
    base = {"DATABASE_URL": stand.database_url, "NATS_URL": NO_NATS, "PAGERDUTY_API_URL": stand.fake.url}
    settings = load_settings({**base, "PAGERDUTY_API_TOKEN": ADMIN, **environment})
    async with open_connectors(settings) as services, serving(build_connectors(services)) as url:
        async with httpx2.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
            yield client


async def test_crawl(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    """It answers what it indexed, whatever the body's type says, and a line of the log says so too."""
    async with connectors_on(stand) as client:
        answer = await client.post("/crawl/pagerduty", content=b'{"limit": 25}', headers={"content-type": "text/plain"})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["indexed"], body["fetched"], body["unchanged"], body["failed"]) == (25, 25, 0, 0)
        assert body["requests"] == stand.fake.count
        again = (await client.post("/crawl/pagerduty", json={"limit": 25, "statuses": None})).json()
        assert (again["indexed"], again["unchanged"]) == (25, 25)
        runs = (await client.get("/v1/crawls")).json()["crawls"]
        assert [run["id"] for run in runs] == [again["run"], body["run"]]
    assert "indexed 25 documents" in capsys.readouterr().out
    async with gateway_on(stand.database_url) as gateway:
        one = (await gateway.client.get(f"/v1/crawls/{body['run']}")).json()
        assert (one["state"], one["mode"], one["requests"]) == ("done", "selection", body["requests"])
        assert one["parameters"]["limit"] == 25
        assert (await gateway.client.get("/v1/crawls/99")).status_code == 404
        assert (await gateway.client.get("/v1/crawls?limit=1")).json()["crawls"] == runs[:1]
        found = (await gateway.client.post("/v1/rag/search", json={"q": stand.fake.account.by_time[-1].title})).json()
        assert stand.fake.account.by_time[-1].id in json.dumps(found)


async def test_no_body(stand: Stand) -> None:
    """Without a body the newest hundred are read."""
    async with connectors_on(stand) as client:
        assert (await client.post("/crawl/pagerduty")).json()["indexed"] == 100


BAD = {
    b"{": "JSON",
    b"[]": "object",
    b"\xff": "JSON",
    b'{"limit": 0}': "limit",
    b'{"limit": true}': "limit",
    b'{"limit": "25"}': "limit",
    b'{"limit": 1e3}': "limit",
    b'{"limit": 99999999999999999999999}': "limit",
    b'{"statuses": "open"}': "statuses",
    b'{"statuses": ["open"]}': "statuses",
    b'{"statuses": [["resolved"]]}': "statuses",
    b'{"since": "yesterday"}': "since",
    b'{"until": 5}': "until",
    b'{"since": "2026-02-01", "until": "2026-01-01"}': "since",
    b'{"since": "0001-01-01"}': "since",
    b'{"all": 1}': "all",
    b'{"alerts": "yes"}': "alerts",
    b'{"limits": 5}': "limits",
}


async def test_wrong_bodies(stand: Stand) -> None:
    """A body that cannot be understood is 422 with the field's name, and PagerDuty is not asked."""
    async with connectors_on(stand) as client:
        for body, name in BAD.items():
            answer = await client.post("/crawl/pagerduty", content=body)
            assert answer.status_code == 422, body
            assert name in answer.json()["detail"], (body, answer.text)
        assert (await client.post("/crawl/pagerduty", content=b" " * 100_000)).status_code == 413
    assert stand.fake.count == 0


async def test_tokens(stand: Stand) -> None:
    """No token is 400, a refused one 401, one without the right 403; each names what to mend."""
    async with connectors_on(stand, PAGERDUTY_API_TOKEN="") as client:
        answer = await client.post("/crawl/pagerduty")
        assert (answer.status_code, "PAGERDUTY_API_TOKEN" in answer.text) == (400, True)
    async with connectors_on(stand, PAGERDUTY_API_TOKEN="not-a-real-token") as client:
        answer = await client.post("/crawl/pagerduty")
        assert (answer.status_code, "PAGERDUTY_API_TOKEN" in answer.text) == (401, True)
        assert "not-a-real-token" not in answer.text
    stand.fake.tokens[ADMIN] = Token(forbidden=("/incidents",))
    async with connectors_on(stand) as client:
        answer = await client.post("/crawl/pagerduty")
        assert (answer.status_code, "/incidents" in answer.text) == (403, True)


async def test_keys(stand: Stand) -> None:
    """Where keys are set, a crawl asks for one."""
    async with connectors_on(stand, EM_AGENT_API_KEYS="key") as client:
        assert (await client.post("/crawl/pagerduty")).status_code == 401
        headers = {"Authorization": "Bearer key"}
        assert (await client.post("/crawl/pagerduty", content=b'{"limit": 1}', headers=headers)).status_code == 200


async def test_upstream_down(stand: Stand) -> None:
    """When PagerDuty does not answer, it is 503 with the time to come again; refusing the question, 502."""
    stand.fake.faults = [fail(503, path="/incidents", times=1000)]
    async with connectors_on(stand) as client:
        answer = await client.post("/crawl/pagerduty")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        stand.fake.faults = [say(400, b'{"error": {"message": "Invalid", "code": 2001}}', path="/incidents")]
        answer = await client.post("/crawl/pagerduty", json={"limit": 7})
        assert (answer.status_code, "Invalid" in answer.text) == (502, True)
