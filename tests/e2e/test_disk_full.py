"""The disk fills up under the product, and is given room again."""

import asyncio
import os
import secrets
import select
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import asyncpg
import httpx2
import pytest

from em_agent.embedded.data_directory import DataDirectory, free_port
from tests.deliveries import SECRET, body_of, event, incident, signed
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

DISK_MEBIBYTES = 320
LEFT_MEBIBYTES = 24
REFUSALS, MOST_DELIVERIES = 8, 1000
_MEBIBYTE = 1024 * 1024

Deliver: TypeAlias = Callable[[int], Awaitable[int]]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own, where we may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEBIBYTES}m,mode=0755", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607


@pytest.fixture
def product(disk: Path, tmp_path: Path) -> Iterator[str]:
    """The address of the whole product, with its files on the small disk."""
    port = free_port()
    environment = {
        **os.environ,
        "EM_AGENT_DATA_DIR": str(disk / "data"),
        "EM_AGENT_PORT": str(port),
        "EM_AGENT_CONNECTORS_PORT": str(free_port()),
        "PAGERDUTY_WEBHOOK_SECRET": SECRET,
    }
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "em_agent", "up"], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 60)[0]
            assert "is ready" in process.stdout.readline()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


async def test_a_full_disk(product: str, disk: Path, tmp_path: Path) -> None:
    """Deliveries are answered 503 while there is no room, and taken again by itself when there is; none is lost."""
    taken: dict[str, bytes] = {}
    async with httpx2.AsyncClient(base_url=product, timeout=20, trust_env=False) as client:

        async def deliver(size: int) -> int:
            name = f"d{secrets.token_hex(8)}"
            data = {**incident("P1"), "title": secrets.token_hex(size)}
            body = body_of(event("triggered", delivery_id=name, data=data))
            answer = await client.post("/webhooks/pagerduty", content=body, headers=signed(body))
            if answer.status_code == 200:
                taken[name] = body
            else:
                assert "Retry-After" in answer.headers
            return answer.status_code

        assert await deliver(10) == 200
        room = os.statvfs(disk)
        free = room.f_bavail * room.f_frsize
        (disk / "ballast").write_bytes(bytes(free - LEFT_MEBIBYTES * _MEBIBYTE))
        statuses: list[int] = []
        while statuses.count(503) < REFUSALS and len(statuses) < MOST_DELIVERIES:
            statuses += await asyncio.gather(*(deliver(100_000) for _ in range(4)))
        assert set(statuses) == {200, 503}
        (disk / "ballast").unlink()
        await eventually(lambda: _is_taken(deliver), seconds=90)
    assert "No space left on device" in (tmp_path / "log").read_text()
    url = str(DataDirectory(disk / "data").read_json("endpoints.json")["database_url"])
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT delivery_id, payload::text AS payload FROM events_raw")
    await connection.close()
    kept = {row["delivery_id"]: row["payload"].encode() for row in rows}
    assert len(kept) == len(rows)
    assert {name: kept.get(name) for name in taken} == taken


async def _is_taken(deliver: Deliver) -> bool:
    is_taken = await deliver(10) == 200
    await asyncio.sleep(0 if is_taken else 0.2)
    return is_taken
