"""Every page in a browser: on the demo's data, on hostile data, on none."""

from urllib.parse import quote

import pytest
from playwright.async_api import Page

from tests.dashboard.browser import DESKTOP, PHONE, barriers, overflows
from tests.dashboard.conftest import KEY, Open
from tests.dashboard.hostile import ENDLESS, INCIDENTS, MARKUP, ODD_ID, ODD_SERVICE, RIGHT_TO_LEFT, TITLES
from tests.parts import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

LARGEST_BYTES = 300_000
SECTIONS = ("/", "/services", "/incidents", "/ask", "/dora", "/health?window=90d")
IN_WINDOW = ("/?window=90d", "/services?window=90d", "/services/Checkout%20API?window=90d", "/dora?window=90d")
# What would be there if a title had been taken for markup.
_MADE = "main script, main iframe, main img, main style, main link, main b, main [onload], main [onerror], main [onmouseover]"


async def _look(page: Page, path: str, status: int = 200, *, is_judged: bool = True, in_dark: bool = False) -> None:
    """Open the page with its tables, light on a desk, dark on a phone, and on paper; axe is slow and judges where asked.

    In the dark it judges colours alone: the elements are those of the light.
    """
    response = await page.goto(path)
    assert response is not None
    assert response.status == status
    assert len(await response.body()) < LARGEST_BYTES
    assert await page.locator("h1").count() == 1
    await page.locator(".figure details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    assert not is_judged or await barriers(page) == [], page.url
    assert not await overflows(page), path
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size(PHONE)
    assert not in_dark or await barriers(page, "color-contrast") == [], page.url
    assert not await overflows(page), path
    await page.emulate_media(color_scheme="light", media="print")
    assert await page.locator("h1").is_visible()
    assert not await page.locator("nav[aria-label='Pages'], form.filters, form.search").first.is_visible()
    await page.emulate_media(media="screen")
    await page.set_viewport_size(DESKTOP)


async def _newest(gateway: Gateway) -> dict[str, str]:
    newest: dict[str, str] = (await gateway.client.get("/v1/incidents?limit=1&status=resolved")).json()["incidents"][0]
    return newest


async def test_sections(demo: Gateway, open_page: Open) -> None:
    """Each section is open to everybody, on every screen and on paper."""
    page = await open_page(demo)
    for path in (*IN_WINDOW, *SECTIONS[2:4], SECTIONS[5]):
        await _look(page, path, in_dark=True)


async def test_filters_fold_on_a_phone(demo: Gateway, open_page: Open) -> None:
    """On a phone the filters are one line that says what is chosen, opened by a key; on a desk they are there."""
    page = await open_page(demo, "/?window=90d&urgency=high", java_script_enabled=False)
    assert await page.locator("select[name=urgency]").is_visible()
    assert not await page.locator("details.fold summary").is_visible()
    await page.set_viewport_size(PHONE)
    assert not await page.locator("select[name=urgency]").is_visible()
    assert await page.locator("details.fold summary").inner_text() == "Filters: Last 90 days, high"
    await page.locator("details.fold summary").press("Enter")
    assert await page.locator("select[name=urgency]").is_visible()


_BROKEN_WORDS = """() => [...document.querySelectorAll("th, td, th a, td a")].flatMap(cell => [...cell.childNodes]
    .filter(node => node.nodeType === Node.TEXT_NODE)
    .flatMap(node => [...node.textContent.matchAll(/\\b[A-Za-z]{2,12}\\b/g)].filter(word => {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > 1;
    }).map(word => word[0])))"""


async def test_words_of_tables_are_whole(demo: Gateway, open_page: Open) -> None:
    """No word of a usual length in a table is broken in two, on a laptop or a phone."""
    page = await open_page(demo)
    for path in (*IN_WINDOW, "/incidents?window=90d", "/health?window=90d"):
        await page.goto(path)
        for width in (1200, 390):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate(_BROKEN_WORDS) == [], f"{path} at {width}"


async def test_incident(demo: Gateway, open_page: Open) -> None:
    """So are an incident, its events, what a search finds, an answer, and what is not there."""
    path = f"/incidents/{(await _newest(demo))['id']}"
    page = await open_page(demo, expected=["404", "422"])
    for wanted in (
        path,
        f"{path}/events",
        "/incidents?q=database+connections",
        "/ask?q=what+caused+the+last+checkout+outage%3F",
    ):
        await _look(page, wanted)
    await _look(page, "/incidents/none", 404)
    await _look(page, "/incidents?sort=colour", 422)


async def test_nothing_yet(empty: Gateway, open_page: Open) -> None:
    """A page that has nothing to show says what to do, with the command."""
    page = await open_page(empty)
    for path in (*SECTIONS, "/incidents?q=database", "/ask?q=what+was+our+MTTR%3F"):
        await _look(page, path)
        if "ask?q" not in path:
            assert await page.locator(".empty code.command").first.is_visible(), path


async def test_hostile_texts(hostile: Gateway, open_page: Open) -> None:
    """Texts of senders stay texts, wherever they stand, and never make a page wider than its window."""
    page = await open_page(hostile)
    incident = f"/incidents/{quote(ODD_ID, safe='')}"
    for path in (
        "/", "/services?sort=name", "/services/PODD", "/incidents?service=PODD", "/incidents?q=alert+script", incident, f"{incident}/events", "/ask?q=what+happened+in+the+last+24+hours%3F",
        "/health",
    ):  # fmt: skip
        await _look(page, path, is_judged=path in {"/services/PODD", "/incidents?service=PODD", incident})
        assert await page.locator(_MADE).count() == 0, path
        assert await page.locator("a[href^='javascript' i]").count() == 0, path
        assert "<script>alert" not in await page.title() or "&lt;" in await page.evaluate("document.head.innerHTML")


async def test_endless_texts(hostile: Gateway, open_page: Open) -> None:
    """Titles, names and notes without end make no page without end, and what is left out is said."""
    page = await open_page(hostile)
    for path in (f"/incidents/{ENDLESS}", f"/incidents/{ENDLESS}/events", "/incidents?window=365d&service=PENDLESS"):
        response = await page.goto(path)
        assert response is not None
        assert response.ok
        assert len(await response.body()) < LARGEST_BYTES, path
    for path in ("/", "/services/PENDLESS?window=365d"):
        await page.goto(path)
        assert await page.evaluate("document.body.scrollHeight") < 5_000, path
    await page.goto(f"/incidents/{ENDLESS}")
    assert 0 < await page.locator("ul.notes li").count() < 80
    assert "older ones are among the events" in await page.locator("#notes").inner_text()


async def test_titles_are_whole(hostile: Gateway, open_page: Open) -> None:
    """Each title stands in the list character by character, and one that is written from the right is read from there."""
    page = await open_page(hostile, f"/incidents?service={quote(ODD_SERVICE)}")
    shown = await page.locator("tr[data-incident] th.title a").all_text_contents()
    assert sorted(shown) == sorted(TITLES)
    cell = page.locator("th.title", has_text=RIGHT_TO_LEFT)
    assert await cell.evaluate("cell => getComputedStyle(cell).direction") == "rtl"
    await page.locator("tr[data-incident] th.title a", has_text=MARKUP[0]).click()
    assert MARKUP[0] in await page.locator("h1").inner_text()
    assert await page.locator("blockquote").first.inner_text() == f"{MARKUP[0]}\nfixed by {MARKUP[0]} & rest"
    assert await page.get_by_role("link", name="Open in PagerDuty").count() == 0


async def test_a_time_that_is_unknown_is_not_an_empty_window(hostile: Gateway) -> None:
    """Where there are incidents, but none was acknowledged, the panel says that, not that there is no incident."""
    text = (await hostile.client.get("/?window=7d&service=PSVC1")).text
    panel = text.partition('id="time-to-acknowledge-seconds"')[2].partition("</section>")[0]
    assert "No incident of this window was acknowledged (n = " in panel
    assert "matches these filters" not in text


async def test_many(hostile: Gateway, open_page: Open) -> None:
    """Five thousand incidents of a day are counted, and paged without losing or repeating one at the seams."""
    page = await open_page(hostile, "/incidents?window=7d")
    assert await page.locator("[data-metric=incidents]").get_attribute("data-value") == str(INCIDENTS + len(TITLES))
    seen: list[str] = []
    for _ in range(3):
        rows = page.locator("tr[data-incident]")
        seen += [await row.get_attribute("data-incident") or "" for row in await rows.all()]
        await page.get_by_role("link", name="Next 50").click()
    answer = await hostile.client.get("/v1/incidents?limit=150")
    assert seen == [incident["id"] for incident in answer.json()["incidents"]]


async def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(80):
        await page.keyboard.press("Tab")
        if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    message = f"{selector} is not reached"
    raise AssertionError(message)


async def test_keyboard_alone(demo: Gateway, open_page: Open) -> None:
    """Without a mouse one skips to the content, filters, opens an incident, searches, and comes back."""
    page = await open_page(demo, "/incidents")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
    await page.keyboard.press("Enter")
    await _tab_to(page, "select[name=urgency]")
    await page.keyboard.type("low")
    await _tab_to(page, "form.filters button")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    assert "urgency=low" in page.url
    await _tab_to(page, "th.title a")
    title = await page.evaluate("document.activeElement.textContent")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    assert title in await page.locator("h1").inner_text()
    await page.go_back()
    await _tab_to(page, "input[name=q]")
    await page.keyboard.type("database outage")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    assert await page.locator("ol.hits li").count() > 0


async def test_without_scripts(demo: Gateway, open_page: Open) -> None:
    """Filters, sorting, paging and questions work where scripts are off."""
    page = await open_page(demo, "/incidents", java_script_enabled=False)
    await page.select_option("select[name=window]", "90d")
    await page.get_by_role("button", name="Show").click()
    assert "window=90d" in page.url
    await page.get_by_role("link", name="To resolve").click()
    assert "sort=-time_to_resolve_seconds" in page.url
    await page.get_by_role("link", name="Next 50").click()
    assert await page.locator("tr[data-incident]").count() == 50
    await page.get_by_role("link", name="Ask", exact=True).click()
    await page.get_by_role("link", name="which incidents are open?").click()
    assert await page.locator("div.answer[data-abstained=false]").count() == 1


async def test_sign_in(guarded: Gateway, open_page: Open) -> None:
    """Where keys are set a page leads to the form, the form back to the page, and signing out ends it."""
    page = await open_page(guarded, "/incidents?urgency=high", expected=["401"])
    assert "/login" in page.url
    assert await barriers(page) == [], page.url
    await page.get_by_label("API key").fill("wrong")
    await page.keyboard.press("Enter")
    await page.get_by_role("alert").wait_for()
    await page.get_by_label("API key").fill(KEY)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    assert page.url == f"{guarded.url}/incidents?urgency=high"
    assert KEY not in str(await page.context.cookies())
    assert await page.locator("tr[data-incident]").count() > 0
    await page.get_by_role("button", name="Sign out").click()
    await page.goto("/health")
    assert "/login" in page.url
