"""The pages and their routes, their headers, and errors as pages."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from em_agent.dashboard import signin
from em_agent.dashboard.assets import serve_asset
from em_agent.dashboard.backend import Backend
from em_agent.dashboard.filters import Filters, read_filters
from em_agent.dashboard.naming import NameBook
from em_agent.dashboard.page import Move, Page, PageFunction, Visit
from em_agent.dashboard.pages import ask, dora, events, health, incident, incidents, overview, services
from em_agent.dashboard.rendering import render
from em_agent.errors import EmAgentError, ForbiddenError, InvalidError, NotFoundError, RetriableError
from em_agent.kit.postgres import UNREACHABLE

ROUTES: dict[str, PageFunction] = {
    "/": overview.show,
    "/services": services.show,
    "/services/{service:path}": services.show_one,
    "/incidents": incidents.show,
    "/incidents/{id:path}/events": events.show,
    "/incidents/{id:path}": incident.show,
    "/ask": ask.show,
    "/dora": dora.show,
    "/health": health.show,
}
# What a form of a page sends, by its path.
ACTIONS: dict[str, PageFunction] = {"/health/dead-letters/{id}/replay": health.replay}

_STATUS: dict[type[EmAgentError], tuple[int, str]] = {
    NotFoundError: (404, "Not found"),
    InvalidError: (422, "That cannot be shown"),
    ForbiddenError: (403, "Not allowed"),
    RetriableError: (503, "Not reachable now"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "private, no-cache",
    "Vary": "Cookie",
}

log = structlog.get_logger()


def build_site(backend: Backend) -> ASGIApp:
    """The application of all pages."""
    site = _Site(backend)
    door = signin.SignIn(backend.sessions, site.plain)
    routes = [
        *(Route(path, site.page(function), methods=["GET"]) for path, function in ROUTES.items()),
        *(Route(path, site.page(function), methods=["POST"]) for path, function in ACTIONS.items()),
        Route("/login", door.show, methods=["GET"]),
        Route("/login", door.enter, methods=["POST"]),
        Route("/logout", door.leave, methods=["POST"]),
        Route("/static/{name}", serve_asset, methods=["GET"]),
    ]
    handlers: Mapping[Any, Any] = {
        EmAgentError: site.problem,
        HTTPException: site.http_problem,
        Exception: site.unforeseen,
        **dict.fromkeys(UNREACHABLE, site.unreachable),
    }
    return Starlette(routes=routes, exception_handlers=handlers)


class _Site:
    """Turns requests into visits, and what page functions give into responses."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._names = NameBook(backend.pool)

    def page(self, function: PageFunction) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a page function."""

        async def endpoint(request: Request) -> Response:
            now = datetime.now(UTC)
            filters = self._filters(request, now)
            names = await self._names.read(now)
            visit = Visit(backend=self._backend, request=request, filters=filters, now=now, names=names)
            shown = await function(visit)
            if isinstance(shown, Move):
                return RedirectResponse(shown.to, status_code=303, headers=HEADERS)
            return self._respond(visit, shown)

        return endpoint

    def plain(self, request: Request, page: Page) -> Response:
        """A page that looks at nothing that filters choose, such as an error."""
        now = datetime.now(UTC)
        filters = read_filters(request.url.path, {}, now=now, timezone=self._backend.timezone.key)
        return self._respond(Visit(backend=self._backend, request=request, filters=filters, now=now), page)

    async def problem(self, request: Request, error: EmAgentError) -> Response:
        """One of our errors as a page."""
        status, title = next((_STATUS[family] for family in type(error).__mro__ if family in _STATUS), (500, "Failed"))
        return self._problem(request, status, title, str(error))

    async def http_problem(self, request: Request, error: HTTPException) -> Response:
        """A path that is no page, or a method that it does not have."""
        missing = error.status_code == 404  # noqa: PLR2004
        title = "Not found" if missing else "Not possible"
        detail = "There is no page at this address." if missing else f"{error.detail}."
        response = self._problem(request, error.status_code, title, detail)
        response.headers.update(error.headers or {})
        return response

    async def unreachable(self, request: Request, error: Exception) -> Response:
        """What the database's absence raises."""
        log.warning("request.unavailable", error=repr(error))
        return self._problem(request, 503, "Not reachable now", "The database does not answer; try again.")

    async def unforeseen(self, request: Request, error: Exception) -> Response:
        """A mistake of ours."""
        log.error("request.failed", exc_info=error)
        return self._problem(request, 500, "Failed", "Something went wrong here; the log has the details.")

    def _filters(self, request: Request, now: datetime) -> Filters:
        given = {name: request.query_params.getlist(name) for name in request.query_params}
        return read_filters(request.url.path, given, now=now, timezone=self._backend.timezone.key)

    def _problem(self, request: Request, status: int, title: str, detail: str) -> Response:
        return self.plain(request, Page("problem.html", title, {"detail": detail, "status": status}, status))

    def _respond(self, visit: Visit, page: Page) -> Response:
        text = render(
            page.template,
            {
                **page.values,
                "title": page.title,
                "view": visit,
                "filters": visit.filters,
                "zone": visit.filters.query.timezone,
                "asks_for_keys": self._backend.sessions.are_needed,
            },
            visit.filters.query.zone,
            visit.now,
        )
        body = text.encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        headers = {**HEADERS, "ETag": etag}
        if page.status == 200 and visit.request.headers.get("if-none-match") == etag:  # noqa: PLR2004
            return Response(status_code=304, headers=headers)
        return Response(body, status_code=page.status, media_type="text/html", headers=headers)


__all__ = ["ACTIONS", "HEADERS", "ROUTES", "build_site"]
