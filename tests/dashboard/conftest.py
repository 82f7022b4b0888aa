"""Installations with pages to look at, and a browser: each opened once a session, when the first test wants it.

The tests share one event loop, that of the session, in which the browser and the gateways live.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.conftest import TEMPLATE
from tests.dashboard.browser import find_browser, open_browser, watched
from tests.dashboard.hostile import send_hostile, store_many
from tests.dashboard.installations import database, fill_database, send_demo
from tests.parts import Gateway, gateway_on

NO_MODEL = {"EMBEDDINGS_URL": "none"}
KEY = "a-key-for-the-pages"

Open = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
def has_browser() -> None:
    """Skip before anything is built, where there is nothing to look with."""
    find_browser()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(has_browser: None) -> AsyncIterator[Browser]:
    """A Chromium."""
    async with open_browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def demo_url(postgres_url: str, marts_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with a quarter of the demo's company."""
    with database(postgres_url, marts_template) as url:
        fill_database(url, tmp_path_factory.getbasetemp() / "dbt", send_demo)
        yield url


@pytest.fixture(scope="session")
def hostile_url(postgres_url: str, marts_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with what nobody foresees: markup, long and foreign texts, 5,000 incidents on a day, 400 services."""
    with database(postgres_url, marts_template) as url:
        fill_database(url, tmp_path_factory.getbasetemp() / "dbt", send_hostile, store_many)
        yield url


@pytest.fixture(scope="session")
def empty_url(postgres_url: str) -> Iterator[str]:
    """A database that has seen nothing."""
    with database(postgres_url, TEMPLATE) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo(has_browser: None, demo_url: str) -> AsyncIterator[Gateway]:
    """A gateway on the demo's data."""
    async with gateway_on(demo_url, **NO_MODEL) as gateway:
        yield gateway


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def guarded(has_browser: None, demo_url: str) -> AsyncIterator[Gateway]:
    """A gateway on the demo's data that asks for a key."""
    async with gateway_on(demo_url, EM_AGENT_API_KEYS=f"other,{KEY}", **NO_MODEL) as gateway:
        yield gateway


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hostile(has_browser: None, hostile_url: str) -> AsyncIterator[Gateway]:
    """A gateway on what nobody foresees."""
    async with gateway_on(hostile_url, **NO_MODEL) as gateway:
        yield gateway


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def empty(has_browser: None, empty_url: str) -> AsyncIterator[Gateway]:
    """A gateway that has seen nothing."""
    async with gateway_on(empty_url, **NO_MODEL) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[Open]:
    """What opens a page of a gateway; all that were opened have to be without trouble at the end."""
    async with AsyncExitStack() as stack:

        async def open_one(gateway: Gateway, path: str | None = None, **options: Any) -> Page:
            page = await stack.enter_async_context(watched(browser, gateway.url, **options))
            if path is not None:
                await page.goto(path)
            return page

        yield open_one
