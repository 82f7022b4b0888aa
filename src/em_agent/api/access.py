"""Who may ask: API keys where they are set, else only this machine's own pages and programs."""

import hmac
import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from em_agent.api.errors import answer

# What keys protect; health, metrics and the API's description stay open for probes and scrapers.
PROTECTED = ("/v1/", "/crawl/")
_UNAUTHENTIC, _FORBIDDEN = 401, 403
_LOOPBACK_NAMES = {"localhost", "::1"}
_ADDRESS = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^\[\]:@/]+)(?::(?P<port>[0-9]*))?")


class AccessGuard:
    """ASGI middleware that answers 401 and 403.

    Without keys the service listens on loopback only. What could reach it all the same is a page that the user's own
    browser loads from elsewhere: its requests carry a foreign Origin, or a foreign Host after DNS rebinding.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        """Protect `app` by `keys`; by Host and Origin when there are none."""
        self._app = app
        self._keys = [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http":
            refusal = self.refusal(scope, wants_key=scope["path"].startswith(PROTECTED))
            if refusal is not None:
                status, detail = refusal
                headers = {"WWW-Authenticate": "Bearer"} if status == _UNAUTHENTIC else {}
                await answer(status, detail, **headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def refusal(self, scope: Scope, *, wants_key: bool) -> tuple[int, str] | None:
        """The status and the detail of the answer to whoever may not ask; None for who may."""
        headers = Headers(scope=scope)
        if self._keys:
            if wants_key and not self._has_key(headers):
                return _UNAUTHENTIC, "An API key is required: Authorization: Bearer <one of EM_AGENT_API_KEYS>."
        elif not _is_local(headers):
            return _FORBIDDEN, "Requests from elsewhere are refused: set EM_AGENT_API_KEYS to allow them."
        return None

    def _has_key(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        key = given.strip().encode("latin-1", "replace")
        matches = [hmac.compare_digest(key, known) for known in self._keys]
        return scheme.lower() == "bearer" and any(matches)


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
