"""What scripts add to the pages of metrics: values under the pointer and by keys, a closer look, being up to date."""

import pytest
from playwright.async_api import Page, expect

from tests.dashboard.conftest import Open
from tests.parts import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHART = "#time-to-resolve-seconds svg.chart"


async def _span(page: Page) -> tuple[float, float, float]:
    box = await page.locator(CHART).bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"]


async def test_values_by_keys(demo: Gateway, open_page: Open) -> None:
    """With the focus on a chart, arrows show each week's values, those of the table; Escape hides them."""
    page = await open_page(demo, "/?window=90d")
    await page.locator(CHART).focus()
    await page.keyboard.press("End")
    await page.keyboard.press("ArrowLeft")
    row = page.locator("#time-to-resolve-seconds tbody tr").nth(-2)
    shown = await page.locator(".tip").inner_text()
    for cell in await row.locator("td").all_text_contents():
        assert f": {cell}" in shown
    await page.keyboard.press("Escape")
    assert await page.locator(".tip").count() == 0


async def test_a_closer_look(demo: Gateway, open_page: Open) -> None:
    """Dragging over a chart shows that part of the window; a click on a week leads to its incidents."""
    page = await open_page(demo, "/?window=90d&urgency=high")
    x, y, width = await _span(page)
    await page.mouse.move(x + width * 0.3, y + 80)
    await page.mouse.down()
    await page.mouse.move(x + width * 0.6, y + 80, steps=4)
    async with page.expect_navigation():
        await page.mouse.up()
    assert "since=" in page.url
    assert "urgency=high" in page.url
    assert await page.locator("select[name=window]").input_value() == "custom"
    x, y, width = await _span(page)
    async with page.expect_navigation():
        await page.mouse.click(x + width * 0.5, y + 80)
    assert "/incidents?" in page.url


async def test_an_open_page_is_brought_up_to_date(demo: Gateway, open_page: Open) -> None:
    """After half a minute the newest numbers stand in the page; what was opened stays open, and the focus where it was."""
    page = await open_page(demo)
    await page.clock.install()
    await page.goto("/?window=90d")
    heading = page.locator("#totals h2")
    await heading.evaluate("heading => { heading.textContent = 'stale'; }")
    table = page.locator("#by-urgency details")
    await table.evaluate("table => { table.open = true; table.querySelector('summary').focus(); }")
    await page.clock.fast_forward(61_000)
    await expect(heading).not_to_have_text("stale")
    assert await table.evaluate("table => table.open && document.activeElement === table.querySelector('summary')")


async def test_nobody_is_disturbed(demo: Gateway, open_page: Open) -> None:
    """While somebody is in a field of the filters the page stays as it is."""
    page = await open_page(demo)
    await page.clock.install()
    await page.goto("/?window=90d")
    await page.locator("#totals h2").evaluate("heading => { heading.textContent = 'stale'; }")
    await page.locator("select[name=service]").focus()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.clock.fast_forward(120_000)
    await expect(page.locator("#totals h2")).to_have_text("stale")
    assert asked == []
