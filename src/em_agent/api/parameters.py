"""What holds for the parameters of every route."""

from collections.abc import Collection

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from em_agent.errors import InvalidError


def refuse_unknown(given: Collection[str], known: Collection[str]) -> None:
    """Refuse a parameter that does not exist: ignored, it would be answered with something else than was asked.

    Raises:
        InvalidError: one of those given is not known.

    """
    unknown = sorted(set(given) - set(known))
    if unknown:
        message = f"There is no parameter {unknown[0]}; there are {', '.join(sorted(known)) or 'none'}."
        raise InvalidError(message)


def given(request: Request, known: Collection[str]) -> dict[str, list[str]]:
    """The texts of the query, for whoever reads them as one mapping.

    Raises:
        InvalidError: one of its names is not known.

    """
    refuse_unknown(list(request.query_params), known)
    return {name: request.query_params.getlist(name) for name in request.query_params}


async def known_only(request: Request) -> None:
    """Refuse what the route does not declare; a dependency of routers."""
    route = request.scope["route"]
    if isinstance(route, APIRoute):
        refuse_unknown(list(request.query_params), _declared(route.dependant))


def _declared(dependant: Dependant) -> list[str]:
    """The names of what it takes from the query, itself or by what it depends on."""
    own = [field.alias for field in dependant.query_params]
    return own + [name for other in dependant.dependencies for name in _declared(other)]
