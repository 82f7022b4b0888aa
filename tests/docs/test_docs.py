"""The documentation says what is: its commands run, its answers come, its names exist."""

import asyncio
import json
import re
import shlex
import time
from itertools import pairwise
from typing import Any

import asyncpg
import httpx2
import pytest
import typer.main

from em_agent.cli import app
from em_agent.integrations.registry import SOURCES
from em_agent.settings import Settings
from tests.docs.conftest import Product
from tests.docs.pages import ROOT, Block, Page, commands, pages

PAGES = pages()
ALL = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)

# Programs that are not ours, which the pages tell people to run.
OUTSIDE = {"cat", "docker", "git", "openssl", "printf", "psql"}
# Commands that end by themselves and do no harm are run, the others only parsed.
RUN = {"ask", "backup", "doctor", "info", "metrics", "migrate", "replay"}
# What is asked in order to be refused.
REFUSED = {"curl -i http://localhost:8000/webhooks/pagerduty": 405}
VOLATILE = {"as_of"}
# The worker that builds the marts leaves the CPU to others, and the first build is the longest.
ANSWER_SECONDS = 240.0

_SETTING = re.compile(
    r"\b(?:EM_AGENT|DATABASE|NATS|PAGERDUTY|GITHUB|JIRA|LINEAR|SHORTCUT|SLACK|LLM|EMBEDDINGS)_[A-Z_]+\b"
)
# The role that dashboards read with has a name that only looks like one.
_METRIC = re.compile(r"\bem_agent_(?!reader\b)[a-z_]+\b")


@ALL
def test_links(page: Page) -> None:
    """A link leads to a file that exists, and to a heading in it."""
    known = {(ROOT / other.path).resolve(): other for other in PAGES}
    for link in page.links:
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = ((ROOT / page.path).parent / path).resolve() if path else (ROOT / page.path).resolve()
        assert target.exists(), link
        assert not anchor or anchor in known[target].anchors, link


