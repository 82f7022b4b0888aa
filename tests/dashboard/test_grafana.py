"""Grafana's boards: each question that they ask is answered by the marts, for the role that may ask it."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import yaml

from em_agent.kit.postgres import open_pool
from em_agent.metrics.dora.meter import DoraMeter
from em_agent.metrics.dora.query import DoraQuery
from em_agent.metrics.incidents import IncidentMeter
from em_agent.metrics.query import Query

ROOT = Path(__file__).parents[2] / "deploy" / "grafana"
BOARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "dashboards").glob("*.json"))
}
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board["panels"]]
EACH_PANEL = pytest.mark.parametrize(
    ("board", "panel"), PANELS, ids=[f"{name}-{panel['title']}" for name, panel in PANELS]
)

PROVISIONED = yaml.safe_load((ROOT / "provisioning/datasources/em-agent.yaml").read_text(encoding="utf-8"))[
    "datasources"
][0]
UNTIL = datetime.now(UTC)
SINCE = UNTIL - timedelta(days=90)
NUMBERS = {"int8", "float8", "numeric"}
PASSWORD = "reader's own"
_TIME_FILTER = re.compile(r"\$__timeFilter\(([^)]+)\)")
_TIME_GROUP = re.compile(r"\$__timeGroup\(([^,]+),\s*\$__interval\)")

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def reader(demo_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the role that the recipe makes."""
    recipe = (ROOT / "reader.sql").read_text(encoding="utf-8").replace(":'password'", "'reader''s own'")
    owner = await asyncpg.connect(demo_url)
    await owner.execute(recipe)
    connection = await asyncpg.connect(demo_url, user="em_agent_reader", password=PASSWORD)
    try:
        yield connection
    finally:
        await connection.close()
        await owner.execute("DROP OWNED BY em_agent_reader; DROP ROLE em_agent_reader")
        await owner.close()


async def _expanded(reader: asyncpg.Connection, board: str, statement: str) -> str:
    """The statement as Grafana sends it for the last 90 days, with every variable set to all that it offers, or to the first."""
    for variable in BOARDS[board]["templating"]["list"]:
        values = [row[0].replace("'", "''") for row in await reader.fetch(variable["query"])][
            : None if variable["multi"] else 1
        ]
        statement = statement.replace(
            f"${{{variable['name']}:sqlstring}}", ",".join(f"'{value}'" for value in values) or "''"
        )
    statement = _TIME_FILTER.sub(rf"\1 BETWEEN '{SINCE.isoformat()}' AND '{UNTIL.isoformat()}'", statement)
    statement = _TIME_GROUP.sub(r"to_timestamp(floor(extract(epoch FROM \1) / 3600) * 3600)", statement)
    assert "$" not in statement, "a macro or variable that Grafana would not know"
    return statement


@EACH_PANEL
async def test_panel_is_answered(reader: asyncpg.Connection, board: str, panel: dict[str, Any]) -> None:
    """A panel's SQL runs, a series has times and numbers, a stat one number, and what is formatted is a column."""
    (target,) = panel["targets"]
    statement = await reader.prepare(await _expanded(reader, board, target["rawSql"]))
    rows = await statement.fetch()
    types = {column.name: column.type.name for column in statement.get_attributes()}
    assert len(types) == len(statement.get_attributes())
    assert {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]} <= set(types)
    if panel["type"] == "timeseries":
        assert types.pop("time") == "timestamptz"
        assert types.pop("metric", "text") == "text"
        assert set(types.values()) <= NUMBERS
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    elif panel["type"] == "stat":
        assert len(rows) == len(types) == 1
        assert set(types.values()) <= NUMBERS
    if board in {"incidents", "services"}:
        assert rows


async def _stats(reader: asyncpg.Connection, board: str) -> dict[str, float | None]:
    """What each panel of one number shows, by its title."""
    shown = {}
    for panel in BOARDS[board]["panels"]:
        if panel["type"] == "stat":
            (row,) = await reader.fetch(await _expanded(reader, board, panel["targets"][0]["rawSql"]))
            shown[panel["title"]] = row[0]
    return shown


