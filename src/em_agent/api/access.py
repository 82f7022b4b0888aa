"""Who may ask: API keys where they are set, else only this machine's own pages and programs."""

import re
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from em_agent.api.errors import answer
from em_agent.kit.sessions import COOKIE, Sessions

# What keys protect; health, metrics and the API's description stay open for probes and scrapers.
PROTECTED = ("/v1/", "/crawl/")
LOGIN, LOGOUT = "/login", "/logout"
_OWN_FORMS = "Forms are taken from this service's own pages only."
_KEY_NEEDED = "An API key is required: Authorization: Bearer <one of EM_AGENT_API_KEYS>."
_FROM_ELSEWHERE = "Requests from elsewhere are refused: set EM_AGENT_API_KEYS to allow them."
_UNAUTHENTIC, _FORBIDDEN = 401, 403
_SAFE = frozenset({"GET", "HEAD"})
_LOOPBACK_NAMES = {"localhost", "::1"}
_ADDRESS = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^\[\]:@/]+)(?::(?P<port>[0-9]*))?")


def _no_page(_: str) -> bool:
    return False


class AccessGuard:
    """ASGI middleware that answers 401 and 403, and sends a browser without a session to the login page.

    With keys, a request proves itself by one of them or by the session that a key has opened. A browser sends the
    session's cookie whoever made it ask, so with the cookie alone nothing is changed but from a page of our own.

    Without keys the service listens on loopback only. What could reach it all the same is a page that the user's own
    browser loads from elsewhere: its requests carry a foreign Origin, or a foreign Host after DNS rebinding.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions, is_private_page: Callable[[str], bool] = _no_page) -> None:
        """Protect `app` by the keys of `sessions`; by Host and Origin when there are none."""
        self._app = app
        self._sessions = sessions
        self._is_private_page = is_private_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            refusal = self._refusal(scope, headers) if self._sessions.are_needed else _refusal_of_foreign(headers)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        is_page, is_read = self._is_private_page(scope["path"]), scope["method"] in _SAFE
        if not is_page and not scope["path"].startswith(PROTECTED):
            is_sign_in = not is_read and scope["path"] in {LOGIN, LOGOUT}
            return answer(_FORBIDDEN, _OWN_FORMS) if is_sign_in and not is_own_page(headers) else None
        if _has_key(headers, self._sessions):
            return None
        if self._sessions.is_valid(_cookie(headers), time.time()):
            return None if is_read or is_own_page(headers) else answer(_FORBIDDEN, _OWN_FORMS)
        if is_page and is_read:
            return _to_login(scope)
        return answer(_UNAUTHENTIC, _KEY_NEEDED, **{"WWW-Authenticate": "Bearer"})


def refuse_program(sessions: Sessions, scope: Scope) -> tuple[int, str] | None:
    """The status and the detail of the answer to a program that may not send; None for one that may.

    It proves itself by a key, for no browser has to send what it sends.
    """
    headers = Headers(scope=scope)
    if sessions.are_needed:
        return None if _has_key(headers, sessions) else (_UNAUTHENTIC, _KEY_NEEDED)
    return None if _is_local(headers) else (_FORBIDDEN, _FROM_ELSEWHERE)


def _has_key(headers: Headers, sessions: Sessions) -> bool:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return sessions.is_key(given) and scheme.lower() == "bearer"


def is_own_page(headers: Headers) -> bool:
    """Whether the browser says that the request comes from a page of this very address."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(headers.get("origin", ""))
    return origin.scheme in {"http", "https"} and origin.netloc.lower() == headers.get("host", "").lower()


def _to_login(scope: Scope) -> ASGIApp:
    asked = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
    return RedirectResponse(f"{LOGIN}?next={quote(asked, safe='')}", 303, {"Cache-Control": "no-store"})


def _cookie(headers: Headers) -> str:
    jar = SimpleCookie()
    try:
        jar.load("; ".join(headers.getlist("cookie")))
    except CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""


def _refusal_of_foreign(headers: Headers) -> ASGIApp | None:
    return None if _is_local(headers) else answer(_FORBIDDEN, _FROM_ELSEWHERE)


def _is_local(headers: Headers) -> bool:
    host = _ADDRESS.fullmatch(headers.get("host", ""))
    if host is None or not _is_loopback_name(_name(host)):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    page = _ADDRESS.fullmatch(origin.partition("://")[2]) if origin.startswith(("http://", "https://")) else None
    return page is not None and _is_loopback_name(_name(page)) and (page["port"] or "80") == (host["port"] or "80")


def _name(address: re.Match[str]) -> str:
    return address["name"].strip("[]").lower()


def _is_loopback_name(name: str) -> bool:
    parts = name.split(".")
    is_ipv4 = len(parts) == 4 and all(part.isascii() and part.isdigit() for part in parts)  # noqa: PLR2004
    return name in _LOOPBACK_NAMES or (is_ipv4 and parts[0] == "127")
