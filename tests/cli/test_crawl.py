"""`em-agent crawl pagerduty`, as processes of their own."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from pathlib import Path

import pytest

from em_agent.kit.postgres import Pool
from tests.cli.conftest import Command
from tests.fake_pagerduty import ADMIN, FakePagerDuty, generate, hang, pagerduty_on
from tests.waiting import eventually

pytestmark = pytest.mark.slow


async def start(fake: FakePagerDuty, database_url: str, folder: Path, *words: str) -> Process:
    """The command, running."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "em_agent", "crawl", "pagerduty", *words, cwd=folder, stdout=PIPE, stderr=PIPE,
        env={**os.environ, "EM_AGENT_DATA_DIR": str(folder / "data"), "DATABASE_URL": database_url,
             "PAGERDUTY_API_URL": fake.url, "PAGERDUTY_API_TOKEN": ADMIN},
    )  # fmt: skip


async def test_killed_and_started_again(database_url: str, pool: Pool, tmp_path: Path) -> None:
    """Killed without a word it goes on where it was, interrupted too; in the end everything is there once."""
    fake = FakePagerDuty(generate(600, seed=9, days=60, noted=0.05))
    fake.faults = [hang(30.0, path="/incidents", skip=4), hang(30.0, path="/log_entries", skip=10)]
    async with pagerduty_on(fake):
        killed = await start(fake, database_url, tmp_path, "--all")
        await eventually(lambda: fake.requests["/incidents"] == 5, seconds=30)
        killed.send_signal(signal.SIGKILL)
        await killed.communicate()
        assert await pool.fetchval("SELECT state FROM crawl_runs") == "running"
        interrupted = await start(fake, database_url, tmp_path, "--all")
        await eventually(lambda: fake.requests["/log_entries"] == 11, seconds=30)
        interrupted.send_signal(signal.SIGINT)
        _, errors = await interrupted.communicate()
        assert interrupted.returncode == 130, errors
        assert b"Interrupted" in errors
        assert await pool.fetchval("SELECT state FROM crawl_runs") == "interrupted"
        done = await start(fake, database_url, tmp_path, "--all", "--json")
        output, errors = await done.communicate()
        assert done.returncode == 0, errors
        outcome = json.loads(output)
        assert (outcome["run"], outcome["fetched"], outcome["indexed"], outcome["failed"]) == (1, 600, 600, 0)
        pages = Counter(json.dumps(query) for path, query in fake.seen if path in {"/incidents", "/log_entries"})
        assert sum(count > 1 for count in pages.values()) <= 4
        assert await pool.fetchval("SELECT count(*) FROM events_raw WHERE source = 'pagerduty_api'") == len(
            fake.account.log
        )
        assert await pool.fetchval("SELECT count(*) FROM search.documents") == 600
        again = await start(fake, database_url, tmp_path, "--all")
        output, _ = await again.communicate()
        assert output.startswith(b"indexed 0 documents")


def test_says_what_is_wrong(em_agent: Command) -> None:
    """Without a token, with options that contradict each other or make no sense, it is one line and status 1."""
    for words, said in {
        (): "PAGERDUTY_API_TOKEN",
        ("--all", "--limit", "5"): "--limit",
        ("--again",): "--again",
        ("--since", "yesterday"): "since",
        ("--statuses", "open"): "statuses",
    }.items():
        outcome = em_agent("crawl", "pagerduty", *words)
        assert outcome.returncode == 1, words
        assert said in outcome.stderr
        assert outcome.stderr.count("\n") == 1
