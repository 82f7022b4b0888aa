"""Static files, each at an address that has the hash of what is in it, so that browsers keep it for good."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from em_agent.errors import NotFoundError

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_KEPT = "public, max-age=31536000, immutable"
_ASKED_AGAIN = "no-cache"


@dataclass(frozen=True)
class Asset:
    """A file with what the browser is told of it."""

    body: bytes
    media_type: str
    digest: str


@cache
def read_assets() -> dict[str, Asset]:
    """Every static file of the package by its name."""
    found = {}
    for entry in (files("em_agent.dashboard") / "static").iterdir():
        if entry.is_file():
            body = entry.read_bytes()
            suffix = f".{entry.name.rpartition('.')[2]}"
            media_type = _TYPES.get(suffix) or mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
            found[entry.name] = Asset(body, media_type, hashlib.sha256(body).hexdigest()[:16])
    return found


def address(name: str) -> str:
    """Where the static file is; a name that is none is a mistake in a template."""
    return f"/static/{name}?{read_assets()[name].digest}"


async def serve_asset(request: Request) -> Response:
    """The file.

    Raises:
        NotFoundError: there is none of that name.

    """
    asset = read_assets().get(request.path_params["name"])
    if asset is None:
        message = "There is no such file."
        raise NotFoundError(message)
    etag = f'"{asset.digest}"'
    kept = _KEPT if request.url.query == asset.digest else _ASKED_AGAIN
    headers = {"ETag": etag, "Cache-Control": kept, "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(asset.body, media_type=asset.media_type, headers=headers)
