"""Time phrases: what they mean, in several time zones and across changes of the clocks, and what is none."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.ask.periods import find_period, find_periods

# Clocks went forward on 29 March in Berlin and on 8 March in New York, and go back on 5 April in Auckland.
ZONES = ("Europe/Berlin", "America/New_York", "Pacific/Auckland")
NOW = "2026-04-01 10:30"  # a Wednesday; each zone's own clock

# Phrase, begin, end: by the clock on the wall.
PHRASES = [
    ("today", "2026-04-01", "2026-04-02"),
    ("yesterday", "2026-03-31", "2026-04-01"),
    ("the day before yesterday", "2026-03-30", "2026-03-31"),
    ("this morning", "2026-04-01", "2026-04-01 12:00"),
    ("yesterday afternoon", "2026-03-31 12:00", "2026-03-31 18:00"),
    ("yesterday evening", "2026-03-31 18:00", "2026-04-01"),
    ("last night", "2026-03-31 18:00", "2026-04-01 06:00"),
    ("tonight", "2026-04-01 18:00", "2026-04-02 06:00"),
    ("this week", "2026-03-30", "2026-04-06"),
    ("last week", "2026-03-23", "2026-03-30"),
    ("the previous week", "2026-03-23", "2026-03-30"),
    ("the week before last", "2026-03-16", "2026-03-23"),
    ("past week", "2026-03-25 10:30", NOW),
    ("this month", "2026-04-01", "2026-05-01"),
    ("last month", "2026-03-01", "2026-04-01"),
    ("in the last month", "2026-03-01", "2026-04-01"),
    ("over the past month", "2026-03-01 10:30", NOW),
    ("the month before last", "2026-02-01", "2026-03-01"),
    ("this quarter", "2026-04-01", "2026-07-01"),
    ("last quarter", "2026-01-01", "2026-04-01"),
    ("over the past quarter", "2026-01-01 10:30", NOW),
    ("this year", "2026-01-01", "2027-01-01"),
    ("last year", "2025-01-01", "2026-01-01"),
    ("the past year", "2025-04-01 10:30", NOW),
    ("last 7 days", "2026-03-25 10:30", NOW),
    ("in the last seven days", "2026-03-25 10:30", NOW),
    ("the last 30 days", "2026-03-02 10:30", NOW),
    ("over the past 3 months", "2026-01-01 10:30", NOW),
    ("last three weeks", "2026-03-11 10:30", NOW),
    ("the past couple of weeks", "2026-03-18 10:30", NOW),
    ("the past few days", "2026-03-29 10:30", NOW),
    ("previous 12 months", "2025-04-01 10:30", NOW),
    ("trailing 90d", "2026-01-01 10:30", NOW),
    ("the past two years", "2024-04-01 10:30", NOW),
    ("since yesterday", "2026-03-31", NOW),
    ("since Monday", "2026-03-30", NOW),
    ("since Wednesday", "2026-04-01", NOW),
    ("since last Wednesday", "2026-03-25", NOW),
    ("since Fri", "2026-03-27", NOW),
    ("since March", "2026-03-01", NOW),
    ("since May", "2025-05-01", NOW),
    ("since the beginning of March", "2026-03-01", NOW),
    ("since 2026-03-01", "2026-03-01", NOW),
    ("since 2026-03", "2026-03-01", NOW),
    ("since 3 March", "2026-03-03", NOW),
    ("since last week", "2026-03-23", NOW),
    ("since last month", "2026-03-01", NOW),
    ("since 2025", "2025-01-01", NOW),
    ("since Q1 2025", "2025-01-01", NOW),
    ("since 2026-03-01 09:15", "2026-03-01 09:15", NOW),
    ("since yesterday at 14:00", "2026-03-31 14:00", NOW),
    ("since 9am", "2026-04-01 09:00", NOW),
    ("since 14:00", "2026-03-31 14:00", NOW),
    ("from Monday on", "2026-03-30", NOW),
    ("from last Friday until now", "2026-03-27", NOW),
    ("in March", "2026-03-01", "2026-04-01"),
    ("in April", "2026-04-01", "2026-05-01"),
    ("in May", "2025-05-01", "2025-06-01"),
    ("in december", "2025-12-01", "2026-01-01"),
    ("for february", "2026-02-01", "2026-03-01"),
    ("during Feb", "2026-02-01", "2026-03-01"),
    ("in March 2025", "2025-03-01", "2025-04-01"),
    ("in march of 2025", "2025-03-01", "2025-04-01"),
    ("March 2025", "2025-03-01", "2025-04-01"),
    ("Nov 2024", "2024-11-01", "2024-12-01"),
    ("in March last year", "2025-03-01", "2025-04-01"),
    ("in Jan this year", "2026-01-01", "2026-02-01"),
    ("last March", "2026-03-01", "2026-04-01"),
    ("last April", "2025-04-01", "2025-05-01"),
    ("last december", "2025-12-01", "2026-01-01"),
    ("in early March", "2026-03-01", "2026-03-11"),
    ("mid-March", "2026-03-11", "2026-03-21"),
    ("at the end of February", "2026-02-21", "2026-03-01"),
    ("in late 2026-03", "2026-03-01", "2026-04-01"),
    ("in Q2", "2026-04-01", "2026-07-01"),
    ("in Q1", "2026-01-01", "2026-04-01"),
    ("Q3 2025", "2025-07-01", "2025-10-01"),
    ("in Q4 of 2025", "2025-10-01", "2026-01-01"),
    ("Q4 last year", "2025-10-01", "2026-01-01"),
    ("2025-Q1", "2025-01-01", "2025-04-01"),
    ("in 2025 Q2", "2025-04-01", "2025-07-01"),
    ("in the first quarter of 2025", "2025-01-01", "2025-04-01"),
    ("in the second quarter", "2026-04-01", "2026-07-01"),
    ("in H1 2025", "2025-01-01", "2025-07-01"),
    ("in the second half of 2025", "2025-07-01", "2026-01-01"),
    ("in 2025", "2025-01-01", "2026-01-01"),
    ("throughout 2024", "2024-01-01", "2025-01-01"),
    ("on Monday", "2026-03-30", "2026-03-31"),
    ("on Wednesday", "2026-04-01", "2026-04-02"),
    ("on Sunday", "2026-03-29", "2026-03-30"),
    ("last Tuesday", "2026-03-31", "2026-04-01"),
    ("last wednesday", "2026-03-25", "2026-03-26"),
    ("last Sun", "2026-03-29", "2026-03-30"),
    ("on Friday of last week", "2026-03-27", "2026-03-28"),
    ("last week's Monday", "2026-03-23", "2026-03-24"),
    ("on Monday morning", "2026-03-30", "2026-03-30 12:00"),
    ("on Sunday night", "2026-03-29 18:00", "2026-03-30 06:00"),
    ("on 3 March", "2026-03-03", "2026-03-04"),
    ("on the 3rd of March", "2026-03-03", "2026-03-04"),
    ("on March 3", "2026-03-03", "2026-03-04"),
    ("on March 3rd", "2026-03-03", "2026-03-04"),
    ("on March 3rd 2026", "2026-03-03", "2026-03-04"),
    ("on March 3rd, 2025", "2025-03-03", "2025-03-04"),
    ("on 3 Mar 2025", "2025-03-03", "2025-03-04"),
    ("on 12 June", "2025-06-12", "2025-06-13"),
    ("on Feb 29", "2024-02-29", "2024-03-01"),
    ("on May 3", "2025-05-03", "2025-05-04"),
    ("on the 15th", "2026-03-15", "2026-03-16"),
    ("on the 31st", "2026-03-31", "2026-04-01"),
    ("on 2026-03-29", "2026-03-29", "2026-03-30"),
    ("2026/03/08", "2026-03-08", "2026-03-09"),
    ("on March 29 at 14:00", "2026-03-29 14:00", "2026-03-29 15:00"),
    ("2026-W09", "2026-02-23", "2026-03-02"),
    ("2026-W13", "2026-03-23", "2026-03-30"),
    ("in week 9", "2026-02-23", "2026-03-02"),
    ("in week 50", "2025-12-08", "2025-12-15"),
    ("in week 1 of 2026", "2025-12-29", "2026-01-05"),
    ("2026-03", "2026-03-01", "2026-04-01"),
    ("in 2025-12", "2025-12-01", "2026-01-01"),
    ("in the week of March 3", "2026-03-02", "2026-03-09"),
    ("the week of 2026-03-29", "2026-03-23", "2026-03-30"),
    ("the week of 3 March 2025", "2025-03-03", "2025-03-10"),
    ("in the first week of March", "2026-03-01", "2026-03-08"),
    ("in the last week of February 2025", "2025-02-22", "2025-03-01"),
    ("between March 3 and March 10", "2026-03-03", "2026-03-11"),
    ("between March 3 and 10", "2026-03-03", "2026-03-11"),
    ("between 3 and 10 March", "2026-03-03", "2026-03-11"),
    ("between 2026-03-01 and 2026-03-15", "2026-03-01", "2026-03-16"),
    ("between January and March", "2026-01-01", "2026-04-01"),
    ("between January and March 2025", "2025-01-01", "2025-04-01"),
    ("from November to February", "2025-11-01", "2026-03-01"),
    ("from December 2024 to February", "2024-12-01", "2025-03-01"),
    ("from 1 March to 5 March", "2026-03-01", "2026-03-06"),
    ("from Monday to Tuesday", "2026-03-30", "2026-04-01"),
    ("from Friday through Sunday", "2026-03-27", "2026-03-30"),
    ("from last month to last week", "2026-03-01", "2026-03-30"),
    ("from yesterday till now", "2026-03-31", NOW),
    ("March 3-10", "2026-03-03", "2026-03-11"),
    ("2026-03-01 – 2026-03-07", "2026-03-01", "2026-03-08"),
    ("between Q1 and Q2 2025", "2025-01-01", "2025-07-01"),
    ("from 2024 to 2025", "2024-01-01", "2026-01-01"),
    ("a month ago", "2026-03-01", "2026-04-01"),
    ("two weeks ago", "2026-03-16", "2026-03-23"),
    ("3 days ago", "2026-03-29", "2026-03-30"),
    ("a couple of days ago", "2026-03-30", "2026-03-31"),
    ("a year ago", "2025-01-01", "2026-01-01"),
    ("a few weeks ago", "2026-02-23", "2026-03-23"),
    ("over the weekend", "2026-03-28", "2026-03-30"),
    ("last weekend", "2026-03-28", "2026-03-30"),
    ("on the weekend", "2026-03-28", "2026-03-30"),
    ("since the weekend", "2026-03-28", NOW),
    ("the weekend of March 7", "2026-03-07", "2026-03-09"),
    ("year to date", "2026-01-01", NOW),
    ("YTD", "2026-01-01", NOW),
    ("so far this year", "2026-01-01", "2027-01-01"),
    ("since the start of the year", "2026-01-01", NOW),
    ("since the beginning of this month", "2026-04-01", NOW),
    ("at the end of last month", "2026-03-22", "2026-04-01"),
    ("last 48h", "2026-03-30 10:30", NOW),
    ("the past hour", "2026-04-01 09:30", NOW),
    ("past 90 days", "2026-01-01 10:30", NOW),
    ("the last two quarters", "2025-10-01 10:30", NOW),
    ("the last fortnight", "2026-03-18 10:30", NOW),
    ("the previous quarter", "2026-01-01", "2026-04-01"),
    ("in the week starting March 2nd", "2026-03-02", "2026-03-09"),
    ("through 2025", None, "2026-01-01"),
    ("until 5 March 2026", None, "2026-03-06"),
    ("after last week", "2026-03-30", NOW),
    ("on 1st april 2026", "2026-04-01", "2026-04-02"),
    ("during the month of January", "2026-01-01", "2026-02-01"),
    ("on Thursday last week", "2026-03-26", "2026-03-27"),
    ("this Friday", "2026-04-03", "2026-04-04"),
    ("late December 2025", "2025-12-21", "2026-01-01"),
    ("next week", "2026-04-06", "2026-04-13"),
    ("tomorrow", "2026-04-02", "2026-04-03"),
    ("before March", None, "2026-03-01"),
    ("before 2026-03-15", None, "2026-03-15"),
    ("until last Friday", None, "2026-03-28"),
    ("prior to February 2026", None, "2026-02-01"),
    ("after March 3", "2026-03-04", NOW),
    ("after 2026-03-15", "2026-03-16", NOW),
    ("after Monday", "2026-03-31", NOW),
]  # fmt: skip

FRAMES = ("{}", "What caused the database outage {}?", "{}: how many incidents did we have?", "mttr {}, checkout only")

DECOYS = [
    "what may have caused the second outage", "#42", "march through the logs", "sun microsystems", "second",
    "the 500 errors", "in order", "P1", "may", "decline", "99th percentile", "version 2026.3.1", "v2025.03",
    "10.3.20.26", "a day-old backup", "the monthly report job", "the weekend-batch service", "March", "mar",
    "did the october-service fail", "what happened to incident 2026", "error 2013", "MySQL error 2006 (HY000)",
    "CVE-2021-44228", "INC-2026-03", "release-2026-03-01", "on port 2024", "in 2025 requests", "in 2024ms",
    "after 2020 retries", "the last deploy", "the last minute change", "past the limit", "last error",
    "the past", "in the past", "acknowledged within 5 minutes", "longer than a day", "resolved in 2 hours",
    "3 of 5 nodes", "at least 3 may fail", "it may 3 times", "may 2 services fail", "march 5 nodes forward",
    "march on", "in march order", "on sun microsystems servers", "the sat solver", "wed to this design",
    "on mon nodes", "Monday.com is down", "mondays", "the friday-deploy job", "on every Monday", "black friday",
    "who is April", "was it fixed by June", "ask August about it", "fixed by may", "Jan fixed it", "did Jan join",
    "the first time", "a second time", "third party API", "the first quarter of the disk", "half of the nodes",
    "Q5", "the Q1-importer", "H2 database", "the H2 console", "W3C", "5xx errors", "HTTP 503", "us-east-1",
    "between retries and timeouts", "between 2 and 3 errors", "from 10 to 20 pods", "from 2000 to 3000 connections",
    "since the deploy", "before the rollback", "after the restart", "until it recovered", "week over week",
    "per week", "by month", "each day", "every hour", "24/7", "5 nines", "the daily job", "hourly", "yearly audit",
    "nightly build", "the todayview widget", "today.example.com", "http://x.io/2026-03-01", "yesterday-sync",
    "2026-02-31", "2026-13-01", "on February 31", "Q1-Q9", "the 3rd node", "on the 2nd replica", "100th request",
    "in the last 3 incidents", "the last 5 deploys", "last", "this", "past", "ago", "since", "between", "from to",
    "an outage on a Monday evening", "some Friday", "any Tuesday night", "another Sunday",
    "NonExistentTimeError: 2025-03-30 02:17:00", 'it says "no trips on 2025-03-30"', "the line `down since yesterday`",
    "last_seen=2025-03-30T02:17:00Z", "E1205: 2025-03-30 02:17:00", "2025-03-30 02:17:00,123 ERROR pool is empty",
    "1.2.3", "2025.1", "12:30", "at 10:15", "SQL Server 2019", "Windows 2016", "over the weekend batch",
    "the weekend job", "mayday", "maybe", "marching", "sunny", "satisfied", "monitor", "decimal", "sept-queue",
    "novel", "octopus", "apr-1", "janitor", "febrile", "augment", "junebug", "july-backup", "thursdays",
    "today's-list/api", "SELECT * FROM x WHERE d > 2025", "id 20260301", "99.95%", "3.5 hours", "1000000 days ago",
]  # fmt: skip


def _utc(wall: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize(("phrase", "since", "until"), PHRASES, ids=[phrase for phrase, _, _ in PHRASES])
def test_phrases(phrase: str, since: str | None, until: str, name: str) -> None:
    """Each phrase, alone and in questions, means its range of the zone's clock on the wall, and is found whole."""
    zone = ZoneInfo(name)
    for frame in FRAMES:
        text = frame.format(phrase)
        period = find_period(text, zone, _utc(NOW, zone))
        assert period is not None, text
        assert (period.since, period.until) == (since and _utc(since, zone), _utc(until, zone)), text
        assert period.words == text[period.start : period.end].strip()
        assert phrase.endswith(period.words) or period.words.endswith(phrase), text


