"""Takes the screenshots that the README shows: `make screenshots`.

Runs the demo on a directory and ports of its own, waits until everything is taken in, and looks at the pages in the
machine's Chromium.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from playwright.sync_api import Page, sync_playwright

from em_agent.embedded.data_directory import free_port

IMAGES = Path(__file__).parents[1] / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SIZE = (1200, 720)
LARGEST_BYTES = 150_000
_START_SECONDS = 900.0
_CAUGHT_UP_SECONDS = 900.0

# What is shown of each, by the name of its image.
PAGES = {
    "overview": "/?window=90d",
    "services": "/services?window=90d",
    "incidents": "/incidents?window=90d&urgency=high",
    "ask": "/ask?q=what+caused+the+last+outage+of+Checkout+API%3F",
    "dora": "/dora?window=90d",
    "health": "/health?window=90d",
}


def main() -> int:
    """The number of images that grew too large for a README, as the exit status."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        sys.stderr.write(f"No browser on the PATH: install one of {', '.join(BROWSERS)}.\n")
        return 2
    IMAGES.mkdir(parents=True, exist_ok=True)
    with _demo() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            base_url=url, viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme="light", reduced_motion="reduce"
        )
        large = [name for name, where in PAGES.items() if not _shoot(page, name, where)]
        large += [] if _shoot(page, "incident", _telling_incident(url)) else ["incident"]
        browser.close()
    return len(large)


def _shoot(page: Page, name: str, where: str) -> bool:
    """Take one image; whether it is small enough."""
    response = page.goto(where, wait_until="networkidle")
    if response is None or not response.ok:
        message = f"{where} answers {response and response.status}"
        raise RuntimeError(message)
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    size = path.stat().st_size
    sys.stdout.write(f"{path.name}: {size // 1000} kB\n")
    return size <= LARGEST_BYTES


def _telling_incident(url: str) -> str:
    """The page of a recent incident of which much was written."""
    found = httpx2.get(f"{url}/v1/incidents?status=resolved&urgency=high&limit=60").json()["incidents"]
    details = [httpx2.get(f"{url}/v1/incidents/{one['id']}").json() for one in found]
    most = max(details, key=lambda one: sum(len(note["content"]) for note in one["notes"]))
    return f"/incidents/{most['id']}"


@contextmanager
def _demo() -> Iterator[str]:
    """The address of a demo that has taken everything in; it is ended and removed on exit."""
    with tempfile.TemporaryDirectory(prefix="em-agent-screenshots-") as folder:
        port = free_port()
        settings = {"EM_AGENT_PORT": str(port), "EM_AGENT_CONNECTORS_PORT": str(free_port())}
        process = subprocess.Popen(
            [sys.executable, "-m", "em_agent", "demo"],
            env={**os.environ, **settings, "EM_AGENT_DATA_DIR": f"{folder}/data"},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            _wait_ready(process)
            url = f"http://127.0.0.1:{port}"
            _wait_caught_up(url)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_ready(process: "subprocess.Popen[str]") -> None:
    too_late = threading.Timer(_START_SECONDS, process.terminate)
    too_late.start()
    try:
        for line in process.stdout or ():
            sys.stdout.write(line)
            if line.startswith("The demo is ready"):
                return
    finally:
        too_late.cancel()
    message = "the demo did not become ready"
    raise RuntimeError(message)


def _wait_caught_up(url: str) -> None:
    """Wait until nothing waits: the events taken in by every consumer, the models new, every passage embedded.

    Raises:
        RuntimeError: that takes too long.

    """
    deadline = time.monotonic() + _CAUGHT_UP_SECONDS
    while waiting := _waiting(url):
        if time.monotonic() > deadline:
            message = f"still waiting: {waiting}"
            raise RuntimeError(message)
        time.sleep(2)


def _waiting(url: str) -> dict[str, int]:
    """What is more than nothing on the page of health; all of it where the page cannot say."""
    text = httpx2.get(f"{url}/health", timeout=60).text
    counts = dict(re.findall(r'data-metric="((?:outbox|lag|search)\.\w+)" data-value="(\d+)"', text))
    if not counts:
        return {"unknown": 1}
    return {name: int(count) for name, count in counts.items() if name != "outbox.age_seconds" and count != "0"}


if __name__ == "__main__":
    sys.exit(main())
