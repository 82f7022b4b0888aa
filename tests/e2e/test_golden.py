"""Payload files in at the front door, exact incidents out, through real processes."""

from pathlib import Path

import httpx2
import pytest

from em_agent.integrations.pagerduty.webhook import EVENT_TYPES
from em_agent.kit.postgres import Pool
from tests.deliveries import signed
from tests.payloads import payload_files
from tests.processes import ready, roles_on
from tests.waiting import eventually

pytestmark = pytest.mark.slow


async def test_golden_replay(database_url: str, nats_url: str, pool: Pool, tmp_path: Path) -> None:
    """Every payload file through gateway, relay and worker gives one incident with exact seconds and its whole story."""
    async with (
        roles_on(database_url, nats_url, tmp_path / "roles") as roles,
        httpx2.AsyncClient(trust_env=False) as client,
    ):
        url = roles.start_gateway("gateway")
        roles.start("relay", "relay")
        roles.start("worker", "worker", "incidents")
        await ready(client, url)
        for path in [*payload_files("pagerduty").values()] * 2:
            body = path.read_bytes()
            answer = await client.post(f"{url}/webhooks/pagerduty", content=body, headers=signed(body))
            assert answer.status_code == 200
        count = sum(kind.startswith("incident.") for kind in EVENT_TYPES)
        await eventually(lambda: pool.fetchval("SELECT count(*) = $1 FROM incident_events", count), 30)
        found = (await client.get(f"{url}/v1/incidents/%2342")).json()
        by_id = (await client.get(f"{url}/v1/incidents/PINC042")).json()
        names = ("gateway", "relay", "worker")
        statuses = [roles.stop(name) for name in names]
    assert statuses == [0, 0, 0], [roles.log(name)[-2000:] for name in names]
    assert found == by_id
    # Triggered at 10:00:00.250, acknowledged at 10:01:35.250, resolved at 11:00:00.250, reopened at 11:10:00.
    assert found["time_to_acknowledge_seconds"] == 95.0
    assert (found["status"], found["resolved_at"], found["time_to_resolve_seconds"], found["active_seconds"]) == (
        "triggered", None, None, None,
    )  # fmt: skip
    assert (found["reopen_count"], found["escalation_count"], found["merged"], found["auto_resolved"]) == (
        1,
        1,
        False,
        False,
    )
    assert (found["number"], found["title"], found["urgency"], found["priority"]) == (
        42,
        "Replication lag above 10 minutes",
        "high",
        "P1",
    )
    assert found["service"] == {"id": "PSVCDB1", "name": "Production Database"}
    assert [(episode["started_at"], episode["resolved_at"]) for episode in found["episodes"]] == [
        ("2026-03-01T10:00:00.250000Z", "2026-03-01T11:00:00.250000Z"),
        ("2026-03-01T11:10:00Z", None),
    ]
    assert [note["content"] for note in found["notes"]] == [
        "Cause: a long transaction held back the replica. Fix: ended it."
    ]
    assert found["assignees"] == [{"id": "PBOB456", "name": "Bo Lindqvist"}]
    assert len(found["timeline"]) == len(found["events"]) == count
