"""What a page looks at, in its URL."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest

from em_agent.dashboard.filters import MOST_BUCKETS, Filters, read_filters
from em_agent.dashboard.windows import PRESETS
from em_agent.errors import InvalidError

NOW = datetime(2026, 11, 24, 2, 14, 31, tzinfo=UTC)


def _read(given: dict[str, list[str]] | None = None, timezone: str = "UTC") -> Filters:
    return read_filters("/", given or {}, now=NOW, timezone=timezone)


def _asked(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


def test_the_window_is_that_of_the_api_unless_another_is_asked_for() -> None:
    """Without parameters a page shows thirty days until the minute that is now."""
    query = _read().query
    assert query.until == datetime(2026, 11, 24, 2, 15, tzinfo=UTC)
    assert query.until - query.since == timedelta(days=30)


@pytest.mark.parametrize(
    ("preset", "since", "until"),
    [
        ("this-month", "2026-10-31T23:00:00Z", "2026-11-24T02:15:00Z"),
        ("last-month", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
        ("this-quarter", "2026-09-30T22:00:00Z", "2026-11-24T02:15:00Z"),
        ("last-quarter", "2026-06-30T22:00:00Z", "2026-09-30T22:00:00Z"),
    ],
)
def test_months_and_quarters_begin_in_the_time_zone(preset: str, since: str, until: str) -> None:
    """A month or quarter is that of the time zone, over the change of its clocks too."""
    asked = _asked(_read({"window": [preset]}, "Europe/Berlin").api_url())
    assert (asked["since"], asked["until"]) == ([since], [until])


def test_dates_win_over_nothing_and_presets_over_dates() -> None:
    """Dates without a preset are the window; beside a preset they are left in the form and not looked at."""
    dates = {"since": ["2026-01-01"], "until": ["2026-02-01"]}
    assert _read(dates).query.since == datetime(2026, 1, 1, tzinfo=UTC)
    assert _read({**dates, "window": ["custom"]}).window == "custom"
    assert _read({**dates, "window": ["7d"]}).query.until - _read({**dates, "window": ["7d"]}).query.since == timedelta(
        7
    )
    assert _read({"window": ["custom"]}).window == "30d"


@pytest.mark.parametrize(
    "given",
    [
        {"window": ["yesterday"]},
        {"since": ["soon"]},
        {"since": ["2026-02-01"], "until": ["2026-01-01"]},
        {"urgency": ["hgih"]},
        {"group": ["hour"]},
        {"timezone": ["Mars/Base"]},
        {"timezone": ["Mars/Base"], "window": ["7d"]},
        {"service": ["a\x00b"]},
        {"since": ["0001-01-01"], "until": ["0001-01-05"]},
    ],
)
def test_what_is_wrong_is_said(given: dict[str, list[str]]) -> None:
    """A wrong parameter is an error, never another window or filter than the one asked for."""
    with pytest.raises(InvalidError):
        _read(given)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("unit", ["", "day", "week", "month"])
@pytest.mark.parametrize("timezone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_stretches_cover_the_window(preset: str, unit: str, timezone: str) -> None:
    """Days, weeks and months lie in the window without gap or overlap, and are not more than a chart can show."""
    filters = _read({"window": [preset], "group": [unit]}, timezone)
    stretches = filters.stretches()
    assert 0 < len(stretches) <= MOST_BUCKETS
    assert (stretches[0].since, stretches[-1].until) == (filters.query.since, filters.query.until)
    assert all(one.until == other.since for one, other in pairwise(stretches))


def test_parts_of_stretches_are_known() -> None:
    """A week that the window cuts is not whole; one that it ends with is."""
    whole = [
        stretch.is_whole
        for stretch in _read({"since": ["2026-03-04"], "until": ["2026-03-23"], "group": ["week"]}).stretches()
    ]
    assert whole == [False, True, True]
    assert [
        stretch.is_whole
        for stretch in _read({"since": ["2026-03-02"], "until": ["2026-03-10"], "group": ["week"]}).stretches()
    ] == [True, False]


def test_a_decade_is_shown_in_months_or_refused() -> None:
    """A window with more days than a chart shows comes in weeks or months; one with too many months is refused."""
    assert _read({"since": ["2024-01-01"], "group": ["day"]}).unit == "month"
    with pytest.raises(InvalidError, match="up to"):
        _read({"since": ["1970-01-01"]}).stretches()


def test_links_keep_what_is_looked_at() -> None:
    """A link to the same page changes one thing; one to another page keeps what pages share; neither keeps a place in a list."""
    filters = _read({"service": ["A&B", "C"], "sort": ["-open"], "cursor": ["x"], "page": ["3"], "window": ["7d"]})
    assert _asked(filters.url(sort="open")) == {"service": ["A&B", "C"], "sort": ["open"], "window": ["7d"]}
    assert _asked(filters.url(page="4"))["page"] == ["4"]
    assert _asked(filters.url_of("/services", service=None)) == {"window": ["7d"]}
    assert "service" not in _asked(filters.url(service=None))


def test_incidents_behind_a_number() -> None:
    """The list of incidents has the same window and filters, and what the number adds; days are named as dates."""
    filters = _read({"since": ["2026-03-01"], "until": ["2026-04-01"], "team": ["T"], "timezone": ["Europe/Berlin"]})
    url = filters.incidents_url(status=["triggered", "acknowledged"])
    assert url.startswith("/incidents?")
    assert _asked(url) == {
        "since": ["2026-03-01"], "until": ["2026-04-01"], "team": ["T"], "timezone": ["Europe/Berlin"],
        "status": ["triggered", "acknowledged"],
    }  # fmt: skip
