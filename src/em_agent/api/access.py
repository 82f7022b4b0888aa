"""Who may ask: API keys where they are set, else only this machine's own pages and programs."""

import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from em_agent.api.errors import answer

# What keys protect; health, metrics and the API's description stay open for probes and scrapers.
PROTECTED = ("/v1/", "/crawl/")
_LOOPBACK_NAMES = {"localhost", "::1"}


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
            headers = Headers(scope=scope)
            if self._keys:
                if scope["path"].startswith(PROTECTED) and not self._has_key(headers):
                    detail = "An API key is required: Authorization: Bearer <one of EM_AGENT_API_KEYS>."
                    await answer(401, detail, **{"WWW-Authenticate": "Bearer"})(scope, receive, send)
                    return
            elif not _is_local(headers):
                detail = "Requests from elsewhere are refused: set EM_AGENT_API_KEYS to allow them."
                await answer(403, detail)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _has_key(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        key = given.strip().encode("latin-1", "replace")
        matches = [hmac.compare_digest(key, known) for known in self._keys]
        return scheme.lower() == "bearer" and any(matches)


def _is_local(headers: Headers) -> bool:
    host = headers.get("host", "")
    if not _is_loopback_name(_name(host)):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    parts = urlsplit(origin) if origin.startswith(("http://", "https://")) else None
    if parts is None:
        return False
    return _is_loopback_name(_name(parts.netloc)) and _port(parts.netloc) == _port(host)


def _name(netloc: str) -> str:
    if netloc.startswith("["):
        return netloc[1:].partition("]")[0].lower()
    return netloc.partition(":")[0].lower()


def _port(netloc: str) -> str:
    port = netloc.rpartition("]")[2].partition(":")[2]
    return port or "80"


def _is_loopback_name(name: str) -> bool:
    parts = name.split(".")
    is_ipv4 = len(parts) == 4 and all(part.isascii() and part.isdigit() for part in parts)  # noqa: PLR2004
    return name in _LOOPBACK_NAMES or (is_ipv4 and parts[0] == "127")