async def test_numbers_are_those_of_the_api(reader: asyncpg.Connection, demo_url: str) -> None:
    """What the board of incidents counts and times is what the metrics say."""
    shown = await _stats(reader, "incidents")
    async with open_pool(demo_url, name="test", size=1) as pool:
        (group,) = (await IncidentMeter(pool).measure(Query(since=SINCE, until=UNTIL, timezone="UTC"))).groups
    assert shown["Incidents"] == group.incidents > 0
    assert shown["Open now"] == group.open
    assert shown["Median time to acknowledge"] == group.time_to_acknowledge_seconds.median
    assert shown["Median time to resolve"] == group.time_to_resolve_seconds.median
    assert shown["p90 time to resolve"] == group.time_to_resolve_seconds.p90


async def test_delivery_is_that_of_the_api(reader: asyncpg.Connection, demo_url: str) -> None:
    """What the board of DORA counts and times is what the metrics say."""
    shown = await _stats(reader, "dora")
    async with open_pool(demo_url, name="test", size=1) as pool:
        (group,) = (await DoraMeter(pool).measure(DoraQuery(since=SINCE, until=UNTIL, timezone="UTC"))).groups
    assert shown["Deployments"] == group.deployment_frequency.deployments > 0
    assert float(shown["Change failure rate"] or 0) == group.change_failure_rate.ratio
    assert group.change_failure_rate.failed > 0
    assert shown["Median lead time"] == group.lead_time_for_changes_seconds.median
    assert shown["Median time to recover"] == group.failed_deployment_recovery_time_seconds.median is not None


async def test_reader_sees_no_payload_and_changes_nothing(reader: asyncpg.Connection) -> None:
    """The reader's role may read what the boards show, no delivery's body, and write nothing."""
    for statement in (
        "SELECT payload FROM events_raw",
        "SELECT headers FROM events_raw",
        "SELECT body FROM quarantine",
        "SELECT * FROM slack_jobs",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch(statement)
    for statement in (
        "DELETE FROM outbox",
        "SET default_transaction_read_only = off; DELETE FROM warehouse.fct_incidents",
    ):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
            await reader.execute(statement)


@pytest.mark.parametrize("name", BOARDS)
async def test_board_is_whole(name: str) -> None:
    """A board has its own id, shows its panels side by side, says of each what it counts, and reads our source alone."""
    board = BOARDS[name]
    assert board["uid"] == f"em-agent-{name}"
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        assert (
            one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        )  # fmt: skip
    assert all(0 <= panel["gridPos"]["x"] <= 24 - panel["gridPos"]["w"] for panel in panels)
    for panel in panels:
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"][0]["format"] == ("time_series" if panel["type"] == "timeseries" else "table")
    sources = [part["datasource"]["uid"] for part in (*panels, *board["templating"]["list"])]
    sources += [target["datasource"]["uid"] for panel in panels for target in panel["targets"]]
    assert set(sources) == {PROVISIONED["uid"]}


async def test_what_is_mounted_is_there() -> None:
    """The composition mounts the files that are in the repository, at the places where Grafana and they look for them."""
    service = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["grafana"]
    mounts = dict(volume.rsplit(":", 1)[0].rsplit(":", 1) for volume in service["volumes"] if volume.endswith(":ro"))
    for path in mounts:
        assert (ROOT.parents[1] / path).is_dir()
    provider = yaml.safe_load((ROOT / "provisioning/dashboards/em-agent.yaml").read_text(encoding="utf-8"))
    assert {"/etc/grafana/provisioning", provider["providers"][0]["options"]["path"]} == set(mounts.values())
    text = (ROOT / "provisioning/datasources/em-agent.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)\}", text)) <= set(service["environment"])
    assert PROVISIONED["user"] == "em_agent_reader"
