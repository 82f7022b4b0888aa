"""Where the pages are, and the application that imports the rest at the first request for one."""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from em_agent.dashboard.backend import Backend

# The first part of a page's path.
_FIRST = frozenset({"", "services", "incidents", "ask", "dora", "health", "login", "logout", "static"})
_OPEN = frozenset({"login", "logout", "static"})


def is_page(path: str) -> bool:
    """Whether the dashboard answers that path."""
    return _first(path) in _FIRST


def is_private(path: str) -> bool:
    """Whether the path is one of the dashboard's that asks for a key where keys are set."""
    return is_page(path) and _first(path) not in _OPEN


def _first(path: str) -> str:
    return path.split("/", 2)[1] if path.startswith("/") else path


class Dashboard:
    """ASGI application of the pages; templates, charts and jinja2 are imported when somebody first looks."""

    def __init__(self, backend: Backend) -> None:
        """Show what the backend has."""
        self._backend = backend
        self._site: ASGIApp | None = None
        self._opening = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the site, which is made now if this is the first request."""
        if self._site is None:
            async with self._opening:
                if self._site is None:
                    self._site = await asyncio.to_thread(self._open)
        await self._site(scope, receive, send)

    def _open(self) -> ASGIApp:
        from em_agent.dashboard.site import build_site

        return build_site(self._backend)