@pytest.mark.parametrize("decoy", DECOYS)
def test_decoys(decoy: str) -> None:
    """What only looks like a time is none, alone and in questions."""
    for frame in ("{}", "what caused {}?", "why did {} fail", "how many incidents with {} were there"):
        text = frame.format(decoy)
        found = find_periods(text, ZoneInfo("Europe/Berlin"), _utc(NOW, ZoneInfo("Europe/Berlin")))
        assert not found, (text, found)


@pytest.mark.parametrize("name", ZONES)
def test_hours_are_exact_and_days_are_the_calendars(name: str) -> None:
    """Across a change of the clocks, hours are counted as they pass, and a day lasts from midnight to midnight."""
    zone = ZoneInfo(name)
    for offset in range(0, 366, 3):
        now = datetime(2026, 1, 1, 12, 0, tzinfo=zone).astimezone(UTC) + timedelta(days=offset)
        day, past = find_period("past 24 hours", zone, now), find_period("yesterday", zone, now)
        assert day is not None
        assert (day.since, day.until) == (now - timedelta(hours=24), now)
        assert past is not None
        assert past.since is not None
        local = (past.since.astimezone(zone), past.until.astimezone(zone))
        assert [(moment.hour, moment.minute) for moment in local] == [(0, 0), (0, 0)]
        assert local[1].date() == now.astimezone(zone).date()


