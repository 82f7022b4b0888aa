"""Charts: places and ticks, gaps, and nothing in them that is markup."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.dashboard.charts import bars, lines, svg
from em_agent.dashboard.charts.frame import Frame
from em_agent.dashboard.charts.scales import count_scale, duration_scale
from em_agent.dashboard.charts.sparks import spark
from em_agent.dashboard.filters import Stretch
from em_agent.dashboard.formats import round_duration

START = datetime(2026, 3, 2, tzinfo=UTC)
HOSTILE = "</title><script>alert(1)</script>&\"'"


def _frame(count: int) -> Frame:
    stretches = [
        Stretch(str(n), START + timedelta(days=n), START + timedelta(days=n + 1), is_whole=n > 0) for n in range(count)
    ]
    return Frame(stretches, "day", ZoneInfo("UTC"))


def _parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own


def _of(root: ET.Element, name: str, classes: str) -> list[ET.Element]:
    return [one for one in root.iter(name) if one.get("class") == classes]


@given(st.floats(0.001, 1e9))
def test_scales_hold_their_values(highest: float) -> None:
    """A scale reaches its highest value with six ticks at most, from 0, evenly."""
    for make in (duration_scale, count_scale):
        scale = make(highest, 0, 100)
        assert scale.top >= highest * (1 - 1e-9)
        assert scale.ticks[0] == 0
        assert 2 <= len(scale.ticks) <= 6
        assert scale.place(0) == 0


def test_ticks_of_durations_are_round() -> None:
    """The axis of a duration names full seconds, minutes, hours or days."""
    for highest, words in (
        (50, ["0", "10 s", "20 s", "30 s", "40 s", "50 s"]),
        (5000, ["0", "30 m", "1 h", "1 h 30 m"]),
        (15 * 3600, ["0", "3 h", "6 h", "9 h", "12 h", "15 h"]),
        (9 * 86400, ["0", "2 d", "4 d", "6 d", "8 d", "10 d"]),
    ):
        assert [round_duration(tick) for tick in duration_scale(highest, 0, 1).ticks] == words


def test_ticks_of_counts_are_whole() -> None:
    """One incident makes no axis of fifths."""
    assert list(count_scale(1, 0, 1).ticks) == [0, 1]
    assert list(count_scale(37, 0, 1).ticks) == [0, 10, 20, 30, 40]


def test_a_line_has_gaps_where_nothing_is_known() -> None:
    """An unknown value breaks the line and is no 0; one that stands alone is a dot."""
    root = _parsed(lines.band(_frame(5), "Time", [60, 70, None, 80, None], [90, 95, None, 99, None], "s1"))
    assert len(_of(root, "path", "line s1")) == 1
    assert len(_of(root, "path", "band s1")) == len(_of(root, "rect", "band s1")) == 1
    assert len(_of(root, "circle", "dot s1")) == 2
    assert len(_of(root, "circle", "dot s1 part")) == 1


def test_charts_without_anything() -> None:
    """A chart of nothing is a chart that says so."""
    assert "No value is known" in lines.band(_frame(3), "Time", [None] * 3, [None] * 3, "s1")
    assert not _of(_parsed(bars.stacked(_frame(2), "Incidents", [("high", [0, 0])])), "rect", "bar high")
    assert _parsed(spark("Nothing", [None, None])).get("role") == "img"
    assert _parsed(spark("None", [])).get("role") == "img"


def test_bars_stand_on_each_other() -> None:
    """The parts of a bar are as high as their counts, one on another."""
    root = _parsed(bars.stacked(_frame(1), "Incidents", [("high", [30]), ("low", [10])]))
    high, low = _of(root, "rect", "bar high")[0], _of(root, "rect", "bar low")[0]
    assert float(high.get("height", 0)) == pytest.approx(3 * (float(low.get("height", 0)) + 1), rel=0.05)
    assert float(low.get("y", 0)) + float(low.get("height", 0)) <= float(high.get("y", 0))


def test_nothing_in_a_chart_is_markup() -> None:
    """Titles and names are text, in elements as in attributes; a chart tells its name and what it shows."""
    text = lines.band(_frame(2), HOSTILE, [1, 2], [2, 3], "s1") + spark(HOSTILE, [1.0])
    assert "<script" not in text
    root = _parsed(f"<div>{text}</div>")
    chart = root[0]
    assert chart.findtext("title") == HOSTILE
    assert chart.get("role") == "img"
    assert (chart.get("aria-label") or "").startswith(HOSTILE)
    assert "style" not in {name for element in root.iter() for name in element.attrib}


def test_short_numbers() -> None:
    """Places in a drawing have one digit of a fraction at most."""
    assert svg.path([(0.123, 10.0), (5, 7.96)]) == "M0.1 10L5 8"
