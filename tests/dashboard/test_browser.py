"""The watch itself: a page that misbehaves is found out."""

import pytest
from playwright.async_api import Browser

from tests.dashboard.browser import barriers, watched
from tests.dashboard.conftest import Open
from tests.parts import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("console.error('lost')", "console: lost"),
        ("setTimeout(() => { throw Error('broken') }); new Promise(done => setTimeout(done, 50))", "broken"),
        ("fetch('https://elsewhere.example.com/').catch(() => 0)", "request to https://elsewhere.example.com/"),
    ],
)
async def test_trouble_is_noticed(browser: Browser, empty: Gateway, script: str, trouble: str) -> None:
    """An error on the console, an exception and a request to elsewhere each fail the test that opened the page."""
    with pytest.raises(AssertionError, match=trouble):
        await _run(browser, empty.url, script)


async def _run(browser: Browser, url: str, script: str) -> None:
    async with watched(browser, url) as page:
        await page.goto("/docs")
        await page.evaluate(script)


async def test_barriers_are_found(empty: Gateway, open_page: Open) -> None:
    """An image without a text and a button without a name are barriers."""
    page = await open_page(empty, "/docs")
    await page.set_content("<html lang=en><title>t</title><main><img src='data:,'><button></button></main></html>")
    found = await barriers(page)
    assert [barrier.partition(" ")[0] for barrier in found] == ["button-name", "image-alt"]
