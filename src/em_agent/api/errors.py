"""One error shape for every route: `{"detail": "<a sentence>"}` with the right status."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from em_agent.errors import (
    ConflictError,
    EmAgentError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RetriableError,
    TooLargeError,
    UnauthenticError,
)
from em_agent.kit.postgres import UNREACHABLE

STATUS: dict[type, int] = {
    UnauthenticError: 401,
    ForbiddenError: 403,
    InvalidError: 422,
    NotFoundError: 404,
    TooLargeError: 413,
    ConflictError: 409,
    RetriableError: 503,
}

# What FastAPI says of a body that is no text at all; of one that is text but no JSON it says 422.
_UNREADABLE_STATUS = 400
_UNREADABLE = "There was an error parsing the body"

log = structlog.get_logger()


class Problem(BaseModel):
    """What every error answer looks like."""

    detail: str


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these error statuses."""
    return {status: {"model": Problem} for status in statuses}


def answer(status: int, detail: str, **headers: str) -> JSONResponse:
    """The error as a response; a 503 says when to try again."""
    if status == STATUS[RetriableError]:
        headers.setdefault("Retry-After", "2")
    return JSONResponse({"detail": detail}, status_code=status, headers=headers)


def install_error_handlers(app: FastAPI) -> None:
    """Give every error that a route may raise our shape."""

    @app.exception_handler(EmAgentError)
    async def _ours(_: Request, error: EmAgentError) -> JSONResponse:
        status = next((STATUS[family] for family in type(error).__mro__ if family in STATUS), 500)
        return answer(status, str(error))

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == _UNREADABLE_STATUS and error.detail == _UNREADABLE:
            return answer(422, "The body is not JSON.")
        return answer(error.status_code, str(error.detail), **dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return answer(422, sentence(error.errors(), skip=1))

    @app.exception_handler(asyncpg.DataError)
    async def _data(_: Request, __: asyncpg.DataError) -> JSONResponse:
        return answer(422, "A value of the request cannot be stored or compared, such as a NUL character.")

    for family in UNREACHABLE:
        app.add_exception_handler(family, _unreachable)
    app.add_exception_handler(Exception, _unforeseen)


async def _unreachable(_: Request, error: Exception) -> JSONResponse:
    log.warning("request.unavailable", error=repr(error))
    return answer(503, "The database does not answer; try again.")


async def _unforeseen(_: Request, error: Exception) -> JSONResponse:
    log.error("request.failed", exc_info=error)
    return answer(500, "Something went wrong here; the log has the details.")


def sentence(errors: Sequence[Any], *, whole: str = "the body", skip: int = 0) -> str:
    """What is wrong first, and where, but for the first `skip` parts of the place."""
    first = errors[0]
    if first["type"] == "json_invalid":  # the place is one in the text, which is no name
        return f"{whole}: it is not JSON: {first['ctx']['error']}."
    name = ".".join(str(part) for part in first["loc"][skip:]) or whole
    return f"{name}: {first['msg'].removeprefix('Value error, ')}."
