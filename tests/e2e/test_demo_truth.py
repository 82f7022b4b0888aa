"""`em-agent demo` as a user runs it: servers, roles, a year through the front door, metrics."""

import asyncio
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from signal import SIGINT
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from em_agent.demo.delivery import truth as delivery_truth
from em_agent.demo.delivery.trouble import Deliveries, make_deliveries
from em_agent.demo.fill import wait_taken_in
from em_agent.demo.plan import Plan
from em_agent.demo.truth import Truth, aggregate
from em_agent.demo.year import Year, make_year
from em_agent.embedded.data_directory import free_port

_START_SECONDS = 150.0
_STOP_SECONDS = 30.0


@contextmanager
def _running(data_dir: Path, port: int) -> Iterator[list[str]]:
    """What the demo said until it was ready; it is interrupted afterwards, and has to end well."""
    environment = {
        **os.environ,
        "EM_AGENT_DATA_DIR": str(data_dir),
        "EM_AGENT_PORT": str(port),
        "EM_AGENT_CONNECTORS_PORT": str(free_port()),
    }
    command = [sys.executable, "-m", "em_agent", "demo", "--incidents", "150", "--days", "60"]
    with subprocess.Popen(command, env=environment, cwd=data_dir.parent, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _lines_until_ready(process)
        finally:
            process.send_signal(SIGINT)
            assert process.wait(_STOP_SECONDS) == 0


def _lines_until_ready(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    deadline = time.monotonic() + _START_SECONDS
    text = ""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while "The demo is ready" not in text:
            assert time.monotonic() < deadline, f"it is not ready in time, and said: {text}"
            assert process.poll() is None, f"it ended, and said: {text}"
            if selector.select(timeout=1.0):
                text += process.stdout.read() or ""
    return text.splitlines()


def _metrics(port: int, year: Year, group_by: str | None, kind: str = "incidents") -> list[dict[str, Any]]:
    parameters = {"since": year.start.isoformat(), "until": year.end.isoformat()}
    query = urlencode(parameters | ({"group_by": group_by} if group_by else {}))
    with urlopen(f"http://127.0.0.1:{port}/v1/metrics/{kind}?{query}", timeout=10) as answer:
        groups: list[dict[str, Any]] = json.load(answer)["groups"]
    return groups


@pytest.mark.timeout(400)
def test_the_demo_shows_its_own_truth(tmp_path: Path) -> None:
    """Every number that the API gives of the demo's year is the true one, and a second start sends nothing again."""
    port = free_port()
    data_dir = tmp_path / "data"
    with _running(data_dir, port) as lines:
        assert sum(line.startswith("Sending a year") for line in lines) == 11
        known = json.loads((tmp_path / "data-demo" / "demo.json").read_text())
        year = make_year(datetime.fromisoformat(known["end"]), seed=1, incidents=150, days=60)
        endpoints = json.loads((tmp_path / "data-demo" / "endpoints.json").read_text())
        assert asyncio.run(wait_taken_in(endpoints["database_url"], _START_SECONDS))
        deliveries = make_deliveries(year)
        truths = Plan(deliveries.year, ["any"]).truths
        for group_by in (None, "service", "team", "urgency", "priority"):
            found = {json.dumps(group["key"]): group for group in _metrics(port, year, group_by)}
            expected = {json.dumps(group["key"]): group for group in aggregate(truths, group_by)}
            assert set(found) == set(expected)
            for key, group in expected.items():
                _assert_equal(found[key], group)
        for group_by in (None, "service"):
            _assert_deliveries(port, deliveries, truths, group_by)
    with _running(data_dir, port) as lines:
        assert not [line for line in lines if line.startswith("Sending")]
        assert _metrics(port, year, None)[0]["incidents"] == 150
    assert not data_dir.exists()


def _assert_deliveries(port: int, deliveries: Deliveries, truths: list[Truth], group_by: str | None) -> None:
    """The five metrics are those of the year, and so are the links."""
    year = deliveries.year
    found = {group["key"].get("service"): group for group in _metrics(port, year, group_by, "dora")}
    expected = delivery_truth.aggregate(
        deliveries, truths, since=year.start, until=year.end, by_service=group_by is not None
    )
    assert set(found) == set(expected)
    for key, group in expected.items():
        _assert_equal(found[key], group)
    links = {
        (link["incident"], link["deployment"], link["method"]) for each in found.values() for link in each["links"]
    }
    linked = delivery_truth.link(deliveries, truths)
    assert links == {(each.incident.incident.id, each.release.id, each.method) for each in linked}
    assert {each.method for each in linked} == {"explicit", "rollback", "window"}


def _assert_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        if isinstance(value, dict):
            _assert_equal(found[name], value)
        elif isinstance(value, float):
            assert found[name] == pytest.approx(value, rel=1e-6), name
        else:
            assert found[name] == value, name
