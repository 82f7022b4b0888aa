"""Documents of the user's own: runbooks, post-mortems, whatever has a text."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from em_agent.domain.documents import Document, Passage
from em_agent.domain.times import parse_time
from em_agent.kit import json
from em_agent.search.chunks import paragraphs
from em_agent.search.exact import INCIDENT_PREFIX
from em_agent.search.incident_documents import SOURCE as INCIDENT_SOURCE

LONGEST_TEXT = 1_000_000
_LONGEST_META_BYTES = 32_768
# What is filtered by stands in indexes, which take 2.7 kB.
_FILTERED = ("service_id", "service", "team", "teams", "urgency", "status", "priority")
_LONGEST_FILTERED = 500
_TITLE_CHARACTERS = 120
_TIMES = ("at", "occurred_at", "created_at", "date")

# An escaped NUL, whose backslash is not escaped itself.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class OwnDocument(BaseModel):
    """A document as its owner gives it; `meta` comes back with it.

    Its `service`, `service_id`, `team` or `teams`, `urgency`, `status`, `priority` and `at` are what filters look at.
    """

    model_config = ConfigDict(extra="ignore")

    id: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    title: Annotated[str, StringConstraints(max_length=1_000)] | None = None
    text: Annotated[str, StringConstraints(max_length=LONGEST_TEXT)] = ""
    url: Annotated[str, StringConstraints(max_length=2_048)] | None = None
    source: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "document"
    meta: Annotated[dict[str, Any], Field(default_factory=dict)]

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: object) -> object:
        return {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else given

    @field_validator("id", "title", "text", "url", "source")
    @classmethod
    def _is_storable(cls, value: str | None) -> str | None:
        if value and "\x00" in value:
            message = "a NUL character cannot be stored"
            raise ValueError(message)
        return value

    @field_validator("id")
    @classmethod
    def _is_no_incident(cls, value: str) -> str:
        if value.startswith(INCIDENT_PREFIX):
            message = f"ids that begin with {INCIDENT_PREFIX} are those of PagerDuty's incidents; take another"
            raise ValueError(message)
        return value

    @field_validator("source")
    @classmethod
    def _is_no_source_of_ours(cls, value: str) -> str:
        if value == INCIDENT_SOURCE:
            message = f"{INCIDENT_SOURCE} is the source of PagerDuty's incidents; take another"
            raise ValueError(message)
        return value

    @field_validator("meta")
    @classmethod
    def _fits_indexes(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in _FILTERED:
            if any(len(text) > _LONGEST_FILTERED for text in _texts(value, name)):
                message = f"{name} is longer than {_LONGEST_FILTERED} characters"
                raise ValueError(message)
        return value

    @field_validator("meta")
    @classmethod
    def _is_json(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            text = json.dumps(value)
        except TypeError as error:
            message = f"it cannot be stored: {error}"
            raise ValueError(message) from error
        if len(text) > _LONGEST_META_BYTES:
            message = f"it is longer than {_LONGEST_META_BYTES} bytes"
            raise ValueError(message)
        if _NUL.search(text):
            message = "a NUL character cannot be stored"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _says_something(self) -> "OwnDocument":
        if not self.text.strip() and not (self.title or "").strip():
            message = "there is neither text nor title"
            raise ValueError(message)
        return self


def to_document(own: OwnDocument) -> Document:
    """The document as the index has it; without a title it is called by its first line."""
    has_title = bool((own.title or "").strip())
    title = (own.title or "").strip() if has_title else own.text.strip().splitlines()[0][:_TITLE_CHARACTERS].strip()
    bodies = [Passage("paragraph", text) for text in paragraphs(own.text)]
    meta = own.meta
    return Document(
        id=own.id,
        source=own.source,
        title=title,
        # A paragraph is embedded under the title; the title has a vector of its own only where there is nothing else.
        passages=tuple(bodies or [Passage("title", title)]),
        url=own.url,
        service_id=_text(meta, "service_id"),
        service=_text(meta, "service"),
        teams=(*_texts(meta, "team"), *_texts(meta, "teams")),
        urgency=_text(meta, "urgency"),
        status=_text(meta, "status"),
        priority=_text(meta, "priority"),
        at=next((at for name in _TIMES if (at := parse_time(meta.get(name)))), None),
        meta=meta,
    )


def _text(meta: Mapping[str, Any], name: str) -> str | None:
    value = meta.get(name)
    return value if isinstance(value, str) else None


def _texts(meta: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = meta.get(name)
    values = value if isinstance(value, list) else [value]
    return tuple(one for one in values if isinstance(one, str))
