"""Answers as JSON or as CSV: pages of lists, and groups of metrics."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

from fastapi import Response

from em_agent.kit.memory import large_work
from em_agent.kit.process import run_in_turn
from em_agent.metrics.incidents import LARGE
from em_agent.metrics.parameters import COMPARISONS, FORMATS, Format, choice
from em_agent.metrics.table import Cell, to_csv

NEXT_CURSOR = "X-Next-Cursor"
_NO_GROUPS = '"groups":[]'
_MEDIA_TYPES: Mapping[Format, str] = {"json": "application/json", "csv": "text/csv"}


class Page(Protocol):
    """What a list gives at once."""

    next_cursor: str | None

    def model_dump_json(self) -> str:
        """The page as JSON."""


class Grouped(Protocol):
    """Metrics of a window."""

    @property
    def groups(self) -> Sequence[Any]:
        """One for each key."""

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """The same with other values."""


class Compared(Grouped, Protocol):
    """Metrics of a window, and of the one before if that was asked for."""

    @property
    def previous(self) -> Grouped | None:
        """The window before."""

    def model_dump_json(self, *, exclude: set[str]) -> str:
        """The metrics as JSON."""


Listed = TypeVar("Listed", bound=Page)
Measured = TypeVar("Measured", bound=Grouped)


def described(text: str) -> dict[int | str, dict[str, Any]]:
    """What the API's description says of an answer that may be CSV, too."""
    return {200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": text}}


def page_answer(
    page: Listed, table: Callable[[Listed], tuple[Sequence[str], Iterable[Sequence[Cell]]]], form: Format
) -> Response:
    """The page as it was asked for; CSV has no room for the next page's cursor, so that a header has it."""
    if form == "json":
        return Response(page.model_dump_json(), media_type=_MEDIA_TYPES[form])
    headers = {NEXT_CURSOR: page.next_cursor} if page.next_cursor else {}
    return Response(to_csv(*table(page)), media_type=_MEDIA_TYPES[form], headers=headers)


async def groups_answer(
    given: Mapping[str, Sequence[str]],
    measure: Callable[..., Awaitable[Measured]],
    write: Callable[..., str],
) -> Response:
    """Metrics with the comparison and in the form that the texts ask for.

    `measure(compare_previous=)` gives them, and `write(metrics, is_csv=, is_compared=)` the answer's body.

    Raises:
        InvalidError: `compare` or `format` is something that there is not.
        RetriableError: the database does not answer.

    """
    is_compared = choice(given, "compare", COMPARISONS) is not None
    form = choice(given, "format", FORMATS) or "json"
    with large_work():
        metrics = await measure(compare_previous=is_compared)

        def written() -> bytes:
            return write(metrics, is_csv=form == "csv", is_compared=is_compared).encode()

        content = await run_in_turn(written) if len(metrics.groups) > LARGE else written()
    return Response(content, media_type=_MEDIA_TYPES[form])


def to_json(metrics: Compared, *, without: Collection[str] = (), of_groups: Any = None) -> str:  # noqa: ANN401 - as pydantic has it
    """The metrics as JSON, without some fields, and without some of each group.

    Each group is written by itself: nothing else of the process gets a turn while pydantic writes.
    """
    windows: list[Grouped] = [window for window in (metrics, metrics.previous) if window is not None]
    previous = metrics.previous and metrics.previous.model_copy(update={"groups": []})
    frame = metrics.model_copy(update={"groups": [], "previous": previous}).model_dump_json(exclude=set(without))
    first, *others = frame.split(_NO_GROUPS)
    parts = [first]
    for window, following in zip(windows, others, strict=False):
        groups = ",".join(group.model_dump_json(exclude=of_groups) for group in window.groups)
        parts += ['"groups":[', groups, "]", following]
    return "".join(parts)
