"""The route of the incident metrics, over HTTP."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from em_agent.api.errors import install_error_handlers
from em_agent.api.metrics import COMPLETENESS_PATH, router
from em_agent.kit.postgres import open_pool
from em_agent.metrics.incidents import IncidentMeter
from tests.marts import Stored, Transformer, body, store

PATH = "/v1/metrics/incidents"


@pytest.fixture
def client(database_url: str) -> Iterator[TestClient]:
    """A client of an application that has the route alone."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_pool(database_url, name="test", size=2) as pool:
            app.include_router(router(IncidentMeter(pool), timezone="UTC"))
            yield

    app = FastAPI(lifespan=lifespan)
    install_error_handlers(app)
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-13-01"}, "until"),
        ({"since": "2026-03-02", "until": "2026-03-01"}, "before"),
        ({"since": "0001-01-01", "until": "0001-02-01", "timezone": "Asia/Tokyo"}, "since"),
        ({"until": "0001-01-02"}, "until"),
        ({"since": "2026-03-01\x00"}, "NUL"),
        ({"service": "a\x00"}, "NUL"),
        ({"urgency": "medium"}, "urgency"),
        ({"group_by": "service,colour"}, "group_by"),
        ({"group_by": ","}, "group_by"),
        ({"group_by": "service,"}, "group_by"),
        ({"group_by": "service, service"}, "more than once"),
        ({"group_by": ["day", "service", "day"]}, "day"),
        ({"clock": "wall"}, "clock"),
        ({"attribute_by": "acknowledged"}, "attribute_by"),
        ({"exclude_merged": "perhaps"}, "exclude_merged"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "localtime"}, "timezone"),
        ({"timezone": "Factory"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"compare": "next"}, "compare"),
        ({"format": "xml"}, "format"),
        ({"servise": "x"}, "servise"),
        ({"clock": ["occurred", "received"]}, "clock"),
        ({"since": "1900-01-01", "group_by": "day"}, "4000"),
        ({"since": "0001-01-01", "until": "9999-12-31", "compare": "previous"}, "before"),
    ],
)
def test_a_bad_parameter_is_named(client: TestClient, parameters: dict[str, Any], word: str) -> None:
    """A wrong parameter is 422 with one sentence that names it."""
    answer = client.get(PATH, params=parameters)
    assert answer.status_code == 422
    assert set(answer.json()) == {"detail"}
    assert word in answer.json()["detail"]


def test_the_shape(client: TestClient, database_url: str, transformer: Transformer) -> None:
    """The answer has exactly the documented fields; empty parameters are as none; numbers are numbers."""
    data = {"id": "P1", "service": {"id": "S1", "summary": "=Checkout"}, "created_at": "2026-03-01T10:00:00Z"}
    store(database_url, [("d1", body("incident.triggered", data), None, _at("10:00:00"))])
    store(database_url, [("d2", body("incident.resolved", data), None, _at("10:30:00"))])
    transformer.run()
    window = {"since": "2026-03-01T00:00:00+01:00", "until": "2026-03-02", "group_by": ["service", ""], "team": ""}
    answer = client.get(PATH, params=window)
    assert answer.status_code == 200
    unknown = {"count": 0, "mean": None, "median": None, "p75": None, "p90": None, "p95": None}
    half_hour = {"count": 1, **dict.fromkeys(("mean", "median", "p75", "p90", "p95"), 1800.0)}
    assert answer.json() == {
        "since": "2026-02-28T23:00:00Z", "until": "2026-03-02T00:00:00Z", "timezone": "UTC", "clock": "occurred",
        "attribute_by": "triggered", "as_of": "2026-03-01T10:30:00Z",
        "groups": [
            {
                "key": {"service": "=Checkout"}, "incidents": 1, "open": 0, "resolved": 1, "acknowledged": 0,
                "reopened": 0, "escalated": 0, "auto_resolved": 1, "merged": 0, "priority_raised": 0, "handed_over": 0,
                "incomplete": 0,
                "impossible": 0, "high_urgency": 0, "time_to_acknowledge_seconds": unknown,
                "time_to_resolve_seconds": half_hour, "active_seconds": half_hour,
            }
        ],
    }  # fmt: skip
    table = client.get(PATH, params={**window, "format": "csv", "compare": "previous"})
    assert table.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(table.text))
    assert row["service"] == "'=Checkout"
    assert row["time_to_resolve_seconds_p90"] == "1800.0"
    assert row["time_to_acknowledge_seconds_mean"] == ""