def test_days_with_other_lengths() -> None:
    """The day on which the clocks change has 23 or 25 hours; one that has no midnight begins when the clocks change."""
    berlin = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 11, 2, 12, tzinfo=UTC)
    for phrase, hours in (("on 2026-03-29", 23), ("on 25 October 2026", 25), ("on 1 October", 24)):
        period = find_period(phrase, berlin, now)
        assert period is not None
        assert period.since is not None
        assert period.until - period.since == timedelta(hours=hours)
    beirut = find_period("on 2026-03-29", ZoneInfo("Asia/Beirut"), now)
    assert beirut is not None
    assert beirut.since == datetime(2026, 3, 28, 22, tzinfo=UTC)


def test_where_the_date_differs() -> None:
    """Today is the date of the team's zone, not of UTC."""
    now = datetime(2026, 3, 1, 2, tzinfo=UTC)
    found = [find_period("this month", ZoneInfo(name), now) for name in ("America/New_York", "Asia/Tokyo")]
    assert [period.until.date().isoformat() for period in found if period] == ["2026-03-01", "2026-03-31"]


def test_several() -> None:
    """Every phrase of a question is found, in its order, with the words that say it."""
    zone = ZoneInfo("UTC")
    text = "Compare MTTR in March with February, and last week's with the week before last"
    words = [period.words for period in find_periods(text, zone, _utc(NOW, zone))]
    assert words == ["in March", "February", "last week's", "the week before last"]
    period = find_period("what broke yesterday's deploy?", zone, _utc(NOW, zone))
    assert period is not None
    assert period.without_words("what broke yesterday's deploy?").split() == ["what", "broke", "deploy?"]


