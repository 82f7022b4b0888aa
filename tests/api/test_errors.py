"""One error shape on every route, whatever the error."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.parts import Gateway, gateway_on

KEYS = ("first-key", "second-key")


@pytest.fixture
async def gateway(database_url: str) -> AsyncIterator[Gateway]:
    """A gateway without keys, on loopback."""
    async with gateway_on(database_url) as opened:
        yield opened


@pytest.fixture
async def locked(database_url: str) -> AsyncIterator[Gateway]:
    """A gateway with keys."""
    async with gateway_on(database_url, EM_AGENT_API_KEYS=" , ".join(KEYS)) as opened:
        yield opened


async def routes(gateway: Gateway) -> list[tuple[str, str]]:
    """Method and path of each operation of the API's description, with something in the place of parameters."""
    paths: dict[str, dict[str, Any]] = (await gateway.client.get("/openapi.json")).json()["paths"]
    filled = {
        path: path.replace("{source}", "pagerduty").replace("{dead_letter_id}", "7").replace("{document_id}", "none")
        for path in paths
    }
    return [
        (method.upper(), filled[path].replace("{id_or_number}", "PNONE"))
        for path, operations in paths.items()
        for method in operations
    ]


def check(answer: Any, status: int) -> None:
    """It is an error with that status, in the common shape."""
    assert answer.status_code == status, (answer.request.url, answer.text)
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["detail"], answer.text
    assert isinstance(answer.json()["detail"], str)
    assert answer.json()["detail"]


async def test_no_such_page(gateway: Gateway) -> None:
    """What does not exist is 404."""
    for path in (
        "/nothing",
        "/v1",
        "/v1/nothing",
        "/v1/incidents/PNONE",
        "/v1/incidents/%2399",
        "/webhooks/nobody",
        "/crawl/x",
    ):
        check(await gateway.client.get(path), 404)
    check(await gateway.client.post("/v1/dead-letters/7/replay"), 404)


async def test_wrong_methods(gateway: Gateway) -> None:
    """A method that a route does not have is 405 and names those it has."""
    for method, path in await routes(gateway):
        for other in {"GET", "POST", "PUT", "DELETE", "PATCH"} - {method}:
            answer = await gateway.client.request(other, path)
            check(answer, 405)
            assert method in answer.headers["allow"]


async def test_bodies_over_the_limit(gateway: Gateway) -> None:
    """A body that is too long is 413 on every route, whether its length is announced or not; none of it is parsed."""
    mebibyte = b" " * (1 << 20)
    for path, most in (("/v1/rag/search", 1), ("/v1/ask", 1), ("/v1/rag/index", 8), ("/v1/rag/index/bulk", 32)):

        async def chunks(count: int) -> AsyncIterator[bytes]:
            for _ in range(count):
                yield mebibyte
            yield b"x"

        check(await gateway.client.post(path, content=mebibyte * most + b"x"), 413)
        check(await gateway.client.post(path, content=chunks(most)), 413)
        check(await gateway.client.post(path, content=chunks(most + 2)), 413)
        check(await gateway.client.post(path, content=mebibyte * (most - 1) + b"x"), 422)
        check(await gateway.client.post(path, content=chunks(most - 1)), 422)


BAD = (
        "limit=0", "limit=501", "limit=x", "limit=1e3", "sort=title", "sort=", "urgency=HIGH", "status=open", "since=yesterday",
        "until=2026-02-30", "since=2026-03-01T25:00:00Z", "timezone=Mars/Olympus", "timezone=localtime", "timezone=../../etc/passwd", "cursor=x", "cursor=%00",
        "cursor=WzEsMl0=", "cursor=bnVsbA==", "cursor=WyJ4IiwiUDEiXQ==", "cursor=%C3%A9", "attribute_by=x", "exclude_merged=perhaps",
        "service=%00", "timezone=%00", "since=%00", "since=99999-01-01",
        "service=%FF", "service=%C3", "since=2026-03-02&until=2026-03-01", "since=2026-03-02&until=2026-03-02",
    )  # fmt: skip


async def test_bad_parameters(gateway: Gateway) -> None:
    """A parameter that cannot be read is 422 with a sentence about it."""
    for query in BAD:
        check(await gateway.client.get(f"/v1/incidents?{query}"), 422)


async def test_bad_paths(gateway: Gateway) -> None:
    """A part of the path that cannot be read is 422 or 404, never a failure."""
    for method, path in (
        ("POST", "/v1/dead-letters/x/replay"),
        ("POST", "/v1/dead-letters/-1/replay"),
        ("POST", "/v1/dead-letters/9223372036854775808/replay"),
        ("GET", "/v1/incidents/%00"),
        ("GET", "/v1/quarantine?before=9223372036854775808"),
        ("GET", "/v1/quarantine?limit=0"),
        ("GET", "/v1/dead-letters?include_resolved=perhaps"),
    ):
        check(await gateway.client.request(method, path), 422)
    for name in ("%F0%9F%94%A5", "x" * 5000, "99999999999999999999", "%23", "' OR 1=1 --", "%FF"):
        check(await gateway.client.get(f"/v1/incidents/{name}"), 404)


