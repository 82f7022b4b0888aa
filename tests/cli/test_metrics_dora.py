"""`em-agent metrics dora`: the table, and what scripts read."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from em_agent.metrics.dora.editions import editions
from em_agent.metrics.dora.figures import Figures, group_of
from em_agent.metrics.dora.models import METHODS, DoraMetrics
from tests.cli.conftest import Command

ASKED: list[dict[str, list[str]]] = []


def _answer() -> str:
    row = {
        "deployments": 12, "failed": 3, "rework": 1, "recovery_count": 3, "recovery_mean": 4000.0,
        "recovery_percentiles": [3900.0] * 4, **{f"failed_{method}": 0 for method in METHODS},
    }  # fmt: skip
    figures = Figures(days=6.0, weeks=2, deployments=row, commits=None, deploy_days=[5], links=())
    group = group_of({"service": "[red]checkout"}, figures, editions()["2023"])
    metrics = DoraMetrics.model_validate(
        {
            "since": "2026-03-01T00:00:00Z", "until": "2026-03-07T00:00:00Z", "timezone": "UTC", "edition": "2023",
            "as_of": None, "groups": [group],
        }
    )  # fmt: skip
    return metrics.model_dump_json()


@pytest.fixture
def address() -> Iterator[str]:
    """An API that answers always the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ASKED.append(parse_qs(urlsplit(self.path).query))
            body = _answer().encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_table(em_agent: Command, address: str) -> None:
    """Each figure stands with its band; what is unknown is a dash, and a name is text."""
    done = em_agent("metrics", "dora", "--url", address, "--group-by", "service", "--environment", "live")
    assert done.returncode == 0, done.stderr
    assert ASKED[-1] == {"group_by": ["service"], "environment": ["live"]}
    lines = done.stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if "checkout" in line)
    assert lines[place].split() == ["[red]checkout", "12", "2", "2.5", "-", "25.0%", "1h05m", "8.3%"]
    assert lines[place + 1].split() == ["elite", "low", "high"]
    assert "edition 2023" in done.stdout


def test_for_scripts(em_agent: Command, address: str) -> None:
    """--json prints the API's answer; with --csv it is refused."""
    done = em_agent("metrics", "dora", "--url", address, "--json")
    assert json.loads(done.stdout) == json.loads(_answer())
    both = em_agent("metrics", "dora", "--url", address, "--json", "--csv")
    assert both.returncode == 1
    assert "exclude each other" in both.stderr