def test_an_incident_on_a_day() -> None:
    """A day or month that describes an incident is a time; one that describes something else is none."""
    zone = ZoneInfo("UTC")
    for text, words in (
        ("the March outage", "the March"), ("what caused the Monday incident?", "Monday"), ("the may outage", "the may"),
        ("last night's database outage", "last night's"), ("the January checkout outage", "the January"),
    ):  # fmt: skip
        period = find_period(text, zone, _utc(NOW, zone))
        assert period is not None
        assert period.words == words


_PIECES = [phrase for phrase, _, _ in PHRASES] + DECOYS
_WORDS = sorted({word for piece in _PIECES for word in piece.split()})


@given(st.lists(st.sampled_from(_WORDS), max_size=12).map(" ".join) | st.text(max_size=200))
def test_any_text(text: str) -> None:
    """No text is an error; what is found is a range, and stands in the text where it says."""
    zone = ZoneInfo("Europe/Berlin")
    last = 0
    for period in find_periods(text, zone, _utc(NOW, zone)):
        assert period.since is None or period.since < period.until or period.until == _utc(NOW, zone)
        assert last <= period.start < period.end <= len(text)
        assert period.words == text[period.start : period.end].strip()
        last = period.end


@pytest.mark.parametrize(
    "text", ["last " * 2000, "a" * 10_000, "1 " * 5000, " " * 10_000, "in march " * 1100, "the " * 2500]
)
def test_long_texts(text: str) -> None:
    """Ten thousand characters are read in the time of a request."""
    import time  # noqa: PLC0415

    zone, started = ZoneInfo("UTC"), time.process_time()
    find_periods(text, zone, _utc(NOW, zone))
    assert time.process_time() - started < 2