def test_days_are_those_of_the_zone(client: TestClient, database_url: str, transformer: Transformer) -> None:
    """Dates and days are those of the time zone asked for, and days without incidents are shown."""
    store(database_url, [("d1", body("incident.triggered", {"id": "P1"}), None, _at("23:30:00"))])
    transformer.run()
    window = {"since": "2026-03-01", "until": "2026-03-04", "group_by": "day", "timezone": "Europe/Berlin"}
    answer = client.get(PATH, params=window).json()
    assert answer["since"] == "2026-02-28T23:00:00Z"
    found = [(group["key"]["day"], group["incidents"], group["incomplete"]) for group in answer["groups"]]
    assert found == [("2026-03-01", 0, None), ("2026-03-02", 1, None), ("2026-03-03", 0, None)]


def test_a_plus_sign_that_was_not_encoded(client: TestClient) -> None:
    """An offset whose plus sign became a space is understood."""
    answer = client.get(f"{PATH}?since=2026-03-01T00:00:00+01:00&until=2026-03-02")
    assert answer.json()["since"] == "2026-02-28T23:00:00Z"


def test_openapi_has_every_parameter(client: TestClient) -> None:
    """The description of the route names the parameters, the answer and the errors."""
    route = client.get("/openapi.json").json()["paths"][PATH]["get"]
    names = {parameter["name"] for parameter in route["parameters"]}
    assert names == {
        "since", "until", "service", "team", "urgency", "priority", "group_by", "clock", "attribute_by",
        "exclude_merged", "timezone", "compare", "acknowledge_within", "resolve_within", "format",
    }  # fmt: skip
    assert set(route["responses"]) == {"200", "401", "403", "422", "503"}
    assert route["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/IncidentMetrics")


def test_completeness(client: TestClient, database_url: str, transformer: Transformer) -> None:
    """It says how many incidents of a window webhooks told, history, and both, and whose their times are."""
    unbuilt = client.get(COMPLETENESS_PATH).json()
    assert (unbuilt["incidents"], unbuilt["as_of"]) == (0, None)

    def entry(kind: str, incident_id: str, clock: str) -> Stored:
        document = {"id": clock, "type": f"{kind}_log_entry", "incident": {"id": incident_id}}
        return f"R{incident_id}{kind}", json.dumps(document), _at(clock), _at("20:00:00"), "pagerduty_api"

    checkout = {"service": {"id": "S1", "summary": "Checkout"}}
    store(
        database_url,
        [
            ("a", body("incident.triggered", {"id": "P1", **checkout}), _at("10:00:00"), _at("10:00:01")),
            ("b", body("incident.triggered", {"id": "P2"}), _at("11:00:00"), _at("11:00:01")),
            entry("trigger", "P2", "11:00:01"), entry("resolve", "P2", "11:30:00"), entry("trigger", "P3", "12:00:00"),
            entry("trigger", "P4", "23:00:00"),
        ],
    )  # fmt: skip
    transformer.run()
    window = {"since": "2026-03-01", "until": "2026-03-01T22:00:00Z"}
    assert client.get(COMPLETENESS_PATH, params=window).json() == {
        "since": "2026-03-01T00:00:00Z", "until": "2026-03-01T22:00:00Z", "timezone": "UTC",
        "as_of": "2026-03-01T20:00:00Z", "incidents": 3, "webhook_only": 1, "api_only": 1, "both": 1,
        "triggered_from": {"webhook": 2, "api": 1}, "resolved_from": {"webhook": 0, "api": 1},
    }  # fmt: skip
    of_checkout = client.get(COMPLETENESS_PATH, params={**window, "service": "Checkout"}).json()
    assert (of_checkout["incidents"], of_checkout["webhook_only"]) == (1, 1)
    refused = client.get(COMPLETENESS_PATH, params={"group_by": "service"})
    assert refused.status_code == 422
    assert "group_by" in refused.json()["detail"]


def _at(clock: str) -> Any:
    from datetime import datetime  # noqa: PLC0415

    return datetime.fromisoformat(f"2026-03-01T{clock}+00:00")