async def test_bodies_that_are_no_json(gateway: Gateway) -> None:
    """A body that is cut off is 422, and the sentence says that it is no JSON."""
    for method, path in (("PUT", "/v1/incidents/P1/deployment"), ("POST", "/v1/ask"), ("POST", "/v1/rag/search")):
        headers = {"Content-Type": "application/json"}
        answer = await gateway.client.request(method, path, content=b'{"deployment": ', headers=headers)
        check(answer, 422)
        assert answer.json()["detail"].startswith("the body: it is not JSON: "), answer.text


async def test_keys(locked: Gateway) -> None:
    """With keys set every route of the API asks for one, and any of them opens it."""
    protected = [(method, path) for method, path in await routes(locked) if path.startswith("/v1/")]
    assert len(protected) >= 5
    wrong = [
        "",
        "Bearer",
        "Bearer wrong",
        "Bearer first-key2",
        "Basic first-key",
        "first-key",
        "Bearer first-key,second-key",
    ]
    for method, path in protected:
        check(await locked.client.request(method, path), 401)
        for value in wrong:
            answer = await locked.client.request(method, path, headers={"Authorization": value})
            check(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
        non_ascii = await locked.client.request(
            method, path, headers={b"Authorization": "Bearer clé".encode("latin-1")}
        )
        check(non_ascii, 401)
    for key in KEYS:
        for scheme in ("Bearer", "bearer"):
            answer = await locked.client.get("/v1/incidents", headers={"Authorization": f"{scheme} {key}"})
            assert answer.status_code == 200


async def test_what_keys_leave_open(locked: Gateway) -> None:
    """Probes, metrics and the description ask for no key, nor do webhooks, which prove themselves."""
    for path in ("/healthz", "/readyz/ingest", "/metrics", "/openapi.json", "/docs"):
        assert (await locked.client.get(path)).status_code == 200
    check(await locked.post(b"{}", {}), 401)
    assert (await locked.post(b"{}")).status_code == 200


async def test_paths_that_look_different(locked: Gateway) -> None:
    """No other spelling of a path goes round the key."""
    for path in (
        "/%76%31/incidents",
        "/v1//incidents",
        "//v1/incidents",
        "/V1/incidents",
        "/v1/incidents/",
        "/./v1/incidents",
        "/v1/../v1/incidents",
    ):
        answer = await locked.client.get(path)
        assert answer.status_code in {401, 404, 307} or answer.headers["location"].startswith("/login"), path


FOREIGN = [
    {"Host": "evil.example.com"},
    {"Host": "localhost.evil.example.com"},
    {"Host": "127.0.0.1.evil.example.com"},
    {"Host": "127.evil.0.1"},
    {"Host": "[2001:db8::1]:8000"},
    {"Host": "[::1"},
    {"Host": ""},
    {"Host": "10.0.0.1:8000"},
    {"Origin": "http://evil.example.com"},
    {"Origin": "https://evil.example.com"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "file://"},
    {"Origin": "http://["},
    {"Origin": "http://[::1"},
    {"Origin": "http://localhost"},
    {"Origin": "http://localhost:1"},
    {"Origin": "http://localhost:{port}@evil.example.com"},
    {"Origin": "http://evil.example.com:{port}"},
    {"Origin": "chrome-extension://abcdef"},
]


async def test_foreign_requests(gateway: Gateway) -> None:
    """Without keys a request with a foreign Host or Origin is 403 on every page but webhooks."""
    port = gateway.url.rpartition(":")[2]
    for headers in FOREIGN:
        filled = {name: value.replace("{port}", port) for name, value in headers.items()}
        for path in ("/v1/incidents", "/healthz", "/docs", "/nothing"):
            check(await gateway.client.get(path, headers=filled), 403)
        assert (await gateway.client.post("/webhooks/pagerduty", content=b"{}", headers=filled)).status_code == 401


OWN = [
    {"Host": "localhost:{port}"},
    {"Host": "LOCALHOST:{port}"},
    {"Host": "127.0.0.1"},
    {"Host": "127.9.9.9:{port}"},
    {"Host": "[::1]:{port}"},
    {"Host": "[::1]"},
    {"Host": "localhost:{port}", "Origin": "http://localhost:{port}"},
    {"Host": "[::1]:{port}", "Origin": "http://[::1]:{port}"},
]


async def test_own_requests(gateway: Gateway) -> None:
    """This machine's own pages and programs are served by whatever name it has for itself."""
    port = gateway.url.rpartition(":")[2]
    for headers in OWN:
        filled = {name: value.replace("{port}", port) for name, value in headers.items()}
        assert (await gateway.client.get("/v1/incidents", headers=filled)).status_code == 200, headers


async def test_with_keys_any_host_is_good(locked: Gateway) -> None:
    """Behind keys the service may have any name."""
    headers = {"Host": "em.example.com", "Authorization": f"Bearer {KEYS[0]}"}
    assert (await locked.client.get("/v1/incidents", headers=headers)).status_code == 200


async def test_head_of_what_probes_ask(gateway: Gateway) -> None:
    """HEAD on the health routes has the status and headers of GET, and no body; elsewhere it is not allowed."""
    for path in ("/healthz", "/readyz/ingest", "/readyz", "/metrics"):
        got, asked = await gateway.client.get(path), await gateway.client.head(path)
        assert (asked.status_code, asked.content) == (got.status_code, b""), path
        assert asked.headers["content-type"] == got.headers["content-type"]
    assert (await gateway.client.head("/v1/incidents")).status_code == 405
