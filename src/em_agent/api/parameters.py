"""What holds for the parameters of every route."""

from collections.abc import Collection
from urllib.parse import unquote_to_bytes

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from em_agent.errors import InvalidError


def _refuse_unknown(request: Request, known: Collection[str]) -> None:
    """Refuse what would be ignored or read as something else, and answered with something else than was asked.

    Raises:
        InvalidError: a parameter is not known, or the query is not UTF-8.

    """
    try:
        unquote_to_bytes(request.scope["query_string"]).decode()
    except UnicodeDecodeError as error:
        message = "A parameter is not UTF-8 with percent signs, such as service=Z%C3%BCrich."
        raise InvalidError(message) from error
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        message = f"There is no parameter {unknown[0]}; there are {', '.join(sorted(known)) or 'none'}."
        raise InvalidError(message)


def given(request: Request, known: Collection[str]) -> dict[str, list[str]]:
    """The texts of the query, for whoever reads them as one mapping.

    Raises:
        InvalidError: one of its names is not known, or it is not UTF-8.

    """
    _refuse_unknown(request, known)
    return {name: request.query_params.getlist(name) for name in request.query_params}


async def known_only(request: Request) -> None:
    """Refuse what the route does not declare; a dependency of routers."""
    route = request.scope["route"]
    if isinstance(route, APIRoute):
        _refuse_unknown(request, _declared(route.dependant))


def _declared(dependant: Dependant) -> list[str]:
    """The names of what it takes from the query, itself or by what it depends on."""
    own = [field.alias for field in dependant.query_params]
    return own + [name for other in dependant.dependencies for name in _declared(other)]
