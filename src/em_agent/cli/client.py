"""Commands ask the running product over its API."""

from typing import Any

from em_agent.addresses import goes_direct
from em_agent.errors import EmAgentError, InvalidError, PermanentError, RetriableError, UnauthenticError

ANSWER_SECONDS = 60.0
_SERVER_ERROR, _INVALID = 500, 422


def where(url: str | None, key: str | None) -> tuple[str, str | None]:
    """The API's address and key: those given, else of what runs on this machine's data directory."""
    if url is not None:
        return url, key
    from em_agent.embedded.endpoints import in_use
    from em_agent.settings import load_settings

    settings = load_settings()
    return in_use(settings).api_url, key or next(iter(settings.api_key_values), None)


def call(url: str, key: str | None, path: str, *, parameters: dict[str, Any] | None = None, body: object = None) -> str:
    """The API's answer, as text: to a GET, or to a POST where there is a body.

    Raises:
        RetriableError: the API does not answer.
        UnauthenticError: it wants another key.
        InvalidError: what is asked is wrong.
        PermanentError: the address is wrong, or the API is.

    """
    import httpx2

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    method = "GET" if body is None else "POST"
    try:
        answer = httpx2.request(
            method,
            f"{url.rstrip('/')}{path}",
            params=parameters,
            json=body,
            headers=headers,
            timeout=ANSWER_SECONDS,
            trust_env=not goes_direct(url),
        )
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        message = f"{url} is no address of the API: {error}."
        raise PermanentError(message) from error
    except httpx2.TransportError as error:
        message = f"The API at {url} does not answer ({error}): start it with `em-agent up`, or give --url."
        raise RetriableError(message) from error
    if answer.is_success:
        return answer.text
    raise _error(answer.status_code, _detail(answer), url)


def _error(status: int, detail: str, url: str) -> EmAgentError:
    if status in {401, 403}:
        return UnauthenticError(f"The API at {url} refuses: {detail} Give --key, or set EM_AGENT_API_KEY.")
    if status == _INVALID:
        return InvalidError(detail)
    family = RetriableError if status >= _SERVER_ERROR else PermanentError
    return family(f"The API at {url} answered {status}: {detail}")


def _detail(answer: Any) -> str:  # noqa: ANN401 - httpx2 is imported late
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return str(answer.text)[:200]