def test_every_page_is_linked() -> None:
    """Every page can be found from another one."""
    linked = {
        ((ROOT / page.path).parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in page.links
        if not link.startswith("https://")
    }
    assert [
        page.path for page in PAGES if (ROOT / page.path).resolve() not in linked and page.path != "README.md"
    ] == []


@ALL
def test_shell_commands_exist(page: Page) -> None:
    """A command of a page is ours, with options that exist, or a program named in this test."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for command in (command for block in page.blocks if block.language == "sh" for command in commands(block)):
        program, *arguments = shlex.split(command)
        if program == "make":
            assert {word for word in arguments if "=" not in word} <= targets, command
        elif program.removeprefix(".venv/bin/") == "em-agent":
            _parse(arguments)
        elif program == ".venv/bin/python":
            assert (ROOT / arguments[-1]).exists(), command
        else:
            assert program in {"curl", *OUTSIDE}, command


def _parse(arguments: list[str]) -> None:
    """Have the command line parsed, which raises where it is wrong; nothing is run."""
    group = typer.main.get_command(app)
    with group.make_context("em-agent", list(arguments)) as context:
        name, command, rest = group.resolve_command(context, list(arguments))  # type: ignore[attr-defined]
        command.make_context(name, rest, parent=context)


@pytest.mark.timeout(600)
def test_what_the_pages_show_is_what_happens(product: Product) -> None:
    """On a new installation every request and every command of the pages, in their order, does what its page shows."""
    for page in PAGES:
        blocks = [*page.blocks, Block("", "")]
        for block, following in pairwise(blocks):
            if block.language == "sql":
                asyncio.run(_query(product.endpoints["database_url"], block.text))
            if block.language != "sh":
                continue
            shown = [command for command in commands(block) if command.startswith("curl")]
            for command in shown:
                expected = json.loads(following.text) if following.language == "json" and len(shown) == 1 else None
                _ask(product, command, expected)
            for command in commands(block):
                words = shlex.split(command)
                if words[0].endswith("em-agent") and words[1] in RUN:
                    _run(product, words[1:])


def _run(product: Product, words: list[str]) -> None:
    """Run the command until it succeeds: the doctor finds fault while something still starts."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        done = product.run(*words)
        if done.returncode == 0:
            return
        assert time.monotonic() < deadline, f"{words}: {done.stdout}{done.stderr}"
        time.sleep(0.2)


def _ask(product: Product, command: str, expected: object) -> None:
    """Send what curl would; an answer that follows from an earlier request may take its time."""
    method, url, headers, body = _read_curl(command)
    status = REFUSED.get(command)
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        answer = httpx2.request(
            method,
            url.replace("http://localhost:8000", product.endpoints["api_url"]),
            headers=headers,
            content=body,
            timeout=10,
        )
        is_right = answer.status_code == status if status else answer.is_success
        if is_right and (expected is None or _settled(answer.json()) == _settled(expected)):
            return
        assert method == "GET", f"{command}: {answer.text}"
        assert time.monotonic() < deadline, f"{command}: {answer.status_code} {answer.text}"
        time.sleep(0.2)


def _read_curl(command: str) -> tuple[str, str, dict[str, str], str | None]:
    """Method, address, headers and body of the request that a curl command makes."""
    words = iter(shlex.split(command)[1:])
    method, url, body = "GET", "", None
    headers: dict[str, str] = {}
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        elif word != "-i":
            assert word.startswith("http://localhost:8000/"), command
            url = word
    return method, url, headers, body


def _settled(answer: Any) -> Any:
    """The answer without what differs from run to run."""
    if isinstance(answer, dict):
        return {name: None if name in VOLATILE else _settled(value) for name, value in answer.items()}
    return [_settled(one) for one in answer] if isinstance(answer, list) else answer


async def _query(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.fetch(statement)
    finally:
        await connection.close()


def test_settings_table() -> None:
    """The README's table has every setting, no other, and the defaults that hold."""
    rows = re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", PAGES[0].sections("## ")["Configuration"], flags=re.MULTILINE)
    table = {name: default for names, default in rows for name in re.findall(r"`(\w+)`", names)}
    fields = {field.alias: field for field in Settings.model_fields.values() if field.alias}
    assert set(table) == {*fields, *(source.secret_env for source in SOURCES.values() if source.secret_env)}
    shown = {name: default.strip("`") for name, default in table.items() if default.startswith("`")}
    limit = shown.pop("EM_AGENT_BODY_LIMIT_BYTES")
    assert limit == str(SOURCES["pagerduty"].body_limit_bytes)
    assert shown == {name: str(fields[name].default).removesuffix(".0").replace("False", "false") for name in shown}


@ALL
def test_settings_exist(page: Page) -> None:
    """A name that looks like a setting is one: ours, of compose.yaml, or of a command."""
    group = typer.main.get_command(app)
    of_commands = {
        variable
        for command in group.commands.values()  # type: ignore[attr-defined]
        for parameter in command.params
        for variable in ([parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar or [])
    }
    of_compose = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    known = {field.alias for field in Settings.model_fields.values()} | {
        source.secret_env for source in SOURCES.values()
    }
    found = {name.removesuffix("_FILE") for name in _SETTING.findall(page.text)}
    assert found <= known | of_commands | of_compose


def test_routes(product: Product) -> None:
    """The API's page has every route, no other, and names every parameter."""
    described: dict[str, Any] = {}
    for service in ("connectors_url", "api_url"):
        described |= httpx2.get(f"{product.endpoints[service]}/openapi.json").json()["paths"]
    routes = {
        f"{method.upper()} {path}": [parameter["name"] for parameter in operation.get("parameters", [])]
        for path, operations in described.items()
        for method, operation in operations.items()
    }
    api = next(page for page in PAGES if page.path == "docs/api.md")
    sections = api.sections("### ")
    assert set(sections) == set(routes)
    for route, parameters in routes.items():
        missing = [name for name in parameters if f"`{name}`" not in sections[route] and f"{{{name}}}" not in route]
        missing = [name for name in missing if f"`{name}=" not in sections[route]]
        assert missing == [], route


def test_prometheus_metrics(product: Product) -> None:
    """The page on monitoring has every metric that is served, and no page has another."""
    text = "".join(httpx2.get(f"{product.endpoints[name]}/metrics").text for name in ("api_url", "connectors_url"))
    served = {
        name
        for name in re.findall(r"^# HELP (em_agent_\w+)", text, flags=re.MULTILINE)
        if not name.endswith("_created")
    }
    documented = {page.path: set(_METRIC.findall(page.text)) for page in PAGES}
    assert documented["docs/operations.md"] == served
    assert set().union(*documented.values()) == served
