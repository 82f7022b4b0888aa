"""Who may ask: keys, sessions, and where forms come from."""

import time

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from em_agent.api.access import AccessGuard
from em_agent.kit.sessions import COOKIE, Sessions

SESSIONS = Sessions(["right", "other"])
HERE = "http://testserver"


def _is_private(path: str) -> bool:
    return path in {"/", "/incidents"}


@pytest.fixture
def client() -> TestClient:
    """A browser before an application with keys that answers `here` to everything."""
    guard = AccessGuard(PlainTextResponse("here"), SESSIONS, _is_private)
    return TestClient(guard, follow_redirects=False)


def _enter(client: TestClient, key: str = "right") -> None:
    client.cookies.set(COOKIE, SESSIONS.issue(key, time.time()))


@pytest.mark.parametrize("path", ["/v1/incidents", "/crawl/pagerduty"])
def test_the_api_asks_for_a_key(client: TestClient, path: str) -> None:
    """Without a key, or with a wrong one, the API answers 401; with a right one it answers."""
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic right"},
        {"Authorization": "right"},
    ):
        assert client.get(path, headers=headers).status_code == 401
        assert client.post(path, headers=headers).status_code == 401
    for key in ("right", "other"):
        assert client.post(path, headers={"Authorization": f"Bearer {key}"}).text == "here"


def test_pages_lead_to_the_form(client: TestClient) -> None:
    """Who opens a page without a session is led to the form, and from there back to the page with its filters."""
    answer = client.get("/incidents?service=A%26B&urgency=high")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?next=%2Fincidents%3Fservice%3DA%2526B%26urgency%3Dhigh",
    )
    assert answer.headers["cache-control"] == "no-store"
    assert client.post("/incidents", headers={"Origin": HERE}).status_code == 401
    assert client.get("/", headers={"Authorization": "Bearer right"}).text == "here"


@pytest.mark.parametrize("path", ["/login", "/static/app.css", "/healthz", "/metrics", "/docs"])
def test_what_is_open(client: TestClient, path: str) -> None:
    """The form, what it looks like, and what probes ask stay open."""
    assert client.get(path).text == "here"


def test_a_session_opens_pages_and_the_api(client: TestClient) -> None:
    """With a session one reads pages, and the API that their links to CSV lead to."""
    _enter(client)
    assert client.get("/").text == client.get("/v1/metrics/incidents?format=csv").text == "here"
    client.cookies.set(COOKIE, Sessions(["gone"]).issue("gone", time.time()))
    assert client.get("/").status_code == 303
    assert client.get("/v1/incidents").status_code == 401


@pytest.mark.parametrize("path", ["/v1/dead-letters/1/replay", "/incidents", "/login", "/logout"])
def test_forms_come_from_our_own_pages(client: TestClient, path: str) -> None:
    """What another site's page sends with the session's cookie changes nothing, nor does it sign anybody in or out."""
    _enter(client)
    for headers in (
        {},
        {"Origin": "https://elsewhere.example.com"},
        {"Origin": "null"},
        {"Origin": "http://testserver:81"},
        {"Sec-Fetch-Site": "cross-site", "Origin": HERE},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert client.post(path, headers=headers).status_code == 403, headers
    for headers in (
        {"Origin": HERE},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    ):
        assert client.post(path, headers=headers).text == "here"


@pytest.mark.parametrize("cookie", ["", COOKIE, f"{COOKIE}=", f"{COOKIE}=1.2.3", "a=b; ;=;", "\xff=\xff", "x" * 5000])
def test_odd_cookies(client: TestClient, cookie: str) -> None:
    """Whatever a cookie is, it is no session."""
    assert client.get("/", headers=[(b"cookie", cookie.encode("latin-1"))]).status_code == 303


def test_without_keys_only_this_machine_asks() -> None:
    """Without keys pages and API answer a request from this machine, and refuse one that another site's page makes."""
    client = TestClient(
        AccessGuard(PlainTextResponse("here"), Sessions([]), _is_private), base_url="http://localhost:8000"
    )
    for path in ("/", "/v1/incidents", "/login"):
        assert client.get(path).text == "here"
        assert client.post(path, headers={"Origin": "http://localhost:8000"}).text == "here"
        assert client.post(path, headers={"Origin": "https://elsewhere.example.com"}).status_code == 403
        assert client.get(path, headers={"Host": "rebound.example.com"}).status_code == 403
