"""What a post of a deployment has to say, and what it may."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from em_agent.domain.times import parse_time
from em_agent.errors import InvalidError
from em_agent.integrations.readers import Document

STATUSES = ("success", "failure", "in_progress")
KINDS = ("planned", "rollback", "hotfix")

_LONGEST_NAME = 200
_LONGEST_URL = 2000
# Not only git's hashes: other systems number their revisions.
_SHA = re.compile(r"[!-~]{1,64}")
_MOST = 2**63

# What is wrong with a value, in words that follow its name; None where nothing is.
_Rule = Callable[[object], str | None]


def _name(value: object) -> str | None:
    if isinstance(value, str) and value.strip() and len(value) <= _LONGEST_NAME and value.isprintable():
        return None
    return f"it should be a text of 1 to {_LONGEST_NAME} characters, all of them visible"


def _identifier(value: object) -> str | None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST
    if is_number or _name(value) is None:
        return None
    return f"it should be a whole number, or a text of 1 to {_LONGEST_NAME} characters, all of them visible"


def _one_of(*words: str) -> _Rule:
    def rule(value: object) -> str | None:
        return None if isinstance(value, str) and value in words else f"it should be one of {', '.join(words)}"

    return rule


def _sha(value: object) -> str | None:
    is_sha = isinstance(value, str) and _SHA.fullmatch(value) is not None
    return None if is_sha else "it should be the commit's hash: 1 to 64 letters and digits, without spaces"


def _time(value: object) -> str | None:
    is_time = parse_time(value) is not None
    return None if is_time else "it should be an ISO 8601 time such as 2026-03-01T09:30:00Z"


def _url(value: object) -> str | None:
    is_url = isinstance(value, str) and len(value) <= _LONGEST_URL and value.isprintable() and _is_web(value)
    return None if is_url else f"it should be an http or https address of at most {_LONGEST_URL} characters"


def _is_web(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


REQUIRED: Mapping[str, _Rule] = {
    "id": _identifier,
    "service": _name,
    "environment": _name,
    "status": _one_of(*STATUSES),
}
OPTIONAL: Mapping[str, _Rule] = {
    "started_at": _time,
    "finished_at": _time,
    "sha": _sha,
    "repository": _name,
    "kind": _one_of(*KINDS),
    "rollback_of": _identifier,
    "incident": _identifier,
    "url": _url,
}


def check(document: Document) -> None:
    """Refuse a post that lacks something or says it in a way that is none; a further field may be anything.

    Raises:
        InvalidError: the text is a sentence that begins with the field's name.

    """
    for name, rule in REQUIRED.items():
        if document.get(name) is None:
            message = f"{name}: it is required."
            raise InvalidError(message)
        _apply(name, rule, document[name])
    for name, rule in OPTIONAL.items():
        if document.get(name) is not None:
            _apply(name, rule, document[name])
    if document.get("started_at") is None and document.get("finished_at") is None:
        message = "finished_at: a time is required: it, or started_at."
        raise InvalidError(message)


def _apply(name: str, rule: _Rule, value: object) -> None:
    wrong = rule(value)
    if wrong is not None:
        message = f"{name}: {wrong}."
        raise InvalidError(message)
