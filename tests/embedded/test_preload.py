"""What the roles import at their start, and share."""

import json
import subprocess
import sys

import pytest

# Tens of megabytes each: whoever computes with them imports them when it does.
HEAVY = {"numpy", "onnxruntime", "tokenizers", "dbt", "agate", "psycopg2", "jinja2", "slack_sdk", "slack_bolt"}


@pytest.mark.parametrize("module", ["em_agent.embedded.preload", "em_agent.cli", "em_agent.embedded.up"])
def test_nothing_heavy_is_imported_at_start(module: str) -> None:
    """What every role shares, and what every command begins with, hold no library that only some work needs."""
    script = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(json.loads(outcome.stdout))


def test_the_models_of_dbt_need_no_vectors() -> None:
    """The worker of the warehouse imports dbt, and still nothing that computes with vectors."""
    script = "import json, sys, em_agent.workers.warehouse; from dbt.cli.main import dbtRunner; print(json.dumps(sorted(sys.modules)))"
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"numpy", "onnxruntime", "tokenizers"}.isdisjoint(json.loads(outcome.stdout))


@pytest.mark.skipif(sys.platform != "linux", reason="roles are forks on Linux alone")
def test_what_forks_share_has_no_second_http_client() -> None:
    """What Slack's library speaks HTTP with is imported by who works for Slack, and works there."""
    script = (
        "import json, sys; from em_agent.embedded.forks import preload; preload(); "
        "before = 'aiohttp' in sys.modules; import em_agent.slack.part; print(json.dumps([before, 'aiohttp' in sys.modules]))"
    )
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(outcome.stdout) == [False, True]
