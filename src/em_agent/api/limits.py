"""How long a request's body may be: nobody fills the memory by one."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from em_agent.api.errors import answer
from em_agent.kit.bodies import discard_body

MOST_BYTES = 1 << 20
BULK_BYTES = 32 << 20
LIMITS = {"/v1/rag/index/bulk": BULK_BYTES, "/v1/rag/index": 8 << 20}


class BodyLimit:
    """ASGI middleware that answers 413 to a body over the limit of its path, announced or not."""

    def __init__(self, app: ASGIApp, limits: Mapping[str, int] = LIMITS) -> None:
        """Let `app` read bodies of up to so many bytes by path, and 1 MiB elsewhere."""
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its body as far as the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], MOST_BYTES)
        detail = f"The body is longer than {limit} bytes."
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            headers = {} if await discard_body(receive) else {"Connection": "close"}
            await answer(413, detail, **headers)(scope, receive, send)
            return
        length = 0

        async def bounded() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > limit:
                if message.get("more_body", False):
                    await discard_body(receive)
                raise HTTPException(413, detail)  # the one that FastAPI lets through while it reads
            return message

        await self._app(scope, bounded, send)
