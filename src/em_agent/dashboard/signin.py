"""Signing in with an API key, and out again.

The cookie holds no key (see `kit/sessions.py`). It is `Lax`: a link from Slack opens the page signed in, while no form
of another site is sent with it. Forms are taken from our own pages only; the access guard checks where they come from.
"""

import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from em_agent.dashboard.attempts import Attempts
from em_agent.dashboard.page import Page
from em_agent.kit.sessions import COOKIE, LASTS_SECONDS, Sessions

_LONGEST_BODY = 8192


class SignIn:
    """The pages at `/login` and `/logout`."""

    def __init__(self, sessions: Sessions, show: Callable[[Request, Page], Response]) -> None:
        """Let in whoever has a key of the sessions; `show` makes a page."""
        self._sessions = sessions
        self._show = show
        self._attempts = Attempts(time.monotonic)

    async def show(self, request: Request) -> Response:
        """The form; the overview where no key is needed."""
        if not self._sessions.are_needed:
            return RedirectResponse("/", 303)
        return self._form(request, safe_path(request.query_params.get("next", "")))

    async def enter(self, request: Request) -> Response:
        """The way to the page that was wanted, with a cookie; or the form again, saying what is wrong."""
        if not self._sessions.are_needed:
            return RedirectResponse("/", 303)
        fields = await _read_form(request)
        wanted = safe_path(fields.get("next", ""))
        who = request.client.host if request.client else ""
        wait = self._attempts.wait_seconds(who)
        if wait:
            response = self._form(request, wanted, f"Too many wrong keys: try again in {wait} seconds.", 429)
            response.headers["Retry-After"] = str(wait)
            return response
        key = fields.get("key", "")
        if not self._sessions.is_key(key):
            self._attempts.note_failure(who)
            return self._form(request, wanted, "That is none of the keys in EM_AGENT_API_KEYS.", 401)
        self._attempts.forget(who)
        response = RedirectResponse(wanted, 303, headers={"Cache-Control": "no-store"})
        response.set_cookie(
            COOKIE,
            self._sessions.issue(key, time.time()),
            max_age=LASTS_SECONDS,
            path="/",
            secure=_is_encrypted(request),
            httponly=True,
            samesite="lax",
        )
        return response

    async def leave(self, request: Request) -> Response:
        """The way to the form, without the cookie."""
        response = RedirectResponse("/login" if self._sessions.are_needed else "/", 303)
        response.delete_cookie(COOKIE, path="/", secure=_is_encrypted(request), httponly=True, samesite="lax")
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    def _form(self, request: Request, wanted: str, problem: str | None = None, status: int = 200) -> Response:
        return self._show(request, Page("login.html", "Sign in", {"wanted": wanted, "problem": problem}, status))


def safe_path(text: str) -> str:
    """The text where it is a path of ours with its query, else the overview's: a link may lead nowhere else."""
    parts = urlsplit(text) if text.isprintable() and "\\" not in text else None
    if parts is None or parts.scheme or parts.netloc or not text.startswith("/") or text.startswith("//"):
        return "/"
    return text


async def _read_form(request: Request) -> dict[str, str]:
    """The fields of a form; those of one that is too long are none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BODY:
            return {}
    return {name: texts[0] for name, texts in parse_qs(body.decode("utf-8", "replace")).items()}


def _is_encrypted(request: Request) -> bool:
    """Whether the browser speaks HTTPS, to us or to what stands before us."""
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto", "").lower() == "https"
