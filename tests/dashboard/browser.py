"""A real Chromium, and pages that are watched: what goes wrong in one of them is the test's failure."""

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, ViewportSize, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Nothing of the browser's own goes out; the sandbox cannot be had as root.
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
_LOCAL_SCHEMES = {"data", "blob", "about"}
_SERIOUS = {"serious", "critical"}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 375, "height": 740}


def find_browser() -> str:
    """The path of the machine's Chromium; without one the test is skipped, where a machine proves the product it fails."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        message = f"no browser on the PATH: install one of {', '.join(NAMES)} to look at the pages"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    return found


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """A headless browser, closed on exit."""
    path = find_browser()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Watch:
    """What went wrong in the pages of a context."""

    origin: str
    expected: Sequence[str]  # texts of console errors that a test provokes
    troubles: list[str] = field(default_factory=list)

    def attach(self, context: BrowserContext) -> None:
        """Watch every page of the context."""
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.troubles.append(f"page error: {error.error}"))
        context.on("request", self._on_request)
        context.on("dialog", lambda dialog: self.troubles.append(f"dialog: {dialog.message}"))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(text in message.text for text in self.expected):
            self.troubles.append(f"console: {message.text} at {message.location}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in _LOCAL_SCHEMES and f"{parts.scheme}://{parts.netloc}" != self.origin:
            self.troubles.append(f"request to {request.url}")


@asynccontextmanager
async def watched(
    browser: Browser, origin: str, *, expected: Sequence[str] = (), **options: Any
) -> AsyncIterator[Page]:
    """A new page on the origin, without cookies; it has to be without trouble when it is closed, but for what is expected."""
    context = await browser.new_context(
        **{"base_url": origin, "viewport": DESKTOP, "reduced_motion": "reduce", **options}
    )
    context.set_default_timeout(45_000)
    watch = Watch(origin, expected)
    watch.attach(context)
    try:
        yield await context.new_page()
    finally:
        await context.close()
    assert not watch.troubles, "; ".join(watch.troubles)


async def barriers(page: Page, *rules: str) -> list[str]:
    """What on the page keeps people out, by the judgement of axe or of these rules; serious and critical things alone."""
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    results = await Axe().run(page, options={"resultTypes": ["violations"], **only})
    return [
        f"{found['id']} ({found['impact']}): {[node['target'] for node in found['nodes'][:3]]} {found['nodes'][0]['html'][:200]}"
        for found in results.response["violations"]
        if found["impact"] in _SERIOUS
    ]


async def overflows(page: Page) -> bool:
    """Whether the page is wider than its window."""
    wide: bool = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1")
    return wide
