"""`POST /v1/ask`."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from em_agent.api.errors import problems
from em_agent.api.parameters import known_only
from em_agent.ask.answers import Answer
from em_agent.ask.asker import MOST_CHARACTERS, Asker

PATH = "/v1/ask"


class Asked(BaseModel):
    """A question in plain words."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"q": "what caused the database outage last week?"}}
    )

    q: Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)]

    @field_validator("q")
    @classmethod
    def _asks_something(cls, value: str) -> str:
        if not value.strip():
            message = "it is empty"
            raise ValueError(message)
        return value


class Cited(BaseModel):
    """Where a part of the answer stands, word for word; `about` is cause, resolution, note, incident or metric."""

    id: str
    title: str
    url: str | None
    quote: str
    about: str
    author: str | None
    at: datetime | None


class AskedPeriod(BaseModel):
    """The window [since, until) that the words of the question mean; `since` is null for "before ..."."""

    since: datetime | None
    until: datetime
    words: str


class Answered(BaseModel):
    """An answer in plain text with its sources, and what the question was taken for."""

    answer: str
    citations: list[Cited]
    abstained: bool = Field(description="The question is not answered; `answer` says why.")
    degraded: list[str] = Field(description="What could not be asked: `dense` (the embedding model), `llm`.")
    intent: str = Field(description="number, cause, fix, recurring, list, similar, incident or search.")
    period: AskedPeriod | None
    filters: dict[str, list[str]] = Field(description="Which service, team, urgency, priority or status was meant.")


def router(asker: Asker) -> APIRouter:
    """The route, which asks the asker."""
    routes = APIRouter(tags=["memory"], dependencies=[Depends(known_only)])

    @routes.post(PATH, summary="Answer a question about incidents", responses=problems(401, 403, 413, 422, 503))
    async def ask(asked: Asked) -> Answered:
        """The answer out of incidents, notes and metrics, in quotes; or that there is none."""
        return Answered(**_fields(await asker.ask(asked.q, datetime.now(UTC))))

    return routes


def _fields(answer: Answer) -> dict[str, Any]:
    return {
        "answer": answer.answer,
        "citations": [
            Cited(**{name: getattr(cited, name) for name in Cited.model_fields}) for cited in answer.citations
        ],
        "abstained": answer.abstained,
        "degraded": list(answer.degraded),
        "intent": answer.intent,
        "period": answer.period,
        "filters": {name: list(values) for name, values in answer.filters.items()},
    }
